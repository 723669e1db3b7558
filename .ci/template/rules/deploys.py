"""Rules of first deploys: limits of a new account, shared settings of the account, and what a failed deploy must not leave behind."""

import itertools

from ..combinations import SAMPLES


def storage_may_grow(stack):
    """Maximum storage is at least a tenth above initial storage, for every value of the parameters.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html. Else: "Invalid max storage size for engine
    name postgres and storage type gp3".
    """
    parameters = stack.template.parameters
    for name in stack.of_type("AWS::RDS::DBInstance"):
        raw = stack.template.resources[name]["Properties"]
        sizes = [raw.get("AllocatedStorage"), raw.get("MaxAllocatedStorage")]
        bounds = {
            it["Ref"]: [parameters[it["Ref"]].get(edge) for edge in ("MinValue", "Default", "MaxValue")]
            for it in sizes
            if isinstance(it, dict) and it.get("Ref") in parameters
        }
        for values in itertools.product(*bounds.values()):
            given = {key: str(value) for key, value in zip(bounds, values) if value is not None}
            it = stack.again(**given).of_type("AWS::RDS::DBInstance")[name]
            most = int(it.get("MaxAllocatedStorage") or 0)
            if most and most < 1.1 * int(it["AllocatedStorage"]):
                yield name, (
                    f"AllocatedStorage {it['AllocatedStorage']} ({given}) is too close to MaxAllocatedStorage {most}; AWS: "
                    '"Invalid max storage size"'
                )
                break


def first_deploy_can_be_rolled_back(stack):
    """What a failed first deploy has created is deleted again.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html and
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DeleteInstance.html. Else: "Cannot delete protected DB Instance", the
    stack ends in ROLLBACK_FAILED; and each try leaves behind what is kept. `RetainExceptOnCreate` keeps it later, and not then.
    """
    # SAM keeps the versions of a function, which go with it. An account's setting stays whatever becomes of its resource, and
    # with it must stay the role that it names, which other APIs log with.
    kept = {name for kind in ("AWS::Lambda::Version", "AWS::ApiGateway::Account") for name in stack.of_type(kind)}
    kept |= {role for name in stack.of_type("AWS::ApiGateway::Account") for role in stack.references(name)}
    for name, resource in stack.resources.items():
        for protection in ("DeletionProtection", "DeletionProtectionEnabled"):
            raw = stack.template.resources[name].get("Properties", {}).get(protection)
            if raw is None:
                continue
            first = stack.without(stack.template.parameters_behind(raw))
            if name in first.resources and str(first.resources[name]["Properties"].get(protection)).lower() == "true":
                yield name, 'is protected from the start; a rollback ends in ROLLBACK_FAILED: "Cannot delete protected DB Instance"'
        if resource.get("DeletionPolicy") == "Retain" and name not in kept:
            yield name, "is left behind by every deploy that fails: say RetainExceptOnCreate"


def defaults_fit_a_new_account(stack):
    """With its defaults a stack reserves no concurrency.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html: a new account has 10 for all functions, and as many
    must stay unreserved. Else: "Specified ReservedConcurrentExecutions for function decreases account's
    UnreservedConcurrentExecution below its minimum value of [10]".
    """
    for name in stack.of_type("AWS::Lambda::Function"):
        raw = stack.template.resources[name]["Properties"].get("ReservedConcurrentExecutions")
        if raw is None:
            continue
        it = stack.without(stack.template.parameters_behind(raw)).of_type("AWS::Lambda::Function").get(name, {})
        if int(it.get("ReservedConcurrentExecutions", 0)):
            yield name, (
                f"reserves {it['ReservedConcurrentExecutions']} by default; in a new account AWS: \"decreases account's "
                'UnreservedConcurrentExecution below its minimum value of [10]"'
            )


# Concurrent executions of a new account, and how many of them senders need: ingest and track, which check keys themselves, for one request
# each.
_NEW_ACCOUNT, _SENDERS = 10, 2


def defaults_leave_executions_to_senders(stack):
    """With its defaults, work that may wait leaves some of a new account's executions to requests, which may not.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html. Counted are the most executions of every queue's source, and one
    for each function that runs every few hours or more often. Else a backlog is processed while senders are answered 429 or 503.
    """
    first = stack.without({key for key in stack.template.parameters if not key.startswith("Enable")})
    sources = {
        name: int(it["ScalingConfig"]["MaximumConcurrency"]) if "ScalingConfig" in it else _NEW_ACCOUNT
        for name, it in first.of_type("AWS::Lambda::EventSourceMapping").items()
    }
    schedules = [it["ScheduleExpression"] for it in first.of_type("AWS::Scheduler::Schedule").values()]
    often = [it for it in schedules if it.startswith("rate(") or it.split()[1] == "*"]
    if sources and sum(sources.values()) + len(often) > _NEW_ACCOUNT - _SENDERS:
        yield max(sources, key=sources.get), (
            f"{sources} and {len(often)} schedules may use {sum(sources.values()) + len(often)} of a new account's {_NEW_ACCOUNT} "
            f'executions, and senders need {_SENDERS}; Lambda: "Rate Exceeded"'
        )


# Of each there is one in an account and region: making it overwrites what others have set.
_OF_THE_ACCOUNT = {
    "AWS::ApiGateway::Account",
    "AWS::Logs::AccountPolicy",
    "AWS::EC2::SnapshotBlockPublicAccess",
    "AWS::SES::VdmAttributes",
}


def defaults_leave_the_account_alone(stack):
    """With its defaults a stack changes nothing that the whole account shares.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-account.html: AWS takes it, replaces
    what other stacks have set, and does not put that back.
    """
    for name in stack.resources:
        if stack.template.resources[name]["Type"] in _OF_THE_ACCOUNT:
            condition = stack.template.resources[name].get("Condition")
            behind = stack.template.parameters_behind({"Condition": condition}) if condition else set()
            # An operator who sets one of its parameters chooses this; enabling a whole pipeline is not such a choice.
            if name in stack.without({it for it in behind if not it.startswith("Enable")}).resources:
                yield name, "is one for the whole account and region; AWS replaces what others have set there"


def custom_resources_keep_their_function(stack):
    """A custom resource has the same function under all parameters under which it exists.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html: the
    ServiceToken cannot be updated. Else: "Modifying service token is not allowed", and a deploy that changes the parameter is rolled back.
    """
    parameters = stack.template.parameters
    for name, resource in stack.resources.items():
        token = stack.template.resources[name].get("Properties", {}).get("ServiceToken")
        behind = sorted(stack.template.parameters_behind(token))
        if not behind:
            continue
        values = [parameters[key].get("AllowedValues") or ["", SAMPLES.get(key, "given")] for key in behind]
        others = (stack.again(**dict(zip(behind, map(str, chosen)))) for chosen in itertools.product(*values))
        tokens = {it.resources[name]["Properties"]["ServiceToken"] for it in others if name in it.resources}
        if tokens - {resource["Properties"]["ServiceToken"]}:
            yield name, f'{", ".join(behind)} decides its function; on an update AWS: "Modifying service token is not allowed"'
