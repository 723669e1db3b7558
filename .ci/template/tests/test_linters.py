"""What the linters find: in the template nothing, in the seeded faults enough."""

import unittest

from .. import faults, rules, subject
from ..resolution import Stack
from ..templates import Template

# Of the seeded faults, all but two must be seen.
MISSED_AT_MOST = 2


class Linters(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shown = subject.layers()
        cls.lints = {linter: it.result() for linter, it in subject.linting().items()}

    def test_they_find_nothing_in_any_form_of_any_resource(self):
        for linter, lints in self.lints.items():
            found = [str(it) for it in lints if it.template not in faults.FAULTS]
            if found:
                self.fail(f"{linter}:\n" + "\n".join(found))

    def test_they_are_shown_every_resource(self):
        shown = {name for body in self.shown.values() for name in body["Resources"]}
        self.assertEqual(shown, set(subject.template().resources))

    def seen_by(self, fault):
        """Who sees a fault."""
        seen = {linter for linter, lints in self.lints.items() if any(it.template == fault for it in lints)}
        if rules.check(Stack(Template(faults.templates()[fault]))):
            seen.add("rules")
        return seen

    def test_seeded_faults_are_seen(self):
        missed = [it for it in faults.FAULTS if it != faults.GOOD and not self.seen_by(it)]
        self.assertGreaterEqual(len(faults.FAULTS), 33)
        self.assertLessEqual(len(missed), MISSED_AT_MOST, missed)

    def test_nothing_is_seen_where_nothing_is_wrong(self):
        self.assertEqual(self.seen_by(faults.GOOD), set())

    def test_each_of_the_checks_is_needed(self):
        """One that sees nothing which the others do not see could go."""
        alone = [next(iter(seen)) for it in faults.FAULTS if len(seen := self.seen_by(it)) == 1]
        self.assertEqual(set(alone), {"rules", "cfn-lint", "cloudformation-validate"})
