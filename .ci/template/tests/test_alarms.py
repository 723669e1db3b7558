"""Every alarm of the template against its stories, and the model against AWS's own examples."""

import re
import unittest

from .. import alarms, subject
from ..alarms import Definition
from ..gateway_requests import authorizer_lines, counted, matches
from ..stories import FIRES_IN_SILENCE, SENDER_GIVES_UP, SENDER_WITH_WRONG_KEY, STORIES, Story

ONE_OF_THEM = Definition("Sum", 60, 3, 3, 0, "GreaterThanThreshold", "missing")


def samples_of(stack, alarm, story):
    """A story's samples, in seconds; of requests, what the alarm's metric makes of them."""
    if story.samples and not isinstance(story.samples[0], tuple):
        found = counted(stack, (alarm["Namespace"], alarm["MetricName"]), story.samples)
        if found is None:
            raise AssertionError(f"no metric filter counts {alarm['Namespace']} {alarm['MetricName']}")
        return found[0]
    return [(minute * 60, value) for minute, value in story.samples]


class Stories(unittest.TestCase):
    def setUp(self):
        self.stack = subject.named()["everything"]
        self.alarms = self.stack.of_type("AWS::CloudWatch::Alarm")

    def fire(self, alarm, story):
        definition = Definition.of(alarm)
        found = alarms.first_ring(definition, samples_of(self.stack, alarm, story), story.begins * 60, story.lasts * 60)
        return None if found is None else found / 60 - story.begins

    def test_every_alarm_has_its_stories(self):
        everywhere = {key for stack in subject.named().values() for key in stack.of_type("AWS::CloudWatch::Alarm")}
        self.assertEqual(everywhere - set(STORIES), set(), "alarms without a story in stories.py")
        self.assertEqual(set(STORIES) - everywhere, set(), "stories of alarms that the template has not")

    def test_every_alarm_fires_in_time(self):
        for name, (story, _) in STORIES.items():
            with self.subTest(name, story=story.what):
                after = self.fire(self.alarms[name], story)
                self.assertIsNotNone(after, f"{name} does not fire: {story.what}")
                before = Story(story.what, story.samples, story.begins)
                self.assertIsNone(self.fire(self.alarms[name], before), f"{name} fires before: {story.what}")
                self.assertLessEqual(after, story.within, f"{name} fires too late, in minutes: {story.what}")

    def test_no_alarm_fires_without_reason(self):
        for name, (_, story) in STORIES.items():
            with self.subTest(name, story=story.what):
                self.assertIsNone(self.fire(self.alarms[name], story), f"{name} fires: {story.what}")

    def holds(self, name, alarm):
        """Whether an alarm does what its stories ask for."""
        fires, silent = STORIES[name]
        after = self.fire(alarm, fires)
        before = self.fire(alarm, Story(fires.what, fires.samples, fires.begins))
        idle = self.fire(alarm, Story("nothing comes at all", (), 48 * 60)) is not None
        in_time = after is not None and after <= fires.within and before is None
        return in_time and self.fire(alarm, silent) is None and idle == (name in FIRES_IN_SILENCE)

    def test_a_changed_definition_is_noticed(self):
        swapped = {"Greater": "Less", "Less": "Greater"}
        other = {"notBreaching": "breaching", "breaching": "notBreaching", "ignore": "breaching"}
        for name, alarm in self.alarms.items():
            first = re.match("Greater|Less", alarm["ComparisonOperator"])[0]
            for change in (
                {"ComparisonOperator": alarm["ComparisonOperator"].replace(first, swapped[first])},
                {"EvaluationPeriods": int(alarm["EvaluationPeriods"]) * 6},
                {"Period": int(alarm["Period"]) * 12},
                {"TreatMissingData": other[alarm["TreatMissingData"]]},
            ):
                self.assertTrue(self.holds(name, alarm), name)
                self.assertFalse(self.holds(name, alarm | change), f"the stories of {name} do not detect {change}")

    def test_an_idle_stack_fires_for_silence_alone(self):
        idle = Story("nothing comes at all", (), 48 * 60)
        for name, alarm in self.alarms.items():
            self.assertEqual(self.fire(alarm, idle) is not None, name in FIRES_IN_SILENCE, f"{name}: {idle.what}")

    def test_what_one_sender_makes_the_authorizer_log_fires(self):
        """The authorizer's answers are kept, so that its lines are few: an alarm on them must fire at what one sender makes."""
        for name, alarm in self.alarms.items():
            found = counted(self.stack, (alarm["Namespace"], alarm["MetricName"]), SENDER_WITH_WRONG_KEY.samples)
            if found and found[1] == "AuthorizerLogGroup":
                self.assertIsNotNone(
                    self.fire(alarm, SENDER_WITH_WRONG_KEY),
                    f"{name} waits for more lines than one sender with a wrong key can make",
                )

    def test_some_alarm_fires_for_one_sender_with_a_wrong_key(self):
        firing = [
            name
            for name, alarm in self.alarms.items()
            if counted(self.stack, (alarm["Namespace"], alarm["MetricName"]), ()) and self.fire(alarm, SENDER_WITH_WRONG_KEY)
        ]
        self.assertTrue(firing, "a sender whose key is wrong loses events before anybody knows")

    def test_silence_is_noticed_before_senders_give_up_whatever_quiet_hours_is(self):
        """A point that lies further back than EvaluationPeriods still counts, so that silence fires some hours after QuietHours."""
        parameter = subject.template().parameters["QuietHours"]
        most = max(parameter.get("AllowedValues", [parameter.get("MaxValue")]))
        longest = self.stack.again(QuietHours=str(most)).of_type("AWS::CloudWatch::Alarm")["QuietAlarm"]
        hours = self.fire(longest, Story("one batch, and no more", ((0, 1),), 48 * 60)) / 60
        self.assertLessEqual(
            hours, SENDER_GIVES_UP / 60, f"with QuietHours={most}, the most it may be, silence fires after hours"
        )


class Model(unittest.TestCase):
    def assert_states(self, to_alarm, drawn, expected):
        points = [{"0": False, "X": True, "-": None}[it] for it in drawn]
        for missing, state in zip(("missing", "ignore", "breaching", "notBreaching"), expected.split()):
            definition = Definition("Sum", 60, 3, to_alarm, 0, "GreaterThanThreshold", missing)
            self.assertEqual(alarms.state(points, definition, "before"), state, f"{drawn} {missing}")

    def test_examples_of_three_out_of_three(self):
        self.assert_states(3, "0-X-X", "OK OK OK OK")
        self.assert_states(3, "0----", "OK OK OK OK")
        self.assert_states(3, "-----", "INSUFFICIENT_DATA before ALARM OK")
        self.assert_states(3, "0XX-X", "ALARM ALARM ALARM ALARM")
        self.assert_states(3, "--X--", "ALARM before ALARM OK")

    def test_examples_of_two_out_of_three(self):
        self.assert_states(2, "0-X-X", "ALARM ALARM ALARM ALARM")
        self.assert_states(2, "00X0X", "ALARM ALARM ALARM ALARM")
        self.assert_states(2, "0-X--", "OK OK ALARM OK")
        self.assert_states(2, "----0", "OK OK ALARM OK")
        self.assert_states(2, "---X-", "ALARM before ALARM OK")

    def test_silence_is_noticed_two_periods_later(self):
        quiet = Definition("Sum", 3600, 4, 4, 1, "LessThanThreshold", "breaching")
        self.assertEqual(alarms.first_ring(quiet, [(0, 1)], 0, 12 * 3600), 7 * 3600)

    def test_a_sender_makes_one_line_while_the_answer_is_kept(self):
        lines = authorizer_lines(subject.named()["defaults"], SENDER_WITH_WRONG_KEY.samples)
        denied = [time for time, line in lines if line["message"] == "request denied"]
        self.assertEqual(len(denied), 60, "in an hour")
        hundred = Definition("Sum", 300, 1, 1, 100, "GreaterThanThreshold", "notBreaching")
        self.assertIsNone(alarms.first_ring(hundred, [(time, 1) for time in denied], 0, 7200))

    def test_filter_patterns(self):
        line = {"route": "POST /webhooks/sparkpost", "status": "403"}
        for pattern, fits in (
            ('{ $.status = "403" }', True),
            ('{ $.route = "POST *" && ($.status = "401" || $.status = "403") }', True),
            ('{ $.route = "GET *" && ($.status = "401" || $.status = "403") }', False),
            ("{ $.status >= 500 }", False),
            ("{ $.status >= 400 && $.status != 404 }", True),
            ('{ $.message = "request denied" }', False),
        ):
            self.assertEqual(matches(pattern, line), fits, pattern)
