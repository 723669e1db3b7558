"""The deployed stack: what its template gives out, its keys, and how it is asked."""

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
        # Of a parameter with NoEcho there are asterisks, which tell whether there is a value.
        self.parameters = {it["ParameterKey"]: it.get("ParameterValue", "") for it in described.get("Parameters", [])}
        self.region = self.cloudformation.meta.region_name
        # The switches of the three pipelines show in what there is.
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
        """The URL of a route of the HTTP API. BASE_URL, when set, takes the place of its origin: a custom domain, or the local
        stack's reverse proxy."""
        origin = os.environ.get("BASE_URL")
        if not origin:
            parts = urllib.parse.urlsplit(self.outputs["TokenUrl"])
            origin = f"{parts.scheme}://{parts.netloc}"
        return origin + path

    def mparticle_url(self):
        """The URL of mParticle's webhook, which has an API of its own; MPARTICLE_URL, when set, takes its place."""
        return os.environ.get("MPARTICLE_URL") or self.outputs["MParticleWebhookUrl"]

    def depth(self, output):
        """How many messages of a queue wait, and how many are being worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=names)["Attributes"]
        return tuple(int(attributes[name]) for name in names)


def ask(url, body=None, headers=None):
    """The status and the body of an answer, whatever the status. A body is posted, as JSON."""
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
    """The body of an answer that has one of the accepted statuses."""
    status, body = answer
    if status not in accepted:
        raise Failed(f"{what} was answered {status}, not {' or '.join(map(str, accepted))}")
    return body


def timed(call):
    """What a call gives, and how many milliseconds it took."""
    started = time.monotonic()
    result = call()
    return result, round((time.monotonic() - started) * 1000)
