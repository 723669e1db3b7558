"""Templates that each have one fault, which AWS refuses or silently ignores; and one without a fault.

They measure the checks: what of it would be seen? Small, and independent of template.yaml.
"""

import copy

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def _role(*statements):
    policy = {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
    properties = {"AssumeRolePolicyDocument": copy.deepcopy(TRUST)}
    return {"Type": "AWS::IAM::Role", "Properties": properties | ({"Policies": [policy]} if statements else {})}


def _allow(action, resource):
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def _one(type_, **properties):
    return {"It": {"Type": type_, "Properties": properties}}


QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 30}}
QUEUE_ARN = {"Fn::GetAtt": ["Queue", "Arn"]}
ROLE_ARN = {"Fn::GetAtt": ["Role", "Arn"]}
BUCKET_ARN = {"Fn::GetAtt": ["Bucket", "Arn"]}
HTTP_API = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "api", "ProtocolType": "HTTP"}}


def _stage(form):
    log = {"DestinationArn": {"Fn::GetAtt": ["Group", "Arn"]}, "Format": form}
    properties = {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True, "AccessLogSettings": log}
    return {
        "Api": HTTP_API,
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
        "It": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": properties},
    }


def _notifying(*prefixes, policy=True):
    document = {
        "Version": "2012-10-17",
        "Statement": [_allow("sqs:SendMessage", QUEUE_ARN) | {"Principal": {"Service": "s3.amazonaws.com"}}],
    }
    told = [
        {"Event": "s3:ObjectCreated:*", "Queue": QUEUE_ARN, "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": it}]}}}
        for it in prefixes
    ]
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"NotificationConfiguration": {"QueueConfigurations": told}}}
    if not policy:
        return {"Queue": QUEUE, "It": bucket}
    properties = {"Queues": [{"Ref": "Queue"}], "PolicyDocument": document}
    return {
        "Queue": QUEUE,
        "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": properties},
        "It": bucket | {"DependsOn": "Policy"},
    }


def _function(**properties):
    own = {"Runtime": "python3.13", "Handler": "index.handler", "Role": ROLE_ARN, "Code": {"ZipFile": "def handler(*_): pass"}}
    return {"Role": _role(), "It": {"Type": "AWS::Lambda::Function", "Properties": own | properties}}


def _source(may_read=True, visibility=30, timeout=3, **properties):
    needed = _allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], QUEUE_ARN)
    function = _function(Timeout=timeout)["It"]
    own = {"EventSourceArn": QUEUE_ARN, "FunctionName": {"Ref": "Function"}}
    return {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": visibility}},
        "Role": _role(needed) if may_read else _role(),
        "Function": function,
        "It": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": own | properties},
    }


def _schedule(expression, trusted="scheduler.amazonaws.com"):
    role = _role(_allow("sqs:SendMessage", QUEUE_ARN))
    role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"] = trusted
    target = {"Arn": QUEUE_ARN, "RoleArn": ROLE_ARN}
    properties = {"FlexibleTimeWindow": {"Mode": "OFF"}, "ScheduleExpression": expression, "Target": target}
    return {"Queue": QUEUE, "Role": role, "It": {"Type": "AWS::Scheduler::Schedule", "Properties": properties}}


def _delivery(**properties):
    target = {"BucketARN": BUCKET_ARN, "RoleARN": ROLE_ARN} | properties
    return {
        "Role": _role(),
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "It": {"Type": "AWS::KinesisFirehose::DeliveryStream", "Properties": {"ExtendedS3DestinationConfiguration": target}},
    }


def _mistrusted():
    role = _role()
    role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"] = "lamda.amazonaws.com"
    return {"It": role}


def _moved(days):
    rule = {"Status": "Enabled", "Transitions": [{"StorageClass": "STANDARD_IA", "TransitionInDays": days}]}
    return _one("AWS::S3::Bucket", LifecycleConfiguration={"Rules": [rule]})


def _alarm(**properties):
    own = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}],
        "Statistic": "Maximum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    return {"Queue": QUEUE, "It": {"Type": "AWS::CloudWatch::Alarm", "Properties": own | properties}}


def _answering(kind):
    properties = {"RestApiId": {"Ref": "Api"}, "ResponseType": kind, "StatusCode": "503"}
    api = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "api"}}
    return {"Api": api, "It": {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": properties}}


GOOD = "nothing is wrong"

FAULTS = {
    GOOD: _stage('{"id":"$context.requestId","bytes":"$context.dataProcessed"}'),
    "an HTTP API logs a variable of REST APIs": _stage('{"id":"$context.requestId","bytes":"$context.requestLength"}'),
    "an access log without the request's id": _stage('{"status":"$context.status"}'),
    "notifications whose prefixes overlap": _notifying("raw/", "raw/track/"),
    "a queue that lets no bucket send": _notifying("raw/", policy=False),
    "a queue that waits for 30 s": _one("AWS::SQS::Queue", ReceiveMessageWaitTimeSeconds=30),
    "a queue that keeps for 20 days": _one("AWS::SQS::Queue", MessageRetentionPeriod=1728000),
    "a function of 64 MB": _function(MemorySize=64),
    "a function of 901 s": _function(Timeout=901),
    "a variable that Lambda keeps for itself": _function(Environment={"Variables": {"AWS_REGION": "eu-central-1"}}),
    "messages visible before the function's timeout": _source(visibility=10, timeout=60),
    "a source of one function at a time": _source(ScalingConfig={"MaximumConcurrency": 1}),
    "a batch of 100 that gathers for no time": _source(BatchSize=100),
    "a source whose role may not read the queue": _source(may_read=False),
    "a rate of 1 hours": _schedule("rate(1 hours)"),
    "cron of five fields": _schedule("cron(0 3 * * *)"),
    "a schedule whose role trusts another service": _schedule("rate(1 hour)", trusted="lambda.amazonaws.com"),
    "an action that no service has": {"It": _role(_allow("s3:GetObjects", "*"))},
    "an action on a bucket allowed on objects": {"It": _role(_allow("s3:ListBucket", "arn:aws:s3:::bucket/*"))},
    "logs kept for 31 days": _one("AWS::Logs::LogGroup", RetentionInDays=31),
    "an alarm every 45 s": _alarm(Period=45),
    "an event pattern with an operator that is none": _one(
        "AWS::Events::Rule",
        State="ENABLED",
        EventPattern={"source": ["aws.s3"], "detail": {"object": {"key": [{"prefixx": "raw/"}]}}},
    ),
    "a route without a space": {
        "Api": HTTP_API,
        "It": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"ApiId": {"Ref": "Api"}, "RouteKey": "POST/webhooks"}},
    },
    "a database of the lake with a space": _one(
        "AWS::Glue::Database", CatalogId={"Ref": "AWS::AccountId"}, DatabaseInput={"Name": "Lake Db!"}
    ),
    "a stream that gathers 200 MB": _delivery(BufferingHints={"SizeInMBs": 200, "IntervalInSeconds": 300}),
    "a prefix of a namespace that is none": _delivery(
        Prefix="raw/!{timestmp:yyyy}/", ErrorOutputPrefix="errors/!{firehose:error-output-type}/"
    ),
    "a query limit of 1 MB": _one(
        "AWS::Athena::WorkGroup",
        Name={"Ref": "AWS::StackName"},
        WorkGroupConfiguration={"BytesScannedCutoffPerQuery": 1000000},
    ),
    "1,001 receives before the dead-letter queue": {
        "Queue": QUEUE,
        "It": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"RedrivePolicy": {"deadLetterTargetArn": QUEUE_ARN, "maxReceiveCount": 1001}},
        },
    },
    "a secret's template without the key to fill in": _one(
        "AWS::SecretsManager::Secret", GenerateSecretString={"SecretStringTemplate": "{}"}
    ),
    "an attribute that a type has not": {
        "Queue": QUEUE,
        "It": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::GetAtt": ["Queue", "Nonsense"]}}},
    },
    "Infrequent Access after ten days": _moved(10),
    "a role for a service that is none": _mistrusted(),
    "an answer of the gateway that is none": _answering("THROTTLEDD"),
}


def templates():
    """Each as a whole template."""
    return {name: {"AWSTemplateFormatVersion": "2010-09-09", "Resources": it} for name, it in FAULTS.items()}
