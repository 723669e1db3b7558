"""The template under every combination of its parameters, against every rule."""

import unittest

from .. import combinations, rules, subject
from ..resolution import Stack


class EveryCombination(unittest.TestCase):
    def test_the_rules_find_nothing(self):
        found = {}
        for parameters in subject.sets():
            for finding in rules.check(Stack(subject.template(), parameters)):
                found.setdefault(str(finding), parameters)
        if found:
            self.fail("\n" + "\n".join(f"{text} (with {parameters or 'defaults'})" for text, parameters in found.items()))

    def test_every_output_that_is_given_out_is_there(self):
        for parameters in subject.sets():
            for name, it in Stack(subject.template(), parameters).outputs().items():
                self.assertTrue(it.get("Value"), f"{name} is empty (with {parameters or 'defaults'})")

    def test_the_named_sets_have_every_resource(self):
        there = {name for stack in subject.named().values() for name in stack.resources}
        self.assertEqual(set(subject.template().resources) - there, set(), "no set of combinations.named has them")

    def test_every_parameter_that_is_empty_by_default_has_a_sample(self):
        empty = {key for key, it in subject.template().parameters.items() if it.get("Default") == ""}
        unknown = empty - set(combinations.SAMPLES) - combinations.BETTER_EMPTY
        self.assertEqual(unknown, set(), "give each a value in combinations.SAMPLES")

    def test_every_rule_says_what_aws_answers_and_where(self):
        for name, rule in rules.rules().items():
            text = rule.__doc__ or ""
            self.assertTrue("https://docs.aws.amazon.com/" in text or "page" in text, name)
            self.assertGreater(len(text), 100, name)
