"""Rules of names: two stacks in one account, and stacks with long names. Each compares the template under several names."""

import fnmatch
import functools

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from .. import names
from ..resolution import REGION

# The longest name that CloudFormation takes for a stack.
_LONGEST = "production-" * 11 + "london2"

# Names that are for people, or are unique within something else, whose own name is looked at.
_NOT_UNIQUE = {"AWS::Athena::NamedQuery", "AWS::Glue::Table", "AWS::Lambda::Alias"}


@functools.cache
def _identifying(type_):
    """The properties of a type that AWS wants to be unique in an account and region, where a template can give them."""
    if type_ in _NOT_UNIQUE:
        return set()
    own = names.KINDS.get(type_, names.Kind()).name
    found = {own} if own else set()
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema
    except Exception:  # cfn-lint has no schema of custom resources
        return found
    path = lambda pointer: pointer.removeprefix("/properties/").replace("/", ".")
    short = type_.rsplit("::", 1)[-1]
    writable = [it for it in schema.get("primaryIdentifier", []) if it not in schema.get("readOnlyProperties", [])]
    found |= {path(it) for it in writable}
    found |= {path(it) for it in schema.get("createOnlyProperties", []) if path(it) in ("Name", f"{short}Name", f"{short}Identifier")}
    return found


def _identity(resource):
    """The values of the identifying properties that a resource gives, by property."""
    found = {}
    for path in _identifying(resource["Type"]):
        value = resource["Properties"]
        for step in path.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if value is not None:
            found[path] = value
    return found


def names_differ_between_stacks(stack):
    """No name is the same in two stacks.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html. Else the second stack of an
    account and region fails: "... already exists".
    """
    other = stack.again(name=f"{stack.name}-two")
    for name, resource in stack.resources.items():
        identity = _identity(resource)
        if identity and identity == _identity(other.resources[name]):
            yield name, f'{identity} is the same in every stack; the second fails with "already exists"'


def names_fit_whatever_the_stack_is_called(stack):
    """A name that is made of the stack's is within its limit for every name a stack can have.

    Limits: each resource's page. Else: "Member must have length less than or equal to ...".
    """
    longest = stack.again(name=_LONGEST)
    for name, resource in longest.resources.items():
        limit = names.KINDS.get(resource["Type"], names.Kind()).limit
        own = _identity(resource).get(names.KINDS.get(resource["Type"], names.Kind()).name)
        if isinstance(own, str) and len(own) > limit:
            yield name, f'{len(own)} letters under a stack name of {len(_LONGEST)}; AWS: "must have length less than or equal to {limit}"'


def metrics_are_of_one_stack(stack):
    """A metric of our own is of one stack, as are the alarms on it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html: a metric is its namespace, name and
    dimensions, in an account and region. Else one stack's trouble rings, or hides in, the other's alarm.
    """
    other = stack.again(name=f"{stack.name}-two")
    series = lambda it: (it["Namespace"], it["MetricName"], str(it.get("Dimensions")))
    others = other.of_type("AWS::CloudWatch::Alarm")
    for name, it in stack.of_type("AWS::CloudWatch::Alarm").items():
        if "MetricName" in it and series(it) == series(others[name]):
            yield name, f"every stack of the account counts into {it['Namespace']} {it['MetricName']}"


def rules_may_send_to_their_queue(stack):
    """A queue's policy lets the rule send that has it as target, whatever the stack is called.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions. Else EventBridge drops
    the events, and nothing says so. CloudFormation shortens the name of a rule to 64 letters, so that a pattern made of the
    stack's name fits short names alone.
    """
    for name in (stack.name, _LONGEST):
        renamed = stack.again(name=name)
        queues = {renamed.answer(queue, "Arn"): queue for queue in renamed.of_type("AWS::SQS::Queue")}
        for rule, it in renamed.of_type("AWS::Events::Rule").items():
            for target in it.get("Targets", []):
                for arn in (target["Arn"], target.get("DeadLetterConfig", {}).get("Arn")):
                    if arn in queues and not _lets_rule_send(renamed, queues[arn], renamed.answer(rule, "Arn")):
                        yield rule, (
                            f"{queues[arn]} does not let {renamed.answer(rule, 'Arn')} send, under a stack name of {len(name)} "
                            "letters; EventBridge drops what it cannot deliver, unseen"
                        )


def _lets_rule_send(stack, queue, rule):
    for policy in stack.of_type("AWS::SQS::QueuePolicy").values():
        if stack.answer(queue) not in policy["Queues"]:
            continue
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow" and "events.amazonaws.com" in str(statement["Principal"]):
                wanted = [
                    pattern
                    for test in statement.get("Condition", {}).values()
                    for key, value in test.items()
                    if key.lower() == "aws:sourcearn"
                    for pattern in (value if isinstance(value, list) else [value])
                ]
                if not wanted or any(fnmatch.fnmatchcase(rule, pattern) for pattern in wanted):
                    return True
    return False
