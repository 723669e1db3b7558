"""Asks AWS's cloudformation-validate about the templates named: JSON on standard output. Run by the Python of .local/tools/oracles."""

import json
import sys
from pathlib import Path

import cloudformation_validate

engine = cloudformation_validate.CompositeEngine()
found = [
    {"file": file, "rule": it.rule_id, "resource": it.entity.logical_id if it.entity else "", "text": it.message}
    for file in sys.argv[1:]
    for it in engine.validate_template(Path(file)).diagnostics
]
json.dump(found, sys.stdout)
