"""The deployed stack: its outputs, its keys, and requests to it."""

import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from functools import cache

import boto3

from report import Failed


class Stack:
    def __init__(self, name):
        self.name = name
        self.is_emulated = "AWS_ENDPOINT_URL" in os.environ
        self.cloudformation = boto3.client("cloudformation")
        described = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        self.status = described["StackStatus"]
        self.outputs = {it["OutputKey"]: it["OutputValue"] for it in described.get("Outputs", [])}
        # A parameter with NoEcho is shown as asterisks if it has a value.
        self.parameters = {it["ParameterKey"]: it.get("ParameterValue", "") for it in described.get("Parameters", [])}
        self.region = self.cloudformation.meta.region_name
        # The outputs show which pipelines are enabled.
        self.has_email_events = "SparkPostWebhookUrl" in self.outputs
        self.has_forwarder = "MParticleWebhookUrl" in self.outputs
        self.has_analytics = "TrackUrl" in self.outputs

    @cache
    def key(self, scope):
        """The key of a scope, as `KeysCommand` prints it."""
        secret = boto3.client("secretsmanager").get_secret_value(SecretId=self.outputs["KeysSecretArn"])
        document = json.loads(secret["SecretString"])
        made = hmac.new(document["signing_key"].encode(), scope.encode(), hashlib.sha256).hexdigest()
        return document.get(scope, made)

    @cache
    def resources(self):
        """The logical and the physical id of each resource, by type."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
        found = {}
        for page in pages:
            for it in page["StackResourceSummaries"]:
                ids = (it["LogicalResourceId"], it.get("PhysicalResourceId", ""))
                found.setdefault(it["ResourceType"], []).append(ids)
        return found

    def url(self, path):
        """The URL of a route of the HTTP API. BASE_URL, if set, replaces its origin: a custom domain, or the local
        stack's reverse proxy."""
        origin = os.environ.get("BASE_URL")
        if not origin:
            parts = urllib.parse.urlsplit(self.outputs["TokenUrl"])
            origin = f"{parts.scheme}://{parts.netloc}"
        return origin + path

    def mparticle_url(self):
        """The URL of mParticle's webhook, which has a separate API; MPARTICLE_URL, if set, replaces it."""
        return os.environ.get("MPARTICLE_URL") or self.outputs["MParticleWebhookUrl"]

    def depth(self, output):
        """How many messages of a queue are waiting, and how many are being processed."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=names)["Attributes"]
        return tuple(int(attributes[name]) for name in names)


def ask(url, body=None, headers=None):
    """The status and the body of a response, with any status. A request with a body is posted as JSON."""
    request = urllib.request.Request(url, data=body, headers=headers or {})
    if body is not None:
        request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=35) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read()


def authorized(key):
    return {"authorization": key}


def expect(what, answer, *accepted):
    """The body of a response with one of the accepted statuses."""
    status, body = answer
    if status not in accepted:
        raise Failed(f"{what} was answered {status}, not {' or '.join(map(str, accepted))}")
    return body


def timed(call):
    """The result of a call, and its duration in milliseconds."""
    started = time.monotonic()
    result = call()
    return result, round((time.monotonic() - started) * 1000)
