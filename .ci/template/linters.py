"""Two linters that know the schemas of every type: cfn-lint, and AWS's own cloudformation-validate.

They see patterns, lengths and choices in plain values alone, so what they are shown is resolved. Most resources come out alike
under most parameters: `layers` puts each form of each resource into one template of few.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .rights import HERE, ORACLES
from .resolution import REGION, Stack

# A warning of cfn-lint that is an error here: an action that no service has.
UNKNOWN_ACTION = "W3037"


@dataclass(frozen=True)
class Lint:
    """What a linter says of a resource of one of the templates it was shown."""

    template: str
    rule: str
    resource: str
    text: str

    def __str__(self):
        return f"{self.template}: {self.resource}: {self.rule}: {self.text}"


def layers(template, sets):
    """Templates that together have every form that a resource takes under any of the sets, each once, by name."""
    seen, found = {}, []
    for parameters in sets:
        for logical_id, resource in Stack(template, parameters).resources.items():
            form = {key: it for key, it in resource.items() if key != "DependsOn"}
            text = json.dumps(form, sort_keys=True)
            forms = seen.setdefault(logical_id, set())
            if text not in forms:
                if len(forms) == len(found):
                    found.append({})
                found[len(forms)][logical_id] = form
                forms.add(text)
    return {f"form {index}": {"AWSTemplateFormatVersion": "2010-09-09", "Resources": it} for index, it in enumerate(found, 1)}


def cfn_lint(templates):
    """What cfn-lint calls an error, and actions that no service has."""
    with _written(templates) as files:
        program = Path(sys.executable).with_name("cfn-lint")
        done = subprocess.run(
            [program, "--format", "json", "--regions", REGION, "--", *files], capture_output=True, text=True, check=False
        )
        if not done.stdout.strip():
            if done.returncode == 0:
                return []
            raise RuntimeError(f"cfn-lint: {done.stderr[-2000:]}")
        return [
            Lint(files[it["Filename"]], it["Rule"]["Id"], _resource(it["Location"]["Path"]), it["Message"])
            for it in json.loads(done.stdout)
            if it["Rule"]["Id"].startswith("E") or it["Rule"]["Id"] == UNKNOWN_ACTION
        ]


def _resource(path):
    return str(path[1]) if path and len(path) > 1 else ""


def cloudformation_validate(templates):
    """What cloudformation-validate calls fatal or an error, and the warning that is a list of cfn-lint's errors."""
    with _written(templates) as files:
        done = subprocess.run(
            [ORACLES / "bin" / "python", HERE / "validate.py", *files], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"cloudformation-validate: {done.stderr[-2000:]}")
        return [
            Lint(files[it["file"]], it["rule"], it["resource"], it["text"])
            for it in json.loads(done.stdout)
            if it["rule"][0] in "FE"
        ]


class _written:
    """Templates as files in a temporary folder; a mapping from each file to its template's name."""

    def __init__(self, templates):
        self.templates = templates

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        files = {}
        for index, (name, body) in enumerate(self.templates.items()):
            file = Path(self.folder.name) / f"{index}.json"
            file.write_text(json.dumps(body))
            files[str(file)] = name
        return files

    def __exit__(self, *_):
        self.folder.cleanup()


def versions():
    """The versions of both, for people."""
    lint = subprocess.run([Path(sys.executable).with_name("cfn-lint"), "--version"], capture_output=True, text=True, check=True)
    code = "from importlib.metadata import version; print(version('cloudformation-validate'))"
    validate = subprocess.run([ORACLES / "bin" / "python", "-c", code], capture_output=True, text=True, check=True)
    return lint.stdout.strip(), f"cloudformation-validate {validate.stdout.strip()}"
