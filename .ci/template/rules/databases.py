"""Rules of the database, and of what a first deploy that fails leaves behind."""

import itertools


def storage_may_grow(stack):
    """The most that storage grows to is a tenth above what it begins with, for every value its parameters allow.

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
    """What a first deploy has made goes again when it fails.

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
