"""What the emulator recorded: which function called what, on what. It records each call it has let through, as CloudTrail would."""

import collections
import contextlib
import hashlib
import json
import urllib.request

import boto3
import botocore.exceptions

REGION = "us-east-1"
ACCOUNT = "000000000000"

# How IAM names what an operation needs, where it is not the operation's own name
# (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html, …/list_amazonsqs.html).
ACTIONS = {
    "s3:ListObjects": "s3:ListBucket",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    # A POST to a bucket: DeleteObjects.
    "s3:POST.s3": "s3:DeleteObject",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "lambda:Invoke": "lambda:InvokeFunction",
}

# `resource` is an ARN, or that of a bucket with EVERY_KEY after it when the keys of a batch were not recorded.
Call = collections.namedtuple("Call", "stack function action resource")
EVERY_KEY = "/*"


class Lost(Exception):
    """The emulator forgot calls before they were read."""


class Recorder:
    """Reads calls while they are made. The emulator keeps the last few thousand, and gives 50 at a time."""

    PAGE = 50

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self._post("/_ministack/config", {"cloudtrail._recording_enabled": "true"}, {})
        # What it has recorded before is none of ours.
        newest = self._page(None)[:1]
        self.last_id = newest[0]["EventId"] if newest else None

    def poll(self):
        """The calls since the last time, oldest first."""
        found, before = {}, None
        while True:
            page = self._page(before)
            is_last = len(page) < self.PAGE
            known = [place for place, event in enumerate(page) if event["EventId"] == self.last_id]
            fresh = page[: known[0]] if known else page
            size = len(found)
            found.update((event["EventId"], event) for event in fresh)
            if known or (is_last and self.last_id is None):
                break
            if is_last or len(found) == size:
                raise Lost("calls were recorded faster than they were read")
            before = page[-1]["EventTime"]
        events = list(reversed(found.values()))
        if events:
            self.last_id = events[-1]["EventId"]
        return events

    def begin_again(self):
        """Has the next poll give whatever the emulator has."""
        self.last_id = None

    def _page(self, before):
        """The newest calls, at or before a time, newest first."""
        request = {"MaxResults": self.PAGE} | ({} if before is None else {"EndTime": before})
        headers = {
            "X-Amz-Target": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents",
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=local/20260101/{REGION}/cloudtrail/aws4_request, SignedHeaders=host, Signature=0",
        }
        return self._post("/", request, headers)["Events"]

    def _post(self, path, body, headers):
        request = urllib.request.Request(self.endpoint + path, json.dumps(body).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def session_key(function_arn, role_arn):
    """The access key of the session in which the emulator runs a function."""
    digest = hashlib.sha256(f"{function_arn}:{role_arn}".encode()).hexdigest()
    return f"ASIA{digest[:16].upper()}"


class Callers:
    """Who is behind an access key. Looks again when it meets an unknown one, as stacks come and go in the tests."""

    def __init__(self):
        self.functions = boto3.client("lambda")
        self.secrets = boto3.client("secretsmanager")
        self.cloudformation = boto3.client("cloudformation")
        self.by_key = {}
        self.stacks = {}

    def find(self, access_key):
        """The stack and the logical id of the function; `None` for other callers."""
        if not access_key.startswith("ASIA"):
            return None
        if access_key not in self.by_key:
            self._look()
        return self.by_key.get(access_key)

    def _look(self):
        for stack in self.cloudformation.describe_stacks()["Stacks"]:
            # What a test takes down meanwhile is not there to be asked.
            with contextlib.suppress(botocore.exceptions.ClientError):
                self._look_at(stack)

    def _look_at(self, stack):
        name = stack["StackName"]
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        resources = [it for page in pages for it in page["StackResourceSummaries"] if it.get("PhysicalResourceId")]
        ids = {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in resources}
        for it in resources:
            # The emulator's id of a secret is its name, where AWS's is its ARN.
            if it["ResourceType"] == "AWS::SecretsManager::Secret":
                ids[it["LogicalResourceId"]] = self.secrets.describe_secret(SecretId=it["PhysicalResourceId"])["ARN"]
        for it in resources:
            if it["ResourceType"] == "AWS::Lambda::Function":
                versions = self.functions.list_versions_by_function(FunctionName=it["PhysicalResourceId"])["Versions"]
                arns = {version["FunctionArn"] for version in versions}
                # Unqualified, as each version, and as the alias.
                arns |= {f"{arn.removesuffix(':$LATEST')}{alias}" for arn in arns for alias in ("", ":live")}
                for arn in arns:
                    self.by_key[session_key(arn, versions[0]["Role"])] = (name, it["LogicalResourceId"])
        parameters = {it["ParameterKey"]: it["ParameterValue"] for it in stack.get("Parameters", [])}
        # As it was when most of it was there, and its parameters were told.
        known, there = self.stacks.get(name, ({}, {}))
        if ids and (bool(parameters), len(ids)) >= (bool(known), len(there)):
            self.stacks[name] = (parameters, ids)


def to_call(event, caller):
    """A recorded call in IAM's words. `ValueError` when it is none that is known here."""
    stack, function = caller
    detail = json.loads(event["CloudTrailEvent"])
    service = event["EventSource"].split(".")[0]
    operation = f"{service}:{event['EventName']}"
    action = ACTIONS.get(operation, operation)
    names = [it["ResourceName"] for it in event.get("Resources", [])]
    parameters = detail.get("requestParameters") or {}
    if service == "s3" and names:
        resource = f"arn:aws:s3:::{'/'.join(names)}"
        if operation == "s3:POST.s3":
            resource += EVERY_KEY
    elif service == "sqs" and "QueueUrl" in parameters:
        resource = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{parameters['QueueUrl'].rsplit('/', 1)[-1]}"
    elif service == "secretsmanager" and parameters.get("SecretId", "").startswith("arn:"):
        resource = parameters["SecretId"]
    elif service == "firehose" and "DeliveryStreamName" in parameters:
        resource = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{parameters['DeliveryStreamName']}"
    elif service == "logs" and "logGroupName" in parameters:
        resource = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{parameters['logGroupName']}:*"
    elif service == "lambda" and names:
        resource = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{names[0]}"
    else:
        raise ValueError(f"{function} called {operation}, of which calls.py does not know the resource")
    return Call(stack, function, action, resource)
