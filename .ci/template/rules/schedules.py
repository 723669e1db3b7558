"""Rules of EventBridge and its Scheduler."""

import re

_FIELD = r"[\w*/,#-]+"


def _fault(expression):
    """What is wrong with a schedule's expression; None when nothing is."""
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)(s?)\)", expression)
    if rate:
        if int(rate[1]) == 0:
            return "the value must be positive"
        return None if (rate[1] == "1") == (rate[3] == "") else "one is singular, more are plural"
    cron = re.fullmatch(r"cron\((.+)\)", expression)
    if cron:
        fields = cron[1].split()
        if len(fields) != 6:
            return f"{len(fields)} fields instead of six"
        if [fields[2], fields[4]].count("?") != 1:
            return "one of day of month and day of week must be ?, and not both"
        return None if all(it == "?" or re.fullmatch(_FIELD, it) for it in fields) else "a field that is none"
    if re.fullmatch(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)", expression):
        return None
    return "neither rate(...), cron(...) nor at(...)"


def schedule_expressions_are_valid(stack):
    """A schedule is a rate, six fields of cron or one time.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html. Else: "Invalid Schedule Expression", and of a rule
    "Parameter ScheduleExpression is not valid".
    """
    for name, it in stack.of_type("AWS::Scheduler::Schedule", "AWS::Events::Rule").items():
        expression = it.get("ScheduleExpression")
        fault = _fault(expression) if expression is not None else None
        if fault:
            yield name, f'AWS: "Invalid Schedule Expression {expression}": {fault}'


def schedule_roles_trust_the_scheduler(stack):
    """The scheduler may assume the role of a schedule.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html. Else: "The execution role you provide must allow AWS
    EventBridge Scheduler to assume the role".
    """
    roles = {stack.answer(name, "Arn"): it for name, it in stack.of_type("AWS::IAM::Role").items()}
    for name, it in stack.of_type("AWS::Scheduler::Schedule").items():
        role = roles.get(it["Target"]["RoleArn"])
        if role is not None and "scheduler.amazonaws.com" not in str(role["AssumeRolePolicyDocument"]):
            yield name, 'AWS: "The execution role you provide must allow AWS EventBridge Scheduler to assume the role"'


def input_templates_name_their_paths(stack):
    """What an input template names in angle brackets is one of its paths.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html. Else: "InputTemplate for target ... contains
    invalid placeholder".
    """
    for name, it in stack.of_type("AWS::Events::Rule").items():
        for target in it.get("Targets", []):
            transformer = target.get("InputTransformer", {})
            for placeholder in re.findall(r"<([\w.-]+)>", transformer.get("InputTemplate", "")):
                if placeholder not in transformer.get("InputPathsMap", {}) and not placeholder.startswith("aws.events."):
                    yield name, f'AWS: "InputTemplate for target {target["Id"]} contains invalid placeholder {placeholder}"'
