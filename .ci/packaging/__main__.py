"""Lays out what a release is, so that it can be deployed without a Rust toolchain: packaging FOLDER BINARIES [LEVEL]

BINARIES has a folder for each processor (arm64, x86_64) with the functions' binaries in it; one of the two is enough. FOLDER,
which is created again, gets:

    cistern.yaml, cistern-x86_64.yaml   for `sam deploy`, with code for arm64 and for x86_64
    cistern-console.yaml                for the CloudFormation page of the console, or any other tool of yours
    <processor>/<binary>-<hash>.zip     the functions
    samconfig.toml, stack-policy.json, smoke/, README.md, NOTES.md, CHANGELOG.md, LICENSE-*, SHA256SUMS

The same binaries and sources give the same bytes. Prints the sizes of the zip files.
"""

import hashlib
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "crates/tools/cistern/python"))

from pack import pack  # noqa: E402 (it lies where the local stack has it)
import templates  # noqa: E402

SAM_TEMPLATES = {"arm64": "cistern.yaml", "x86_64": "cistern-x86_64.yaml"}
COPIED = ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "stack-policy.json"]
# For a release: a quarter smaller than at level 1, and slower by seconds.
SMALLEST = 9


def pack_functions(folder, binaries, names, level):
    """Packs the binaries of one processor; the path of each zip file within `folder`, by binary."""
    (folder / binaries.name).mkdir()
    zips = {}
    for name in names:
        unnamed = folder / "unfinished.zip"
        pack(binaries / name, unnamed, level)
        # New code has a new name: an update that finds the old one would leave the old code in place.
        found = hashlib.sha256(unnamed.read_bytes()).hexdigest()[:16]
        zips[name] = f"{binaries.name}/{name}-{found}.zip"
        unnamed.rename(folder / zips[name])
    return zips


def samconfig(text, template):
    """The checkout's samconfig.toml without what only a checkout needs: building, and the local stack."""
    kept = [block for block in text.split("\n\n") if not re.search(r"^\[(\w+\.build|local)\.", block, re.MULTILINE)]
    deploys = re.compile(r"^(\[\w+\.deploy\.parameters\])$", re.MULTILINE)
    return deploys.sub(rf'\1\ntemplate_file = "{template}"', "\n\n".join(kept).rstrip() + "\n")


def notes(changelog, version):
    """What CHANGELOG.md says of a version, or of what is not released yet."""
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    for title in (rf"\[?{re.escape(version)}\b", r"\[?Unreleased\b"):
        for section in sections:
            if re.match(title, section):
                return section.split("\n", 1)[1].strip() + "\n"
    raise ValueError(f"CHANGELOG.md has neither a section for {version} nor one called Unreleased")


def version_of_workspace():
    manifest = (ROOT / "Cargo.toml").read_text()
    return re.search(r'^\[workspace\.package\]\nversion = "([^"]+)"', manifest, re.MULTILINE)[1]


def checksums(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in files)


def lay_out(folder, binaries, level):
    """Makes the folder; the zip files of each processor, by binary."""
    template = (ROOT / "template.yaml").read_text()
    version = version_of_workspace()
    names = sorted(set(templates.functions(template).values()))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    packed = [name for name in SAM_TEMPLATES if (binaries / name).is_dir()]
    if not packed:
        raise FileNotFoundError(f"{binaries} has neither a folder arm64 nor one x86_64")
    zips = {architecture: pack_functions(folder, binaries / architecture, names, level) for architecture in packed}
    for architecture in packed:
        text = templates.for_sam(template, version, architecture, zips[architecture])
        (folder / SAM_TEMPLATES[architecture]).write_text(text)
    (folder / "cistern-console.yaml").write_text(templates.for_console(template, version, zips))

    for name in COPIED:
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copytree(ROOT / ".ci/smoke", folder / "smoke", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(Path(__file__).with_name("README.md"), folder / "README.md")
    config = samconfig((ROOT / "samconfig.toml").read_text(), SAM_TEMPLATES[packed[0]])
    (folder / "samconfig.toml").write_text(config)
    (folder / "NOTES.md").write_text(notes((ROOT / "CHANGELOG.md").read_text(), version))
    (folder / "SHA256SUMS").write_text(checksums(folder))
    return zips


def size_table(folder, zips):
    """A Markdown table, for people and for the summary of a run of CI."""
    architectures = list(zips)
    lines = [f"| function | {' | '.join(f'{it}, KiB' for it in architectures)} |", f"|---|{'---:|' * len(architectures)}"]
    for name in zips[architectures[0]]:
        sizes = [(folder / zips[architecture][name]).stat().st_size // 1024 for architecture in architectures]
        lines.append(f"| {name} | {' | '.join(map(str, sizes))} |")
    return "\n".join(lines)


def main(folder, binaries, level=SMALLEST):
    folder = Path(folder)
    try:
        zips = lay_out(folder, Path(binaries), int(level))
    except (FileNotFoundError, ValueError, templates.Unexpected) as error:
        sys.exit(f"error: {error}")
    print(size_table(folder, zips))


if __name__ == "__main__":
    main(*sys.argv[1:])
