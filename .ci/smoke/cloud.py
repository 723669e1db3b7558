"""What only a stack in AWS can show: `make smoke FULL=1`. It also runs against an emulator, as far as
that responds, so that the code does not run for the first time in AWS; the results prove nothing there."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from statistics import median

import boto3

from report import Failed, NotChecked, until
from stack import ask, expect, timed

LOGINS = "logins to Postgres, measured by the health check"
VIEWS = "Athena answers one query for each view of the lake"
KEY = "the batch is encrypted with the stack's own key, and can be read"
TRACES = "traces of the query function arrive"
ALARMS = "no alarm fires"
SCHEDULES = "every schedule exists and is enabled"
SETTINGS = "every route with a limit exists"
EXECUTIONS = "the account has executions left for senders while a backlog is processed"
POLICY = "a stack policy protects database and bucket from updates that replace them"

# The health check may be throttled to ten requests at once.
AT_ONCE = 4
QUERY_TIMEOUT, TRACE_TIMEOUT = 60, 90  # seconds
# Loaders, archivers and schedules use eight of a new account's ten.
FEW_EXECUTIONS = 50
PROTECTED = {"AWS::RDS::DBInstance", "AWS::S3::Bucket"}


def logins(stack):
    """Functions that start for concurrent requests log in first; later requests use their connections."""
    call = lambda _: timed(lambda: expect("GET /healthz", ask(stack.url("/healthz")), 200))[1]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        at_once = sorted(pool.map(call, range(AT_ONCE)))
    after = sorted(map(call, range(AT_ONCE)))
    return f"{AT_ONCE} at once {at_once[0]} to {at_once[-1]} ms, then {round(median(after))} ms"


def views(stack):
    """A query of the newest partition of each view. The objects with the results are removed from the bucket."""
    glue, athena, s3 = boto3.client("glue"), boto3.client("athena"), boto3.client("s3")
    database = stack.outputs["LakeDatabase"]
    pages = glue.get_paginator("get_tables").paginate(DatabaseName=database)
    found = [table for page in pages for table in page["TableList"] if table.get("TableType") == "VIRTUAL_VIEW"]
    if not found:
        raise Failed("there are no views")
    now = datetime.now(timezone.utc)
    told = []
    for view in sorted(found, key=lambda it: it["Name"]):
        columns = {it["Name"] for it in view["StorageDescriptor"]["Columns"]}
        newest = f"dt = '{now:%Y-%m-%d}'" if "dt" in columns else f"month = '{now:%Y-%m}'"
        query = athena.start_query_execution(
            QueryString=f'select count(*) from "{view["Name"]}" where {newest}',
            QueryExecutionContext={"Database": database},
            WorkGroup=stack.outputs["AnalyticsWorkgroup"],
        )["QueryExecutionId"]

        def ended():
            execution = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            return execution if execution["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

        execution = until(f"{view['Name']} has no result", QUERY_TIMEOUT, ended)
        bucket, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").split("/", 1)
        for left in (key, f"{key}.metadata"):
            s3.delete_object(Bucket=bucket, Key=left)
        if execution["Status"]["State"] != "SUCCEEDED":
            kind = execution["Status"].get("AthenaError", {}).get("ErrorType", "unknown")
            raise Failed(f"{view['Name']}: {execution['Status']['State'].lower()}, type of error {kind}")
        told.append(f"{view['Name']} {execution['Statistics'].get('TotalExecutionTimeInMillis', 0)} ms")
    return ", ".join(told)


def own_key(stack, batch):
    """Reading needs the key too, which S3 uses on behalf of the reader."""
    if batch is None or batch.key is None:
        raise NotChecked("there was no batch")
    found = batch.s3.get_object(Bucket=batch.bucket, Key=batch.key)
    found["Body"].read()
    if found.get("SSEKMSKeyId") != stack.parameters["KmsKeyArn"]:
        raise Failed("it is encrypted with another key")


def traces(stack, since):
    xray = boto3.client("xray")
    service = f'service("{stack.outputs["QueryFunctionName"]}")'

    def look():
        found = xray.get_trace_summaries(StartTime=since, EndTime=datetime.now(timezone.utc), FilterExpression=service)
        return len(found["TraceSummaries"])

    return f"{until('there are none', TRACE_TIMEOUT, look, pause=5)} traces"


# The alarm on the first denied request of a sender fires, because this check makes some.
FIRED_BY_THIS = {"SenderDeniedAlarm", "MParticleDeniedAlarm"}


def alarms(stack):
    """An alarm without data is not an error. Right after a deployment some alarms fire until a first batch or key arrives."""
    names = {name: logical_id for logical_id, name in stack.resources().get("AWS::CloudWatch::Alarm", [])}
    if not names:
        raise Failed("there are no alarms")
    found = boto3.client("cloudwatch").describe_alarms(AlarmNames=list(names), MaxRecords=100)["MetricAlarms"]
    by_state = {}
    for alarm in found:
        by_state.setdefault(alarm["StateValue"], []).append(names[alarm["AlarmName"]])
    if len(found) != len(names):
        raise Failed(f"{len(found)} of {len(names)} alarms exist")
    firing = set(by_state.get("ALARM", ())) - FIRED_BY_THIS
    if firing:
        raise Failed(f"{', '.join(sorted(firing))} (docs/operations.md)")
    return ", ".join(f"{len(of)} {state}" for state, of in sorted(by_state.items()))


def schedules(stack):
    scheduler = boto3.client("scheduler")
    found = stack.resources().get("AWS::Scheduler::Schedule", [])
    told = []
    for logical_id, name in found:
        # An id may include its group.
        *group, name = name.split("/")[-2:] if "/" in name else [name]
        schedule = scheduler.get_schedule(Name=name, **({"GroupName": group[0]} if group else {}))
        if schedule["State"] != "ENABLED":
            raise Failed(f"{logical_id} is {schedule['State'].lower()}")
        told.append(f"{logical_id} {schedule['ScheduleExpression']}")
    if not told:
        raise NotChecked("this stack has none")
    return ", ".join(sorted(told))


def route_settings(stack):
    """The limit of a route stays at the stage when the route is removed, and the next change of the stage fails."""
    gateway = boto3.client("apigatewayv2")
    api = next(id for name, id in stack.resources().get("AWS::ApiGatewayV2::Api", []) if name == "HttpApi")
    settings = gateway.get_stage(ApiId=api, StageName="$default").get("RouteSettings", {})
    pages = gateway.get_paginator("get_routes").paginate(ApiId=api)
    left = sorted(set(settings) - {it["RouteKey"] for page in pages for it in page["Items"]})
    if left:
        commands = [
            f"aws apigatewayv2 delete-route-settings --api-id \"$api\" --stage-name '$default' --route-key '{key}'" for key in left
        ]
        raise Failed(f"the next change of the stage fails (docs/deploy.md, Switching a part off): {'; '.join(commands)}")
    return f"{len(settings)} limits"


def executions(stack):
    """A low limit is no failure: a stack without much traffic works with it."""
    limit = boto3.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    if limit < FEW_EXECUTIONS:
        raise NotChecked(f"the limit is {limit}: raise it before real senders post (docs/deploy.md, First deploy)")
    return f"the limit is {limit}"


def stack_policy(stack):
    """A stack policy is optional: that it is missing is reported, but is not a failure."""
    body = stack.cloudformation.get_stack_policy(StackName=stack.name).get("StackPolicyBody")
    if not body:
        raise NotChecked("there is none; `aws cloudformation set-stack-policy` sets stack-policy.json")
    protected = set()
    for statement in json.loads(body)["Statement"]:
        if statement["Effect"] == "Deny":
            types = statement.get("Condition", {}).get("StringEquals", {}).get("ResourceType", [])
            protected |= {types} if isinstance(types, str) else set(types)
    if not PROTECTED <= protected:
        raise NotChecked("there is one of your own")


def check(report, stack, batch, since):
    if stack.has_email_events:
        report.check(LOGINS, lambda: logins(stack))
    report.check(ALARMS, lambda: alarms(stack), only_aws=True)
    report.check(SCHEDULES, lambda: schedules(stack), only_aws=True)
    report.check(SETTINGS, lambda: route_settings(stack), only_aws=True)
    report.check(EXECUTIONS, lambda: executions(stack), only_aws=True)
    report.check(POLICY, lambda: stack_policy(stack), only_aws=True)
    if stack.has_analytics:
        report.check(VIEWS, lambda: views(stack), only_aws=True)
    if stack.parameters.get("KmsKeyArn"):
        report.check(KEY, lambda: own_key(stack, batch), only_aws=True)
    if stack.has_email_events and not stack.is_emulated:
        report.check(TRACES, lambda: traces(stack, since), only_aws=True)


def a_moment_ago():
    return datetime.now(timezone.utc) - timedelta(minutes=1)
