"""Packs a function's binary as Lambda takes it: pack.py BINARY PACKAGE [LEVEL]

The same binary gives the same bytes, whenever and wherever its file was made: SAM names an upload by its hash, so that code
that has not changed is neither uploaded nor deployed again. LEVEL is deflate's, from 1 to 9; without one it is 1, as at 9,
which SAM itself takes, packing for the local stack would last longer than everything else that a deployment does.
"""

import sys
import zipfile

# The earliest time that a zip file can tell.
ANY_TIME = (1980, 1, 1, 0, 0, 0)
UNIX = 3
EXECUTABLE_FILE = 0o100755


def pack(binary, package, level=1):
    """Writes the zip file `package`, which holds the file `binary` as `bootstrap`, and nothing else."""
    entry = zipfile.ZipInfo("bootstrap", ANY_TIME)
    entry.create_system = UNIX
    # Lambda runs what may be executed, whatever rights the file had on the way here.
    entry.external_attr = EXECUTABLE_FILE << 16
    with open(binary, "rb") as file, zipfile.ZipFile(package, "w") as archive:
        archive.writestr(entry, file.read(), zipfile.ZIP_DEFLATED, level)


if __name__ == "__main__":
    pack(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
