"""What CloudFormation makes of a template's functions and names."""

import unittest

from .. import names
from ..resolution import Stack, Unresolved
from ..templates import Template

BODY = {
    "Parameters": {
        "Mode": {"Type": "String", "Default": "on", "AllowedValues": ["on", "off"]},
        "Count": {"Type": "Number", "Default": 3},
        "Subnets": {"Type": "CommaDelimitedList", "Default": "a,b"},
    },
    "Mappings": {"Sizes": {"3": {"Seconds": 30}}},
    "Conditions": {
        "On": {"Fn::Equals": [{"Ref": "Mode"}, "on"]},
        "Many": {"Fn::And": [{"Condition": "On"}, {"Fn::Not": [{"Fn::Equals": [{"Ref": "Count"}, 0]}]}]},
    },
    "Resources": {
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"DelaySeconds": {"Fn::If": ["Many", {"Ref": "Count"}, {"Ref": "AWS::NoValue"}]}},
        },
        "Other": {"Type": "AWS::SQS::Queue", "Condition": "On"},
        "Topic": {
            "Type": "AWS::SNS::Topic",
            "DependsOn": ["Other", "Queue"],
            "Properties": {
                "DisplayName": {"Fn::Sub": ["${Queue.QueueName} ${!kept} ${Own} ${Mode}", {"Own": {"Ref": "Count"}}]},
                "TopicName": {"Fn::Join": ["-", {"Fn::Split": [".", {"Fn::Select": [1, {"Ref": "Subnets"}]}]}]},
            },
        },
    },
}


class Resolution(unittest.TestCase):
    def setUp(self):
        self.template = Template(BODY)

    def test_functions_answer_what_cloudformation_answers(self):
        stack = Stack(self.template)
        queue = names.generated("cistern", "Queue", 80)
        self.assertEqual(stack.of_type("AWS::SQS::Queue")["Queue"], {"DelaySeconds": 3})
        self.assertEqual(stack.of_type("AWS::SNS::Topic")["Topic"], {"DisplayName": f"{queue} ${{kept}} 3 on", "TopicName": "b"})
        self.assertEqual(stack.answer("Topic"), "arn:aws:sns:us-east-1:123456789012:b")

    def test_a_mapping_is_found_by_a_number_and_refused_without_its_key(self):
        value = {"Fn::FindInMap": ["Sizes", {"Ref": "Count"}, "Seconds"]}
        self.assertEqual(Stack(self.template).value(value), 30)
        with self.assertRaises(Unresolved):
            Stack(self.template, {"Count": "4"}).value(value)

    def test_what_a_condition_leaves_out_is_not_there(self):
        stack = Stack(self.template, {"Mode": "off"})
        self.assertEqual(set(stack.resources), {"Queue", "Topic"})
        self.assertEqual(stack.of_type("AWS::SQS::Queue")["Queue"], {})
        self.assertEqual(stack.resources["Topic"]["DependsOn"], ["Queue"])

    def test_what_is_kept_is_kept_for_the_same_parameters_alone(self):
        first, second = Stack(self.template), Stack(self.template, {"Count": "4"})
        self.assertIsNot(first.resources["Queue"], second.resources["Queue"])
        self.assertIs(first.resources["Other"], second.resources["Other"])
        self.assertIs(first.resources["Queue"], Stack(self.template, {"Subnets": "x,y"}).resources["Queue"])
        self.assertIsNot(first.resources["Topic"], first.again(name="other").resources["Topic"])

    def test_parameters_behind_a_value_are_found_through_conditions(self):
        value = BODY["Resources"]["Queue"]["Properties"]["DelaySeconds"]
        self.assertEqual(self.template.parameters_behind(value), {"Mode", "Count"})

    def test_everything_that_comes_before_is_needed(self):
        self.assertEqual(Stack(self.template).needs("Topic"), {"Queue", "Other"})

    def test_what_cloudformation_would_refuse_is_refused(self):
        for body in (
            {"Resources": {"It": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Nothing"}}}}},
            {"Resources": {"It": {"Type": "AWS::SNS::Topic", "DependsOn": "Nothing"}}},
            {"Resources": {"It": {"Type": "AWS::SNS::Topic", "Condition": "Nothing"}}},
            {"Resources": {"It": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::Nothing": 1}}}}},
        ):
            with self.assertRaises(Unresolved):
                Stack(Template(body)).resources["It"]
        with self.assertRaises(Unresolved):
            Stack(self.template, {"Nothing": "1"})


class Names(unittest.TestCase):
    def test_a_name_within_the_limit_has_all_of_stack_and_resource(self):
        self.assertRegex(names.generated("cistern", "EmailArchiveRule", 64), r"^cistern-EmailArchiveRule-[A-Z2-7]{12}$")

    def test_a_longer_one_is_shortened_to_the_limit(self):
        for stack in ("s" * 35, "s" * 40, "s" * 128):
            name = names.generated(stack, "EmailArchiveRule", 64)
            self.assertEqual(len(name), 64)
            self.assertIn("-EmailArchiveRule-", name)
        self.assertEqual(len(names.generated("s" * 128, "L" * 200, 64)), 64)
