"""Rules of storage: S3, SQS, Firehose, Secrets Manager, Glue; and of texts."""

import functools
import itertools
import re

_NOTIFIED = {"QueueConfigurations": "Queue", "LambdaConfigurations": "Function", "TopicConfigurations": "Topic"}
_NAMESPACES = {
    "timestamp": None,
    "firehose": {"error-output-type", "random-string", "shard-id"},
    "partitionKeyFromQuery": None,
    "partitionKeyFromLambda": None,
}


def _notifications(bucket):
    """Every notification of a bucket: its event, prefix, suffix and target."""
    for kind, target in _NOTIFIED.items():
        for it in bucket.get("NotificationConfiguration", {}).get(kind, []):
            rules = {rule["Name"].lower(): rule["Value"] for rule in it.get("Filter", {}).get("S3Key", {}).get("Rules", [])}
            yield it["Event"].removesuffix("*"), rules.get("prefix", ""), rules.get("suffix", ""), it[target]


def notifications_do_not_overlap(stack):
    """A bucket notifies only one target of a key.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html. Else: "Configurations overlap.
    Configurations on the same bucket cannot share a common event type".
    """
    nested = lambda one, other: one.startswith(other) or other.startswith(one)
    for name, bucket in stack.of_type("AWS::S3::Bucket").items():
        for one, other in itertools.combinations(_notifications(bucket), 2):
            ends = nested(one[2][::-1], other[2][::-1])
            if nested(one[0], other[0]) and nested(one[1], other[1]) and ends:
                yield name, f'{one[1]!r} and {other[1]!r}; AWS: "Configurations overlap"'


def notified_queue_lets_bucket_send(stack):
    """A queue that a bucket notifies has a policy for S3, created before the bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html: S3 sends a test message.
    Else: "Unable to validate the following destination configurations".
    """
    policies = {
        stack.answer(queue, "Arn"): name
        for name, it in stack.of_type("AWS::SQS::QueuePolicy").items()
        for queue in stack.of_type("AWS::SQS::Queue")
        if stack.answer(queue) in it["Queues"] and "s3.amazonaws.com" in str(it["PolicyDocument"])
    }
    for name, bucket in stack.of_type("AWS::S3::Bucket").items():
        for *_, target in _notifications(bucket):
            if ":sqs:" in target and policies.get(target) not in stack.needs(name):
                yield name, f'no policy lets it send to {target}; AWS: "Unable to validate the following destination configurations"'


def transitions_wait_thirty_days(stack):
    """Objects move to Infrequent Access after thirty days at the earliest.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html. Else: "'Days' in
    Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'".
    """
    for name, bucket in stack.of_type("AWS::S3::Bucket").items():
        for rule in bucket.get("LifecycleConfiguration", {}).get("Rules", []):
            for it in rule.get("Transitions", []):
                if it["StorageClass"] in ("STANDARD_IA", "ONEZONE_IA") and int(it["TransitionInDays"]) < 30:
                    yield name, f"AWS: \"'Days' in Transition action must be greater than or equal to 30 for {it['StorageClass']}\""


def receive_counts_are_bounded(stack):
    """A message goes to the dead-letter queue after 1 to 1,000 receives.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html. Else: "Value ... for
    parameter RedrivePolicy is invalid. Reason: Invalid value for maxReceiveCount".
    """
    for name, queue in stack.of_type("AWS::SQS::Queue").items():
        count = int(queue.get("RedrivePolicy", {}).get("maxReceiveCount", 1))
        if not 1 <= count <= 1000:
            yield name, f'AWS: "Invalid value for maxReceiveCount: {count}"'


def delivery_prefixes_are_understood(stack):
    """Firehose's prefixes use its own namespaces, and errors are stored by their type.

    https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html. Else: "Unsupported namespace in prefix expression", and
    "ErrorOutputPrefix must contain at least one instance of !{firehose:error-output-type}" as soon as a prefix has an expression.
    """
    for name, stream in stack.of_type("AWS::KinesisFirehose::DeliveryStream").items():
        target = stream.get("ExtendedS3DestinationConfiguration", {})
        prefix, errors = target.get("Prefix", ""), target.get("ErrorOutputPrefix", "")
        for namespace, argument in re.findall(r"!\{(\w+):([^}]*)\}", prefix + errors):
            values = _NAMESPACES.get(namespace, set())
            if values is not None and argument not in values:
                yield name, f"AWS refuses the namespace or value of !{{{namespace}:{argument}}}"
        if "!{" in prefix and "!{firehose:error-output-type}" not in errors:
            yield name, "AWS asks for !{firehose:error-output-type} in ErrorOutputPrefix when Prefix has an expression"


def generated_secret_has_template_and_key(stack):
    """A generated secret has a template and the key to fill in, or neither.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html and the resource's page. Else: "You
    must specify both SecretStringTemplate and GenerateStringKey".
    """
    for name, secret in stack.of_type("AWS::SecretsManager::Secret").items():
        generated = secret.get("GenerateSecretString", {})
        if ("SecretStringTemplate" in generated) != ("GenerateStringKey" in generated):
            yield name, "SecretStringTemplate and GenerateStringKey belong together; AWS refuses one without the other"


def lake_names_are_plain(stack):
    """Databases, tables and columns of the lake have lower-case letters, digits and underscores.

    https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html. Glue keeps other names, and Athena cannot
    ask for them: "mismatched input".
    """
    for name, it in stack.of_type("AWS::Glue::Database", "AWS::Glue::Table").items():
        inner = it.get("DatabaseInput") or it.get("TableInput", {})
        columns = inner.get("StorageDescriptor", {}).get("Columns", []) + inner.get("PartitionKeys", [])
        for text in [inner.get("Name", "x"), *(column["Name"] for column in columns)]:
            if not re.fullmatch(r"[a-z0-9_]{1,255}", text):
                yield name, f"Athena cannot ask for {text!r}: lower-case letters, digits and underscores only"


def texts_are_ascii(stack):
    """Texts are plain ASCII.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html: other letters come out as `?`.
    """
    for name, resource in stack.resources.items():
        text = _odd_text(resource)
        if text:
            odd = sorted({letter for letter in text if not letter.isascii()})
            yield name, f"CloudFormation shows {''.join(odd)} as ? in {text[:60]!r}"


@functools.cache
def _odd_text(resource):
    return next((text for text in _texts(resource["Properties"]) if not text.isascii()), None)


def _texts(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
