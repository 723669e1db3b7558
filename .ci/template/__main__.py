"""Runs every check of the template, and reports which oracles checked how much. Arguments: names of test modules, or none."""

import sys
import time
import unittest
from pathlib import Path

from . import faults, linters, rights, rules, stories, subject
from .tests import test_mutations, test_rights

TESTS = Path(__file__).resolve().parent / "tests"


def main(names):
    began = time.monotonic()
    loader = unittest.TestLoader()
    if names:
        suite = loader.loadTestsFromNames([f"template.tests.test_{name}" for name in names])
    else:
        subject.linting()
        suite = loader.discover(str(TESTS), top_level_dir=str(TESTS.parents[1]))
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    if not names:
        print(summary(time.monotonic() - began))
    return 0 if result.wasSuccessful() and result.testsRun else 1


def summary(seconds):
    """Which oracles ran, on how much."""
    named = len(subject.named())
    lint, validate = linters.versions()
    shown = sum(len(it["Resources"]) for it in subject.layers().values())
    return "\n".join(
        (
            f"template: {len(subject.sets()) - named} combinations of the choices and {named} sets of values, in {seconds:.0f} s",
            f"  own rules: {len(rules.rules())} on each of them, {len(test_mutations.MUTATIONS)} mutations",
            f"  {lint}, {validate}: {shown} forms of {len(subject.template().resources)} resources, "
            f"{len(faults.FAULTS) - 1} seeded faults",
            f"  {rights.version()}: {test_rights.Rights.asked} rights",
            f"  model of CloudWatch's alarms: {2 * len(stories.STORIES)} stories of {len(stories.STORIES)} alarms",
        )
    )


sys.exit(main(sys.argv[1:]))
