"""A batch of 900 KB through mParticle's gateway, unchanged, and out of its queue again.

The gateway writes a body into a form for SQS, where every character outside of ASCII's letters and digits takes three: between two
and three times as many bytes as SQS stores. Whether all of them come through, no document says.
"""

import json
import time
import uuid

import boto3

from report import Failed, NotChecked
from stack import ask, authorized, expect

LARGE = "a batch of 900 KB passes mParticle's gateway unchanged"
SIZE = 900_000  # bytes
# With more waiting messages, too many would be received to find one.
MOST_WAITING = 200
TIMEOUT = 60  # seconds
HIDDEN = 60  # seconds in which the received messages are hidden from others


def body(marker):
    """JSON of SIZE bytes without events, so nothing is forwarded."""
    empty = {"events": [], "environment": "development", "smoke": marker, "padding": ""}
    room = SIZE - len(json.dumps(empty).encode())
    piece = 'é&=+% "\\/#<>🍵 abcdefgh '
    size = len(json.dumps(piece, ensure_ascii=False).encode()) - 2
    count, rest = divmod(room, size)
    return json.dumps(empty | {"padding": piece * count + "x" * rest}, ensure_ascii=False).encode()


def take_back(sqs, queue, marker):
    """Removes the message with the marker from the queue and returns its body; releases the others. None if it is missing."""
    others, found = [], None
    deadline = time.monotonic() + TIMEOUT
    try:
        while found is None and time.monotonic() < deadline and len(others) <= MOST_WAITING:
            received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=HIDDEN, WaitTimeSeconds=2)
            for message in received.get("Messages", []):
                if marker in message["Body"]:
                    found = message["Body"]
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                else:
                    others.append(message["ReceiptHandle"])
    finally:
        for handle in others:
            sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)
    return found


def pass_through(stack):
    waiting, _ = stack.depth("ForwardQueueUrl")
    if waiting > MOST_WAITING:
        raise NotChecked(f"{waiting} batches wait for the forwarder, so this one could not be found; try after its next run")
    marker = uuid.uuid4().hex
    sent = body(marker)
    expect("the batch", ask(stack.mparticle_url(), sent, authorized(stack.key("mparticle"))), 200)
    came = take_back(boto3.client("sqs"), stack.outputs["ForwardQueueUrl"], marker)
    if came is None:
        raise NotChecked("it was accepted, but the forwarder received it first: an empty batch is in the archive")
    if came.encode() != sent:
        raise Failed(f"{len(sent)} bytes were sent, and {len(came.encode())} different ones arrived")
    return f"{len(sent)} bytes"


def check(report, stack):
    if stack.has_forwarder:
        report.check(LARGE, lambda: pass_through(stack))
