"""A small model of how CloudWatch evaluates an alarm, from its definition and the samples of its metric.

After https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html and its page on missing data, whose
two tables of examples are a test of this. What matters most of it: CloudWatch looks at a few periods more than the alarm asks for,
and only when these have fewer points than it asks for is TreatMissingData asked. Silence is therefore noticed later than
EvaluationPeriods says.
"""

import operator
from dataclasses import dataclass

# How many periods more are looked at: two in AWS's examples.
FURTHER = 2

COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
STATISTICS = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "Average": lambda values: sum(values) / len(values),
    "SampleCount": len,
}


@dataclass(frozen=True)
class Definition:
    """The definition of an alarm; times in seconds."""

    statistic: str
    period: int
    periods: int
    to_alarm: int
    threshold: float
    comparison: str
    missing: str

    @staticmethod
    def of(properties):
        """From the properties of a resolved AWS::CloudWatch::Alarm of one metric."""
        periods = int(properties["EvaluationPeriods"])
        return Definition(
            properties["Statistic"],
            int(properties["Period"]),
            periods,
            int(properties.get("DatapointsToAlarm", periods)),
            float(properties["Threshold"]),
            properties["ComparisonOperator"],
            properties.get("TreatMissingData", "missing"),
        )

    def is_breaching(self, value):
        return COMPARISONS[self.comparison](value, self.threshold)


def state(breaching, definition, before):
    """The state after looking at points, oldest first: True breaches, False does not, None is missing."""
    there = [it for it in breaching if it is not None]
    counted = there[-definition.periods :]
    lacking = definition.periods - len(counted)
    if lacking <= 0:
        return "ALARM" if sum(counted) >= definition.to_alarm else "OK"
    if definition.missing == "breaching":
        counted = [True] * lacking + counted
    elif definition.missing == "notBreaching":
        counted = [False] * lacking + counted
    elif sum(counted) >= definition.to_alarm:
        return "ALARM"
    elif not counted:
        return "INSUFFICIENT_DATA" if definition.missing == "missing" else before
    elif all(counted):
        # What there is breaches, and is too little to decide.
        return "ALARM" if definition.missing == "missing" else before
    return "ALARM" if sum(counted) >= definition.to_alarm else "OK"


def states(definition, samples, until):
    """The state at the end of each period up to a time, as pairs of time and state. Samples are pairs of time and value."""
    count = until // definition.period
    points = [[] for _ in range(count)]
    for time, value in samples:
        if 0 <= time < count * definition.period:
            points[int(time) // definition.period].append(value)
    breaching = [definition.is_breaching(STATISTICS[definition.statistic](it)) if it else None for it in points]
    found, now = [], "INSUFFICIENT_DATA"
    for end in range(1, count + 1):
        now = state(breaching[max(0, end - definition.periods - FURTHER) : end], definition, now)
        found.append((end * definition.period, now))
    return found


def first_ring(definition, samples, begins, until):
    """When the alarm first fires at or after a time; None if it does not."""
    return next((time for time, now in states(definition, samples, until) if now == "ALARM" and time > begins), None)
