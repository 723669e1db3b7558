"""Packs a function's binary as Lambda takes it: pack.py BINARY PACKAGE

SAM would do so itself, at its highest compression and on each deployment, which takes longer than
everything else that it does.
"""

import sys
import zipfile

binary, package = sys.argv[1:]
with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
    archive.write(binary, "bootstrap")
