"""Rules of names: two stacks in one account, and stacks with long names. Each compares the template under several names."""

import fnmatch
import functools
import re

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from .. import names
from ..resolution import REGION

# The longest name that CloudFormation takes for a stack.
_LONGEST = "production-" * 11 + "london2"

# Types whose name is for people, or is unique within something else, whose own name is looked at.
_NOT_UNIQUE = {"AWS::Athena::NamedQuery", "AWS::Glue::Table", "AWS::Lambda::Alias"}

# Properties that are called a name and are none of the resource's own.
_NOT_ITS_OWN = {
    ("AWS::EC2::VPCEndpoint", "ServiceName"),
    ("AWS::RDS::DBInstance", "CharacterSetName"),
    ("AWS::RDS::DBInstance", "DBName"),
    ("AWS::RDS::DBInstance", "NcharCharacterSetName"),
}

# Names that are unique within what another property names.
_WITHIN = {("AWS::EC2::SecurityGroup", "GroupName"): "VpcId"}


@functools.cache
def _identifying(type_):
    """Sets of properties of a type that AWS wants to be unique, each as a whole, in an account and region."""
    if type_ in _NOT_UNIQUE:
        return ()
    own = names.KINDS.get(type_, names.Kind()).name
    found = {frozenset((own,))} if own else set()
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema
    except Exception:  # cfn-lint has no schema of custom resources
        return tuple(found)
    path = lambda pointer: pointer.removeprefix("/properties/").replace("/", ".")
    primary = frozenset(path(it) for it in schema.get("primaryIdentifier", []) if it not in schema.get("readOnlyProperties", []))
    if primary:
        # The name of a stage, for one, is unique within its API.
        found = {it for it in found if not it < primary} | {primary}
    for name in map(path, schema.get("createOnlyProperties", [])):
        if re.search(r"(Name|Identifier)$", name) and name not in primary and (type_, name) not in _NOT_ITS_OWN:
            within = _WITHIN.get((type_, name))
            found.add(frozenset((name, within)) if within else frozenset((name,)))
    return tuple(found)


def _given(resource, path):
    value = resource["Properties"]
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _identities(resource):
    """The names of a resource in its account, as far as the template sets them: a mapping for each name."""
    for paths in _identifying(resource["Type"]):
        found = {path: value for path in sorted(paths) if (value := _given(resource, path)) is not None}
        # Without its own part, what is left is the place that it is in.
        if found and not (len(paths) > 1 and set(found) <= {"AwsAccountId", "CatalogId", "VpcId"}):
            yield found


def names_differ_between_stacks(stack):
    """No name is the same in two stacks.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html. Else the second stack of an
    account and region fails: "... already exists".
    """
    other = stack.again(name=f"{stack.name}-two")
    for name, resource in stack.resources.items():
        others = list(_identities(other.resources[name]))
        for identity in _identities(resource):
            if identity in others:
                yield name, f'{identity} is the same in every stack; the second fails with "already exists"'


def exports_differ_between_stacks(stack):
    """No export has the same name in two stacks.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/outputs-section-structure.html. Else the second stack fails: "Export
    with name ... is already exported by stack ...".
    """
    if not any("Export" in it for it in stack.template.body.get("Outputs", {}).values()):
        return
    other = stack.again(name=f"{stack.name}-two").outputs()
    for name, it in stack.outputs().items():
        if "Export" in it and it["Export"] == other[name]["Export"]:
            yield name, f'{it["Export"]["Name"]} is the same in every stack; the second fails with "is already exported by stack"'


def nothing_names_one_partition(stack):
    """In the partition of China no value has an ARN or a host of another one.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html. Else a policy allows nothing, unseen, or a URL leads elsewhere.
    Names of services in policies are the same in all partitions, and people give ARNs of their own.
    """
    china = stack.again(partition="aws-cn")
    # Names of policies of AWS's own come from a list of SAM's, which it has for each partition.
    values = {name: _without(it["Properties"], "Principal", "ManagedPolicyArns") for name, it in china.resources.items()}
    given = [value for value in map(str, china.given.values()) if "arn:" in value]
    for name, value in [*values.items(), *china.outputs().items()]:
        text = str(value)
        for own in given:
            text = text.replace(own, "")
        found = re.search(r"arn:aws:[^\s']*|[\w.-]+\.(amazonaws|aws\.amazon)\.com\b(?!\.cn)", text)
        if found:
            yield name, f"{found[0]} is of the partition aws, and AWS knows it in no other"


def _without(value, *keys):
    if isinstance(value, dict):
        return {key: _without(inner, *keys) for key, inner in value.items() if key not in keys}
    return [_without(inner, *keys) for inner in value] if isinstance(value, list) else value


def names_fit_whatever_the_stack_is_called(stack):
    """A name that is made of the stack's is within its limit for every name a stack can have.

    Limits: each resource's page. Else: "Member must have length less than or equal to ...".
    """
    longest = stack.again(name=_LONGEST)
    for name, resource in longest.resources.items():
        kind = names.KINDS.get(resource["Type"], names.Kind())
        own = _given(resource, kind.name) if kind.name else None
        if isinstance(own, str) and len(own) > kind.limit:
            yield name, (
                f"{len(own)} letters under a stack name of {len(_LONGEST)}; AWS: "
                f'"Member must have length less than or equal to {kind.limit}"'
            )


def metrics_are_of_one_stack(stack):
    """A custom metric belongs to one stack, like the alarms on it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html: a metric is its namespace, name and
    dimensions, in an account and region. Else one stack's trouble fires, or hides in, the other's alarm.
    """
    other = stack.again(name=f"{stack.name}-two")
    series = lambda it: (it["Namespace"], it["MetricName"], str(it.get("Dimensions")))
    others = other.of_type("AWS::CloudWatch::Alarm")
    for name, it in stack.of_type("AWS::CloudWatch::Alarm").items():
        if "MetricName" in it and series(it) == series(others[name]):
            yield name, f"every stack of the account counts into {it['Namespace']} {it['MetricName']}"


def rules_may_send_to_their_queue(stack):
    """A queue's policy allows the rule with this target to send, for every name of the stack.

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


def patterns_fit_whatever_the_stack_is_called(stack):
    """A pattern in a policy that is made of the stack's name fits the same resources under every name.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stack.html takes 128 letters for a stack's name,
    many services fewer for theirs. CloudFormation shortens what it generates; the pattern then fits nothing, and AWS denies.
    """
    longest = stack.again(name=_LONGEST)
    for name, resource in stack.resources.items():
        for index, pattern in enumerate(_policy_texts(resource)):
            if re.search(rf"{re.escape(stack.name)}[^/:]*\*", pattern):
                lost = _fitting(stack, pattern) - _fitting(longest, _policy_texts(longest.resources[name])[index])
                if lost:
                    yield name, f"{pattern} fits {', '.join(sorted(lost))} as long as the stack's name is short; then AWS denies, unseen"


@functools.cache
def _policy_texts(resource):
    """Every text in the policies of a resource, in an order that does not depend on their contents."""
    it = resource["Properties"]
    return _texts([it.get("PolicyDocument"), it.get("Policies"), it.get("AssumeRolePolicyDocument")])


def _texts(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def _fitting(stack, pattern):
    """The resources whose ARN fits a pattern."""
    return {
        name
        for name in stack.resources
        if (arn := stack.answer(name, "Arn")).startswith("arn:") and fnmatch.fnmatchcase(arn, pattern)
    }


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
