"""Rules of metrics: every metric of an alarm or of the dashboard is emitted."""

import functools
import json
import re
from pathlib import Path

_CRATES = Path(__file__).resolve().parents[3] / "crates"
_METRICS = _CRATES / "libraries/function-kit/src/metrics.rs"
_PIPELINES = _CRATES / "libraries/event-model/src/pipeline.rs"

# What AWS counts, by namespace: the dimensions, and the metrics that come with exactly these.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html leads to each list.
_LAMBDA = set(
    """Invocations Errors Throttles Duration ConcurrentExecutions DeadLetterErrors DestinationDeliveryFailures AsyncEventsReceived
    AsyncEventAge AsyncEventsDropped PostRuntimeExtensionsDuration RecursiveInvocationsDropped""".split()
)
_OF_AWS = {
    "AWS/Lambda": [({"FunctionName"}, _LAMBDA)],
    "AWS/SQS": [
        (
            {"QueueName"},
            set("""ApproximateAgeOfOldestMessage ApproximateNumberOfMessagesDelayed ApproximateNumberOfMessagesNotVisible
                ApproximateNumberOfMessagesVisible NumberOfEmptyReceives NumberOfMessagesDeleted NumberOfMessagesReceived
                NumberOfMessagesSent SentMessageSize""".split()),
        )
    ],
    "AWS/ApiGateway": [
        # Of HTTP APIs.
        ({"ApiId"}, {"4xx", "5xx", "Count", "IntegrationLatency", "Latency", "DataProcessed"}),
        ({"ApiId", "Stage"}, {"4xx", "5xx", "Count", "IntegrationLatency", "Latency", "DataProcessed"}),
        # Of REST APIs.
        ({"ApiName"}, {"4XXError", "5XXError", "Count", "IntegrationLatency", "Latency", "CacheHitCount", "CacheMissCount"}),
        ({"ApiName", "Stage"}, {"4XXError", "5XXError", "Count", "IntegrationLatency", "Latency"}),
    ],
    "AWS/RDS": [
        (
            {"DBInstanceIdentifier"},
            set("""BurstBalance CPUCreditBalance CPUCreditUsage CPUSurplusCreditBalance CPUSurplusCreditsCharged CPUUtilization
                CheckpointLag DBLoad DatabaseConnections DiskQueueDepth EBSByteBalance% EBSIOBalance% FreeStorageSpace
                FreeableMemory MaximumUsedTransactionIDs NetworkReceiveThroughput NetworkTransmitThroughput OldestReplicationSlotLag
                ReadIOPS ReadLatency ReadThroughput ReplicaLag SwapUsage TransactionLogsDiskUsage TransactionLogsGeneration
                WriteIOPS WriteLatency WriteThroughput""".split()),
        )
    ],
    "AWS/Firehose": [
        (
            {"DeliveryStreamName"},
            set("""BackupToS3.Success BytesPerSecondLimit DeliveryToS3.Bytes DeliveryToS3.DataFreshness DeliveryToS3.ObjectCount
                DeliveryToS3.Records DeliveryToS3.Success IncomingBytes IncomingPutRequests IncomingRecords KMSKeyAccessDenied
                KMSKeyDisabled KMSKeyInvalidState KMSKeyNotFound PutRecordBatch.Bytes PutRecordBatch.Latency PutRecordBatch.Requests
                PutRequestsPerSecondLimit RecordsPerSecondLimit ThrottledRecords""".split()),
        )
    ],
    "AWS/Events": [
        (
            {"RuleName"},
            set("""FailedInvocations Invocations InvocationsFailedToBeSentToDlq InvocationsSentToDlq MatchedEvents ThrottledRules
                TriggeredRules""".split()),
        )
    ],
}


# The types that these are of.
_WATCHED = (
    "AWS::ApiGatewayV2::Api",
    "AWS::Events::Rule",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::Lambda::Function",
    "AWS::RDS::DBInstance",
    "AWS::SQS::Queue",
)


@functools.cache
def _names_in(source):
    """The names that a Rust enum's `name` returns."""
    body = re.search(r"fn name\(self\).*?\n    }", source.read_text(), re.DOTALL)[0]
    return set(re.findall(r'=> "(\w+)"', body))


def _own(stack):
    """Every metric that the stack itself counts: the namespace, the name, whether a pipeline is its dimension."""
    counted, pipelines = _names_in(_METRICS), _names_in(_PIPELINES)
    found = set()
    for it in stack.of_type("AWS::Lambda::Function").values():
        namespace = it.get("Environment", {}).get("Variables", {}).get("METRICS_NAMESPACE")
        if namespace:
            found |= {(namespace, name, (("pipeline", pipeline),)) for name in counted for pipeline in pipelines}
    for it in stack.of_type("AWS::Logs::MetricFilter").values():
        for made in it["MetricTransformations"]:
            dimensions = tuple(sorted((d["Key"], None) for d in made.get("Dimensions", [])))
            found.add((made["MetricNamespace"], made["MetricName"], dimensions))
    return found


def _watched(stack):
    """Every metric that an alarm or a dashboard shows: the resource, namespace, name, dimensions."""
    for name, it in stack.of_type("AWS::CloudWatch::Alarm").items():
        for one in [it, *(query["MetricStat"]["Metric"] for query in it.get("Metrics", []) if "MetricStat" in query)]:
            if "MetricName" in one:
                yield name, one["Namespace"], one["MetricName"], {d["Name"]: d["Value"] for d in one.get("Dimensions", [])}
    for name, it in stack.of_type("AWS::CloudWatch::Dashboard").items():
        for widget in _widgets(it["DashboardBody"]):
            before = []
            for row in widget["properties"].get("metrics", []):
                row = [part for part in row if isinstance(part, str)]
                if row and row[0] == "...":
                    row = before[: len(before) - len(row) + 1] + row[1:]
                row = [before[index] if part == "." else part for index, part in enumerate(row)]
                before = row
                if row:
                    yield name, row[0], row[1], dict(zip(row[2::2], row[3::2]))


@functools.cache
def _widgets(body):
    return json.loads(body)["widgets"]


def watched_metrics_are_counted(stack):
    """A metric of an alarm or of the dashboard is emitted by AWS, our functions, or a metric filter of this stack.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html. CloudWatch takes an alarm on
    any name, which then never fires.
    """
    own = _own(stack)
    for name, namespace, metric, dimensions in _watched(stack):
        if namespace.startswith("AWS/"):
            known = any(set(dimensions) == keys and metric in its for keys, its in _OF_AWS.get(namespace, []))
        else:
            exact = (namespace, metric, tuple(sorted(dimensions.items())))
            known = exact in own or (namespace, metric, tuple(sorted((key, None) for key in dimensions))) in own
        if not known:
            yield name, f"nobody counts {namespace} {metric} by {dimensions or 'no dimension'}; CloudWatch takes it, and shows nothing"


def watched_resources_are_there(stack):
    """A metric of AWS belongs to a resource of this stack.

    The same page. Else the alarm never fires.
    """
    there = {text for resource in stack.of_type(*_WATCHED) for text in stack.answers(resource)}
    there |= {it.get("Name") for it in stack.of_type("AWS::ApiGateway::RestApi").values()}
    for name, namespace, metric, dimensions in _watched(stack):
        for key, value in dimensions.items():
            if namespace.startswith("AWS/") and key != "Stage" and value not in there:
                yield name, f"{namespace} {metric} is of {key} {value}, which this stack has not"


def alarms_look_back_a_bounded_time(stack):
    """An alarm evaluates at most a day, or a week with periods of an hour or more, and not more data points than periods.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html. Else: "Metrics cannot be checked across
    more than a day", and "DatapointsToAlarm must be less than or equal to EvaluationPeriods".
    """
    for name, it in stack.of_type("AWS::CloudWatch::Alarm").items():
        if "Period" not in it:
            continue
        period, periods = int(it["Period"]), int(it["EvaluationPeriods"])
        if period * periods > (604800 if period >= 3600 else 86400):
            yield name, f'AWS: "Metrics cannot be checked across more than a day" ({periods} periods of {period} s)'
        if int(it.get("DatapointsToAlarm", 1)) > periods:
            yield name, 'AWS: "DatapointsToAlarm must be less than or equal to EvaluationPeriods"'
