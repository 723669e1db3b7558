"""The templates of a package: template.yaml with the code of each function named as a zip file that lies beside it.

They are made from its text, line by line, so that a packaged template reads like the original, reasons included. What is
looked for and not found exactly once is an error: nothing is packaged that only seems to be right.
"""

import re

RESOURCE = re.compile(r"  ([A-Za-z0-9]+):")
BINARY = re.compile(r"      BuildProperties: \{Binary: ([a-z0-9-]+)\}")
CODE = "      CodeUri: ."
FUNCTION = "    Type: AWS::Serverless::Function"
ARCHITECTURES = "    Default: arm64\n    AllowedValues: [arm64, x86_64]\n"


class Unexpected(Exception):
    """template.yaml is not written in the way that this relies on."""


def functions(template):
    """The binary of each function, by its logical id."""
    found = {}
    resource = None
    for line in template.splitlines():
        if match := RESOURCE.fullmatch(line):
            resource = match[1]
        elif match := BINARY.fullmatch(line):
            found[resource] = match[1]
    for what, there in ("functions", template.count(f"\n{FUNCTION}\n")), (f"`{CODE.strip()}`", template.count(f"\n{CODE}\n")):
        if there != len(found):
            raise Unexpected(f"template.yaml has {len(found)} functions that name a binary, but {there} {what}")
    return found


def for_sam(template, version, architecture, zips):
    """A template whose code is local, for SAM to upload: `zips` names each binary's file.

    A local path cannot depend on a parameter, so there is one template for each processor, and its parameter Architecture
    allows no other.
    """
    code = {function: [f"      CodeUri: {zips[binary]}"] for function, binary in functions(template).items()}
    return told(with_code(with_architectures(template, [architecture]), code), version, f"functions for {architecture}")


def for_console(template, version, zips):
    """A template whose code has been copied to a bucket of yours: `zips` names each binary's file by processor.

    CloudFormation, and with it the console's page, reads code from S3 alone. The bucket and where in it are parameters.
    """
    architectures = list(zips)
    code = {}
    for function, binary in functions(template).items():
        keys = [zips[architecture][binary] for architecture in architectures]
        key = keys[0] if len(keys) == 1 else f"!If [OnArm, {zips['arm64'][binary]}, {zips['x86_64'][binary]}]"
        code[function] = [
            "      CodeUri:",
            "        Bucket: !Ref CodeBucket",
            f"        Key: !Join ['', [!Ref CodePrefix, {key}]]",
        ]
    text = with_code(with_architectures(template, architectures), code)
    text = after_line(text, "    ParameterGroups:", CONSOLE_GROUP)
    text = after_line(text, "    ParameterLabels:", CONSOLE_LABELS)
    text = after_line(text, "Parameters:", CONSOLE_PARAMETERS)
    if len(architectures) > 1:
        text = after_line(text, "Conditions:", CONSOLE_CONDITION)
    return told(text, version, "functions from a bucket of yours")


CONSOLE_GROUP = """\
      - Label: {default: "Code of the functions, copied to S3"}
        Parameters: [CodeBucket, CodePrefix]
"""
CONSOLE_LABELS = """\
      CodeBucket: {default: Bucket of the code}
      CodePrefix: {default: Prefix of the code}
"""
# The files' names end in hashes of their contents. So files of several releases can be under one prefix, and an update that keeps
# the prefix, as the console does, still uses the new code.
CONSOLE_PARAMETERS = """\
  CodeBucket:
    Type: String
    AllowedPattern: ^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$
    ConstraintDescription: must be the name of a bucket
    Description: The bucket to which you have copied the release's folder. It must be in this region.
  CodePrefix:
    Type: String
    Default: cistern/
    AllowedPattern: ^([A-Za-z0-9_.=-]+/)*$
    ConstraintDescription: must be empty or end in a slash, such as cistern/
    Description: Prefix of the folders arm64 and x86_64 in that bucket.
"""
CONSOLE_CONDITION = """\
  OnArm: !Equals [!Ref Architecture, arm64]
"""


def with_code(template, code):
    """Puts the lines of `code` where each function names the checkout."""
    lines = []
    resource = None
    for line in template.splitlines():
        if match := RESOURCE.fullmatch(line):
            resource = match[1]
        lines.extend(code[resource] if line == CODE else [line])
    return "\n".join(lines) + "\n"


def with_architectures(template, architectures):
    """Restricts the parameter Architecture to the architectures that have code."""
    if template.count(ARCHITECTURES) != 1:
        raise Unexpected("template.yaml does not list the processor architectures in the expected form")
    only = (
        f"    Default: {architectures[0]}\n"
        f"    AllowedValues: [{', '.join(architectures)}]\n"
        f"    ConstraintDescription: must be {' or '.join(architectures)}, for which this template has code\n"
    )
    return template.replace(ARCHITECTURES, only)


def told(template, version, what):
    """Adds the version, as a comment at the top and as metadata that CloudFormation returns."""
    text = after_line(template, "Metadata:", f"  Cistern: {{Version: {version}}}\n")
    return f"# Cistern {version}, {what}. Made from template.yaml by `make package`; see README.md.\n{text}"


def after_line(text, line, added):
    """Adds lines after the one line that is `line`."""
    if text.count(f"\n{line}\n") != 1:
        raise Unexpected(f"template.yaml has {text.count(line)} lines `{line}`, not one")
    return text.replace(f"\n{line}\n", f"\n{line}\n{added}")
