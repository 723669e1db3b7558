"""What CloudFormation calls a resource: the name it generates, and what Ref and GetAtt answer for each type.

From "Return values" on each type's page of the CloudFormation reference. A generated name is the stack's, the resource's
and twelve letters of chance; where a service allows less, CloudFormation shortens the first two. How it shares out
what is left it does not say, so nothing may depend on it; here each keeps up to half.
"""

import hashlib
from dataclasses import dataclass

SUFFIX = 12


def _chance(*parts):
    """Letters and digits that look random and are the same in every run."""
    digest = hashlib.sha256("/".join(parts).encode()).digest()
    return "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[byte % 32] for byte in digest)


def generated(stack, logical_id, limit=255):
    """The name that CloudFormation gives a resource without one."""
    room = limit - SUFFIX - 2
    own = logical_id[: max(room // 2, room - len(stack))]
    return f"{stack[: room - len(own)]}-{own}-{_chance(stack, logical_id)[:SUFFIX]}"


@dataclass(frozen=True)
class Kind:
    """How resources of a type are called. `{name}` stands for the physical name, `{id}` for an id that AWS makes up."""

    arn: str = ""  # after arn:PARTITION:SERVICE:REGION:ACCOUNT:
    ref: str = "{name}"
    name: str = ""  # the property that gives an explicit name
    limit: int = 255  # of letters in a name
    lower: bool = False
    id: str = ""  # how an id begins, where AWS makes one up
    attributes: tuple = ()


KINDS = {
    "AWS::SQS::Queue": Kind(
        "sqs:{region}:{account}:{name}",
        "https://sqs.{region}.{suffix}/{account}/{name}",
        "QueueName",
        80,
        attributes=(("QueueName", "{name}"),),
    ),
    "AWS::S3::Bucket": Kind("s3:::{name}", name="BucketName", limit=63, lower=True),
    "AWS::Lambda::Function": Kind("lambda:{region}:{account}:function:{name}", name="FunctionName", limit=64),
    "AWS::Logs::LogGroup": Kind("logs:{region}:{account}:log-group:{name}:*", name="LogGroupName", limit=512),
    "AWS::Logs::LogStream": Kind(name="LogStreamName", limit=512),
    "AWS::KinesisFirehose::DeliveryStream": Kind(
        "firehose:{region}:{account}:deliverystream/{name}", name="DeliveryStreamName", limit=64
    ),
    "AWS::IAM::Role": Kind("iam::{account}:role/{name}", name="RoleName", limit=64),
    "AWS::SNS::Topic": Kind("sns:{region}:{account}:{name}", "{arn}", "TopicName", 256, attributes=(("TopicName", "{name}"),)),
    "AWS::SecretsManager::Secret": Kind(
        "secretsmanager:{region}:{account}:secret:{name}-AbCdEf", "{arn}", "Name", 512, attributes=(("Id", "{arn}"),)
    ),
    "AWS::Events::Rule": Kind("events:{region}:{account}:rule/{name}", name="Name", limit=64),
    "AWS::Scheduler::Schedule": Kind("scheduler:{region}:{account}:schedule/default/{name}", name="Name", limit=64),
    "AWS::CloudWatch::Alarm": Kind("cloudwatch:{region}:{account}:alarm:{name}", name="AlarmName"),
    "AWS::CloudWatch::Dashboard": Kind(name="DashboardName"),
    "AWS::Athena::WorkGroup": Kind(name="Name", limit=128),
    "AWS::Glue::Database": Kind(name="DatabaseInput.Name", limit=255),
    "AWS::Glue::Table": Kind(name="TableInput.Name", limit=255),
    "AWS::QuickSight::DataSource": Kind("quicksight:{region}:{account}:datasource/{name}", name="DataSourceId"),
    "AWS::QuickSight::DataSet": Kind("quicksight:{region}:{account}:dataset/{name}", name="DataSetId"),
    "AWS::RDS::DBInstance": Kind(
        "rds:{region}:{account}:db:{name}",
        name="DBInstanceIdentifier",
        limit=63,
        lower=True,
        attributes=(
            ("DbiResourceId", "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            ("Endpoint.Address", "{name}.abcdefghijkl.{region}.rds.{suffix}"),
            ("Endpoint.Port", "5432"),
            (
                "MasterUserSecret.SecretArn",
                "arn:{partition}:secretsmanager:{region}:{account}:secret:rds!db-11111111-2222-3333-4444-555555555555-AbCdEf",
            ),
        ),
    ),
    "AWS::RDS::DBSubnetGroup": Kind(name="DBSubnetGroupName", lower=True),
    "AWS::RDS::DBParameterGroup": Kind(name="DBParameterGroupName", lower=True),
    "AWS::EC2::VPC": Kind(ref="{id}", id="vpc-"),
    "AWS::EC2::Subnet": Kind(ref="{id}", id="subnet-"),
    "AWS::EC2::SecurityGroup": Kind(ref="{id}", id="sg-", attributes=(("GroupId", "{id}"),)),
    "AWS::EC2::RouteTable": Kind(ref="{id}", id="rtb-"),
    "AWS::EC2::VPCEndpoint": Kind(ref="{id}", id="vpce-"),
    "AWS::ApiGatewayV2::Api": Kind(ref="{short}"),
    "AWS::ApiGatewayV2::Authorizer": Kind(ref="{short}"),
    "AWS::ApiGatewayV2::Integration": Kind(ref="{short}"),
    "AWS::ApiGatewayV2::Route": Kind(ref="{short}"),
    "AWS::ApiGatewayV2::Stage": Kind(name="StageName"),
    "AWS::ApiGateway::RestApi": Kind(ref="{short}", attributes=(("RootResourceId", "{short}"),)),
    "AWS::ApiGateway::Authorizer": Kind(ref="{short}"),
    "AWS::ApiGateway::Resource": Kind(ref="{short}"),
    "AWS::ApiGateway::Deployment": Kind(ref="{short}"),
    "AWS::ApiGateway::Stage": Kind(name="StageName"),
    "AWS::Lambda::Url": Kind(attributes=(("FunctionUrl", "https://{short}.lambda-url.{region}.on.aws/"),)),
    "AWS::KMS::Key": Kind("kms:{region}:{account}:key/11111111-2222-3333-4444-555555555555", "{id}"),
}


def physical(type_, logical_id, stack, explicit, place):
    """What Ref and GetAtt answer for a resource: a mapping by attribute, with Ref under `Ref`.

    `explicit` is the name that the template gives, if any; `place` has partition, region, account and suffix.
    """
    kind = KINDS.get(type_, Kind())
    name = explicit or generated(stack, logical_id, kind.limit)
    hexadecimal = hashlib.sha256(f"{stack}/{logical_id}".encode()).hexdigest()
    made_up = {"short": _chance(stack, logical_id, "id")[:10].lower(), "id": f"{kind.id}{hexadecimal[:17]}"}
    return answers(type_, name.lower() if kind.lower else name, place, made_up)


def answers(type_, name, place, made_up=None):
    """The same for a resource whose physical name is known. `made_up` has the ids that AWS makes up, where they are not that name."""
    kind = KINDS.get(type_, Kind())
    values = place | {"name": name} | (made_up or {"short": name, "id": name})
    values["arn"] = f"arn:{place['partition']}:" + kind.arn.format(**values) if kind.arn else ""
    found = {"Ref": kind.ref.format(**values)}
    if kind.arn:
        found["Arn"] = values["arn"]
    return found | {attribute: form.format(**values) for attribute, form in kind.attributes}
