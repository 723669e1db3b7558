"""The rules of this folder, on calls that a run of the tests has recorded: that a permission taken out of template.yaml is
missed, and that one which nobody needs is found.

Run by the Python that .ci/test-tools installs for it.
"""

import copy
import json
import unittest
from pathlib import Path

import yaml

import calls
import deployed
import evaluate

HERE = Path(__file__).parent
STACK = "cistern"
# As the local stack is deployed.
PARAMETERS = {"DatabaseUrl": "postgres://u:p@h/d", "TrackFunctionUrl": "true", "CloseMonths": "true", "CanarySchedule": "rate(1 day)"}


def recorded():
    """One call for each permission that the tests were seen to need, with the template's names in place of a stack's."""
    return [calls.Call(STACK, *it) for it in json.loads((HERE / "recorded.json").read_text())]


def resolved(changed):
    return {STACK: deployed.Deployed(changed, STACK, PARAMETERS, {})}


def statements(value):
    if isinstance(value, list):
        return [found for inner in value for found in statements(inner)]
    if isinstance(value, dict):
        return [value] if "Effect" in value else [found for inner in value.values() for found in statements(inner)]
    return []


def template_with(role, change):
    """The translated template after a change to each statement of a role."""
    changed = copy.deepcopy(deployed.translated())
    for statement in statements(changed["Resources"][role]["Properties"]["Policies"]):
        change(statement)
    return changed


def without(role, action):
    def take_out(statement):
        statement["Action"] = [it for it in evaluate.as_list(statement["Action"]) if it != action] or ["sts:GetCallerIdentity"]

    return template_with(role, take_out)


class Denied(unittest.TestCase):
    def setUp(self):
        self.calls = recorded()
        self.functions = resolved(deployed.translated())[STACK].functions()

    def test_every_recorded_call_is_allowed(self):
        self.assertGreater(len(self.calls), 20)
        self.assertEqual(evaluate.evaluate(self.calls, resolved(deployed.translated())).denied, [])

    def test_every_action_that_is_taken_out_is_missed(self):
        tried = {(call.function, call.action) for call in self.calls}
        self.assertGreater(len(tried), 12)
        for function, action in sorted(tried):
            with self.subTest(function=function, action=action):
                changed = without(self.functions[function], action)
                denied = evaluate.evaluate(self.calls, resolved(changed)).denied
                self.assertEqual({(it.function, it.action) for it in denied}, {(function, action)})

    def test_a_resource_with_one_letter_wrong_is_missed(self):
        for function, right, wrong in [
            ("IngestFunction", "/raw/sparkpost/", "/raw/sparkposts/"),
            ("LoaderFunction", "/raw/sparkpost/", "/raw/Sparkpost/"),
            ("CompactorFunction", "/state/lake/", "/states/lake/"),
        ]:
            with self.subTest(function=function):
                def misspell(statement):
                    statement["Resource"] = json.loads(json.dumps(statement["Resource"]).replace(right, wrong))

                changed = template_with(self.functions[function], misspell)
                denied = evaluate.evaluate(self.calls, resolved(changed)).denied
                self.assertEqual({it.function for it in denied}, {function})

    def test_a_denial_outweighs_what_is_allowed(self):
        role = self.functions["IngestFunction"]
        changed = copy.deepcopy(deployed.translated())
        denial = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
        changed["Resources"][role]["Properties"]["Policies"].append({"PolicyName": "deny", "PolicyDocument": {"Statement": [denial]}})
        denied = evaluate.evaluate(self.calls, resolved(changed)).denied
        self.assertEqual({it.function for it in denied}, {"IngestFunction"})


class Unused(unittest.TestCase):
    def setUp(self):
        self.reasons = yaml.safe_load((HERE / "unused.yaml").read_text())

    def unexplained(self, changed):
        unused = evaluate.evaluate(recorded(), resolved(changed)).unused
        return evaluate.explain(unused, self.reasons)[0]

    def test_what_no_call_needs_is_explained(self):
        self.assertEqual(self.unexplained(deployed.translated()), [])

    def test_a_permission_too_many_is_found(self):
        def give(statement):
            if evaluate.as_list(statement["Action"]) == ["s3:PutObject"]:
                statement["Action"] = ["s3:PutObject", "s3:DeleteObject"]

        found = self.unexplained(template_with("IngestFunctionRole", give))
        self.assertEqual({(it.role, it.action) for it in found}, {("IngestFunctionRole", "s3:DeleteObject")})

    def test_a_reason_for_nothing_is_found(self):
        unused = evaluate.evaluate(recorded(), resolved(deployed.translated())).unused
        stale = {"reason": "none", "roles": ["IngestFunctionRole"], "actions": ["s3:PutObject"]}
        self.assertIn(stale, evaluate.explain(unused, [*self.reasons, stale])[1])


class Emulator(calls.Recorder):
    """A recorder of a list of calls, oldest first, of which the last `kept` are there."""

    def __init__(self, kept):
        self.made, self.kept, self.last_id = [], kept, None

    def make(self, count):
        start = len(self.made)
        self.made.extend({"EventId": str(n), "EventTime": n / 7} for n in range(start, start + count))

    def _page(self, before):
        there = [it for it in self.made[-self.kept :] if before is None or it["EventTime"] <= before]
        return list(reversed(there))[: self.PAGE]


class Recording(unittest.TestCase):
    def test_every_call_is_read_once_and_in_order(self):
        emulator, read = Emulator(kept=1000), []
        for count in [0, 1, 49, 50, 51, 0, 100, 999, 1]:
            emulator.make(count)
            read += emulator.poll()
        self.assertEqual(read, emulator.made)

    def test_calls_that_were_forgotten_are_told(self):
        emulator = Emulator(kept=100)
        emulator.make(10)
        emulator.poll()
        emulator.make(101)
        with self.assertRaises(calls.Lost):
            emulator.poll()
        emulator.begin_again()
        self.assertEqual(emulator.poll(), emulator.made[-100:])


if __name__ == "__main__":
    unittest.main()
