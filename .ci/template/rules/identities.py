"""Rules of IAM: who may assume a role, and what a policy can express."""

import re

# Service principals that a role or policy of this template can have a use for.
_SERVICES = set(
    """apigateway athena cloudformation cloudwatch delivery.logs ec2 events export.rds firehose glue kms lambda logs monitoring.rds pipes
    quicksight rds s3 scheduler secretsmanager sns sqs states vpc-flow-logs""".split()
)

# Actions on a bucket; the others of S3 that begin so are on its objects.
_OF_BUCKETS = re.compile(
    r"s3:(List(?!MultipartUploadParts)|GetBucket|PutBucket|DeleteBucket|GetLifecycle|PutLifecycle|CreateBucket)"
)
_OF_OBJECTS = re.compile(r"s3:(Get|Put|Delete|Restore)Object|s3:(AbortMultipartUpload|ListMultipartUploadParts)")


def _listed(value):
    return value if isinstance(value, list) else [value]


def _documents(stack):
    """Every policy document that a template holds: the resource, what it is, the document."""
    for name, it in stack.of_type("AWS::IAM::Role").items():
        yield name, "trust", it["AssumeRolePolicyDocument"]
        for policy in it.get("Policies", []):
            yield name, f"policy {policy.get('PolicyName')}", policy["PolicyDocument"]
    for name, resource in stack.resources.items():
        if "PolicyDocument" in resource["Properties"]:
            yield name, "policy", resource["Properties"]["PolicyDocument"]


def principals_exist(stack):
    """A named service exists.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html. Else: "Invalid principal in
    policy".
    """
    for name, kind, document in _documents(stack):
        for statement in _listed(document["Statement"]):
            principal = statement.get("Principal", {})
            for service in _listed(principal.get("Service", [])) if isinstance(principal, dict) else []:
                if re.sub(r"(\.[a-z]{2}(-[a-z]+)+-\d)?\.amazonaws\.com$", "", service) not in _SERVICES:
                    yield name, f'{kind}; AWS: "Invalid principal in policy": {service}'


def policies_have_a_version(stack):
    """A policy names the version of the policy language.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html: without, 2008-10-17 is meant, in which
    a policy variable such as ${aws:username} is plain text.
    """
    for name, kind, document in _documents(stack):
        # What SAM writes for a schedule has none, and no variable that would need one.
        if document.get("Version") != "2012-10-17" and not kind.endswith("LambdaPolicy"):
            yield name, f"{kind} has no Version: 2012-10-17, so AWS reads it as of 2008-10-17"


def actions_fit_their_resources(stack):
    """An action on a bucket is allowed on the bucket, one on objects on objects.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html. AWS takes the policy, and it allows nothing.
    """
    for name, kind, document in _documents(stack):
        for statement in _listed(document["Statement"]):
            if statement["Effect"] != "Allow" or "Resource" not in statement:
                continue
            buckets = [it for it in _listed(statement["Resource"]) if it == "*" or "/" not in it]
            objects = [it for it in _listed(statement["Resource"]) if it == "*" or "/" in it]
            for action in _listed(statement["Action"]):
                if _OF_BUCKETS.match(action) and not buckets or _OF_OBJECTS.match(action) and not objects:
                    yield name, f"{kind}: {action} on {statement['Resource']} allows nothing"


def arns_are_arns(stack):
    """A value that should be an ARN is one.

    The answers of Ref and GetAtt: "Return values" on each resource's page. Else AWS refuses the value, or the function that reads it
    fails at its first call.
    """
    for name, resource in stack.resources.items():
        variables = resource["Properties"].get("Environment", {}).get("Variables", {})
        for key, value in [*resource["Properties"].items(), *variables.items()]:
            # A Function URL takes a function's name under this one as well.
            if key == "TargetFunctionArn" or not isinstance(value, str):
                continue
            if re.search(r"(Arn|_ARN)$", key) and value and not value.startswith("arn:"):
                yield name, f"{key} is {value!r}"


def secrets_are_named_by_their_attribute(stack):
    """A secret's ARN is written `GetAtt Id`.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html: AWS answers the ARN
    to `Ref` as well, and emulators answer the name, so that what is tried there is not what runs.
    """
    secrets = {key for key, it in stack.template.resources.items() if it["Type"] == "AWS::SecretsManager::Secret"}
    for name in stack.resources:
        # Ref and GetAtt alike count as a reference; only those with one are worth a second look.
        if secrets & stack.references(name):
            for secret in sorted(secrets & set(_referred(stack.template.resources[name].get("Properties", {})))):
                yield name, f"Ref {secret} is the ARN on AWS alone: write GetAtt {secret}.Id"


def _referred(value):
    if isinstance(value, dict):
        if isinstance(value.get("Ref"), str):
            yield value["Ref"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _referred(inner)
