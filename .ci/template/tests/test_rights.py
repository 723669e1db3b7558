"""Rights of the template's stacks, as rights.txt has them."""

import copy
import fnmatch
import unittest

from .. import rights, subject
from ..resolution import Stack
from ..templates import Template
from . import test_mutations

SETS = ("defaults", "everything")


def listed(value):
    return value if isinstance(value, list) else [value]


def without(body, name):
    """A template without a resource, and without what waits for it."""

    def cut(value):
        if isinstance(value, dict):
            return {key: cut(it) for key, it in value.items()}
        if isinstance(value, list):
            return [cut(it) for it in value if it not in ({"Ref": name}, name)]
        return value

    return body | {"Resources": {key: cut(it) for key, it in body["Resources"].items() if key != name}}


class Rights(unittest.TestCase):
    asked = 0

    def setUp(self):
        self.key_policy = rights.documented_key_policy(rights.DEPLOY.read_text())

    def test_the_table_holds(self):
        for name in SETS:
            wrong, asked = rights.check(subject.named()[name], self.key_policy)
            Rights.asked += asked
            if wrong:
                self.fail(f"with {name}, these are not as rights.txt has them:\n" + "\n".join(wrong))

    def test_every_line_is_asked_in_some_stack(self):
        requests = [rights.Requests(subject.named()[name], self.key_policy) for name in SETS]
        idle = [str(line) for line in rights.table() if not any(it.request(line) for it in requests)]
        self.assertFalse(idle, "the stacks have not what these are about")

    def test_every_action_of_every_role_has_a_line_that_needs_it(self):
        stack = subject.named()["everything"]
        requests = rights.Requests(stack, self.key_policy)
        asked = [(requests.role_of(it.principal), requests.request(it)) for it in rights.table() if it.is_allowed]
        for role, it in stack.of_type("AWS::IAM::Role").items():
            for policy in it.get("Policies", []):
                for statement in listed(policy["PolicyDocument"]["Statement"]):
                    for action in listed(statement["Action"]):
                        self.assertTrue(
                            any(
                                who == role
                                and request
                                and fnmatch.fnmatchcase(request["action"], action)
                                and any(
                                    fnmatch.fnmatchcase(request["resource"], place) for place in listed(statement["Resource"])
                                )
                                for who, request in asked
                            ),
                            f"{role} may {action} on {statement['Resource']}, and no line of rights.txt needs it",
                        )

    def test_the_way_to_s3_lets_through_what_is_needed(self):
        wanted = rights.by_way_of(subject.named()["defaults"], "S3Endpoint")
        answers = rights.simulate([request for _, request, _ in wanted])
        self.assertEqual([name for (name, _, is_allowed), answer in zip(wanted, answers) if answer != is_allowed], [])

    def wrong(self, mutate=None, key_policy=None):
        body = copy.deepcopy(subject.template().body)
        if mutate:
            mutate(body)
        stack = Stack(Template(body), subject.named()["everything"].given)
        return "\n".join(rights.check(stack, key_policy or self.key_policy)[0])

    def test_a_key_that_eventbridge_may_not_use_is_found(self):
        without = copy.deepcopy(self.key_policy)
        for statement in without["Statement"]:
            services = statement["Principal"].get("Service")
            if services is not None:
                statement["Principal"]["Service"] = [it for it in listed(services) if it != "events.amazonaws.com"] or [
                    "ec2.amazonaws.com"
                ]
        self.assertIn("events.amazonaws.com kms:Decrypt key", self.wrong(key_policy=without))
        # EventBridge does not say for whom it comes, so that a condition on that shuts it out.
        conditioned = copy.deepcopy(self.key_policy)
        for statement in conditioned["Statement"]:
            if "events.amazonaws.com" in str(statement["Principal"]):
                statement["Condition"] = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
        self.assertIn("events.amazonaws.com kms:GenerateDataKey key", self.wrong(key_policy=conditioned))

    def test_a_queue_policy_for_short_stack_names_is_found(self):
        body = copy.deepcopy(subject.template().body)
        test_mutations.let_a_rule_send_by_a_pattern_of_its_name(body)
        stack = Stack(Template(body), subject.named()["everything"].given, "customer-events-production-europe-west-2")
        self.assertIn("events.amazonaws.com sqs:SendMessage ArchiveQueue", "\n".join(rights.check(stack, self.key_policy)[0]))

    def test_a_permission_for_another_route_is_found(self):
        def narrow(body):
            source = {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/*/GET/healthz"}
            body["Resources"]["QueryPermission"]["Properties"]["SourceArn"] = source

        self.assertIn("apigateway.amazonaws.com lambda:InvokeFunction QueryFunction", self.wrong(narrow))

    def test_without_any_one_permission_or_policy_a_right_is_lost(self):
        """Those of Function URLs have a rule of their own, and dead letters of SQS come without one."""
        body = subject.template().body
        stack = subject.named()["everything"]
        reached = {it.resource for it in rights.table() if it.principal.endswith(".amazonaws.com")}
        queues = {stack.answer(it) for it in reached if it in stack.resources}
        removed = [
            name
            for name in stack.resources
            if stack.resources[name]["Type"] == "AWS::Lambda::Permission"
            and stack.resources[name]["Properties"]["Principal"] != "*"
            or queues
            & {*stack.resources[name]["Properties"].get("Queues", []), *stack.resources[name]["Properties"].get("Topics", [])}
        ]
        asked = []
        for name in removed:
            requests = rights.Requests(Stack(Template(without(body, name)), stack.given), self.key_policy)
            lines = [it for it in [*rights.table(), *rights.routes(requests.stack)] if it.principal.endswith(".amazonaws.com")]
            asked += [(name, request) for it in lines if it.is_allowed and (request := requests.request(it))]
        lost = {name for (name, _), is_allowed in zip(asked, rights.simulate([it for _, it in asked])) if not is_allowed}
        self.assertEqual(set(removed) - lost, set(), "no line of rights.txt and no route needs these")

    def test_a_topic_without_a_policy_is_found(self):
        self.assertIn(
            "cloudwatch.amazonaws.com sns:Publish AlarmTopic", self.wrong(lambda body: body["Resources"].pop("AlarmTopicPolicy"))
        )

    def test_a_letter_wrong_in_a_prefix_is_found(self):
        def misspell(body):
            for name in ("MParticleRole", "TrackStreamRole"):
                for policy in body["Resources"][name]["Properties"]["Policies"]:
                    for statement in policy["PolicyDocument"]["Statement"]:
                        if statement.get("Sid") in ("StoreEvents", "SendBatches"):
                            statement["Resource"] = {"Fn::Sub": "${EventsBucket.Arn}/raw/trak/*"}

        wrong = self.wrong(misspell)
        self.assertIn("TrackStreamRole s3:PutObject EventsBucket/raw/track/", wrong)
        self.assertIn("MParticleRole sqs:SendMessage ForwardQueue", wrong)
