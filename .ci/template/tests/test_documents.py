"""What the template says, against what the code and the documents say."""

import fnmatch
import re
import unittest

from .. import subject
from ..translation import MANAGED_POLICIES, ROOT
from .reading import mentions, of_type, properties, statements, texts

# checkov's findings that may be skipped, in the template and each with its reason.
MOST_SKIPS = 12


def binary(name):
    return subject.source()["Resources"][name]["Metadata"]["BuildProperties"]["Binary"]


def crate_of(binary):
    """The folder of the crate that a binary belongs to: its own, or one that has several."""
    own = ROOT / "crates" / "functions" / binary
    if own.is_dir():
        return own
    return next((ROOT / "crates").glob(f"functions/*/src/bin/{binary}.rs")).parents[2]


def source_functions():
    resources = subject.source()["Resources"].items()
    return [name for name, it in resources if it["Type"] == "AWS::Serverless::Function"]


class Environments(unittest.TestCase):
    READS = re.compile(r'"([A-Z][A-Z0-9_]{3,})"\s*[,)]')

    def test_every_function_is_told_what_it_reads_and_nothing_else(self):
        for function in source_functions():
            crate = crate_of(binary(function))
            code = (crate / "src" / "config.rs").read_text().split("#[cfg(test)]")[0]
            # What Lambda itself sets, or only the local stack, is no setting of the template.
            reads = {name for name in self.READS.findall(code) if not name.startswith("AWS_")}
            readme = set(re.findall(r"^\| `([A-Z][A-Z0-9_]*)` \|", (crate / "README.md").read_text(), re.MULTILINE))
            readme = {name for name in readme if not name.startswith("AWS_")}
            told = set(properties(function).get("Environment", {}).get("Variables", {}))
            self.assertEqual(reads, told, f"{function}: its code, the template")
            self.assertEqual(readme, told, f"{function}: its README, the template")


class Parameters(unittest.TestCase):
    def test_every_parameter_has_a_default_a_description_a_group_and_a_label(self):
        interface = subject.source()["Metadata"]["AWS::CloudFormation::Interface"]
        grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
        self.assertEqual(sorted(grouped), sorted(subject.source()["Parameters"]))
        self.assertEqual(set(interface["ParameterLabels"]), set(subject.source()["Parameters"]))
        for name, parameter in subject.source()["Parameters"].items():
            self.assertIn("Default", parameter, name)
            self.assertIn("Description", parameter, name)


class Boundary(unittest.TestCase):
    def test_the_documented_boundary_allows_what_every_role_does(self):
        deploy = (ROOT / "docs" / "deploy.md").read_text()
        section = re.search(r"^## Your own permissions boundary\n(.*?)^## ", deploy, re.DOTALL | re.MULTILINE)[1]
        documented = re.findall(r"`([a-z0-9-]+:[A-Za-z*]+)`", section)
        done = {
            action
            for role in of_type("AWS::IAM::Role", "AWS::IAM::Policy").values()
            for statement in statements([role["Properties"].get("Policies"), role["Properties"].get("PolicyDocument")])
            for action in texts(statement["Action"])
        }
        for role in of_type("AWS::IAM::Role").values():
            for arn in texts(role["Properties"].get("ManagedPolicyArns", [])):
                done |= MANAGED_POLICIES[arn.rsplit("/", 1)[-1]]
        self.assertGreater(len(done), 20)
        self.assertIn("ec2:DescribeSubnets", done)
        missing = {action for action in done if not any(fnmatch.fnmatchcase(action, it) for it in documented)}
        self.assertEqual(missing, set(), "docs/deploy.md, Your own permissions boundary")


class Switches(unittest.TestCase):
    def test_the_limits_that_a_switch_leaves_behind_are_named(self):
        """https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages-stagename-routesettings-routekey.html: UpdateStage
        keeps the settings of a route that it does not name, and nothing in a template deletes them."""
        deploy = (ROOT / "docs" / "deploy.md").read_text()
        section = re.search(r"^## Switching a part off\n(.*?)^## ", deploy, re.DOTALL | re.MULTILINE)[1]
        stages = [stack.of_type("AWS::ApiGatewayV2::Stage") for stack in subject.named().values()]
        for name in {name for there in stages for name in there}:
            keys = [set(there[name].get("RouteSettings", {})) for there in stages if name in there]
            switched = set.union(*keys) - set.intersection(*keys)
            self.assertTrue(switched, name)
            documented = set(re.findall(r"`([A-Z]+ /[^`]*)`", section))
            self.assertEqual(switched, documented, "docs/deploy.md, Switching a part off")


class Watching(unittest.TestCase):
    def test_every_alarm_is_described_in_docs_operations(self):
        operations = (ROOT / "docs" / "operations.md").read_text()
        alarms = set(of_type("AWS::CloudWatch::Alarm"))
        described = set(re.findall(r"^### (\w+Alarm)$", operations, re.MULTILINE))
        self.assertEqual(described, alarms)

    def test_every_alarm_goes_to_the_topic_and_says_what_it_means(self):
        for name, alarm in of_type("AWS::CloudWatch::Alarm").items():
            self.assertTrue(mentions(alarm["Properties"]["AlarmActions"], "AlarmTopic"), name)
            self.assertGreater(len(alarm["Properties"]["AlarmDescription"]), 20, name)

    def test_skipped_findings_are_few_and_have_reasons(self):
        skips = re.findall(r"checkov:skip=(\w+): ?(.*)", subject.text())
        self.assertLessEqual(len(skips), MOST_SKIPS)
        for check, reason in skips:
            self.assertGreater(len(reason), 20, check)
