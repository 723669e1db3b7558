"""The endpoints of each pipeline, and one empty batch from SparkPost's webhook to Postgres and the lake."""

import hashlib
import json
import uuid
from datetime import datetime, timezone

import boto3

from report import Failed, NotChecked, until
from stack import ask, authorized, expect

# SparkPost's own validation of a new webhook, a batch without events; in another spelling, because the archiver takes its own spelling for
# the place of an erased item, and rejects this one.
PING = b'[{"msys": {}}]'
WEBHOOK, SEARCH = "/webhooks/sparkpost", "/api/v1/events/message?per_page=1"

HEALTH = "the health check succeeds, so functions reach Postgres and its schema exists"
TOKENS = "tokens are issued for the right secret only"
WEBHOOK_KEYS = "SparkPost's webhook accepts its own key only"
SEARCH_KEYS = "searches accept their own key only"
STORED = "a batch is in S3 when the webhook acknowledges it"
LOADED = "the batch is loaded into Postgres"
ARCHIVED = "the batch reaches the lake through EventBridge and the archiver"
MPARTICLE_KEYS = "mParticle's webhook accepts its own key only"
TRACK_KEYS = "product events are accepted with their own key only, and an empty request is refused"
CLEAN = "nothing is left behind"

LOAD_TIMEOUT = 60  # seconds
ARCHIVE_TIMEOUT = 120  # seconds: by EventBridge, and in batches


def health(stack):
    body = expect("GET /healthz", ask(stack.url("/healthz")), 200)
    return f"migration {json.loads(body).get('migration_version')}"


def tokens(stack):
    """The authorizer answers the token endpoint in every stack, whatever its pipelines are."""
    grant = lambda secret: json.dumps({"grant_type": "client_credentials", "client_secret": secret}).encode()
    expect("a wrong client secret", ask(stack.url("/oauth/token"), grant("wrong")), 401)
    body = expect("the client secret", ask(stack.url("/oauth/token"), grant(stack.key("sparkpost"))), 200)
    return json.loads(body)["access_token"]


def webhook_keys(stack):
    url = stack.url(WEBHOOK)
    expect("a batch without a key", ask(url, PING), 401)
    expect("a batch with a wrong key", ask(url, PING, authorized("wrong")), 401)
    expect("a batch with the key for searches", ask(url, PING, authorized(stack.key("query"))), 403)


def search_keys(stack):
    url = stack.url(SEARCH)
    expect("a search without a key", ask(url), 401)
    expect("a search with the webhook's key", ask(url, headers=authorized(stack.key("sparkpost"))), 401, 403)
    expect("a search", ask(url, headers=authorized(stack.key("query"))), 200)


def mparticle_keys(stack):
    url, body = stack.mparticle_url(), b'{"events":[]}'
    expect("a batch without a key", ask(url, body), 401)
    expect("a batch with a wrong key", ask(url, body, authorized("wrong")), 401, 403)
    expect("a batch with SparkPost's key", ask(url, body, authorized(stack.key("sparkpost"))), 401, 403)


def track_keys(stack):
    url = stack.url("/track")
    expect("a request without a key", ask(url, b"[]"), 401)
    expect("a request with a wrong key", ask(url, b"[]", {"x-api-key": "wrong"}), 401)
    expect("a request with the key for searches", ask(url, b"[]", {"x-api-key": stack.key("query")}), 403)
    expect("a request without events", ask(url, b"[]", {"x-api-key": stack.key("track")}), 400)


class Batch:
    """One empty batch on its way, and everything that it may leave in the bucket."""

    def __init__(self, stack):
        self.stack = stack
        self.id = f"smoke-{uuid.uuid4().hex}"
        self.s3, self.bucket = boto3.client("s3"), stack.outputs["EventsBucketName"]
        self.key = None
        self.is_settled = False

    def post(self, token):
        headers = authorized(f"Bearer {token}") | {"X-MessageSystems-Batch-ID": self.id}
        today = datetime.now(timezone.utc)
        expect("the batch", ask(self.stack.url(WEBHOOK), PING, headers), 200)
        # Not repeated: what is acknowledged must be stored already.
        prefix = f"raw/sparkpost/dt={today:%Y-%m-%d}/{self.id}"
        keys = [it["Key"] for it in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])]
        if len(keys) != 1:
            raise Failed(f"{len(keys)} objects, not one")
        self.key = keys[0]

    def wait_until_loaded(self):
        """A queue that is empty three times in a row has had all its notifications processed."""
        in_a_row = 0

        def look():
            nonlocal in_a_row
            in_a_row = in_a_row + 1 if self.stack.depth("LoadQueueUrl") == (0, 0) else 0
            return in_a_row == 3

        until("its queue is not empty; read the loader's log, or try again when fewer batches arrive,", LOAD_TIMEOUT, look)

    def wait_until_archived(self):
        """The archiver stores a rejection for a ping, which shows that it has processed it."""
        until("no trace of it; check ArchiveQueue and the archiver's log,", ARCHIVE_TIMEOUT, lambda: self.exists(self.trace()))

    def trace(self):
        """The key of the archiver's rejections of the batch: `lake_schema::layout::rejected_key`."""
        day = self.key.split("/dt=")[1].split("/")[0]
        name = hashlib.sha256(b"\0".join([b"part", b"email_events", day.encode(), self.key.encode()])).hexdigest()[:32]
        return f"rejected/email_events/dt={day}/{name}.ndjson"

    def exists(self, key):
        return any(it["Key"] == key for it in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key).get("Contents", []))

    def remove(self):
        """Removes what the batch left in the bucket, once nobody needs it any more.

        An object that is gone before its notification is worked on is a loss to loader and archiver, which they would write down.
        """
        if self.key is None:
            raise NotChecked("there was no batch")
        if not self.is_settled:
            raise Failed("the batch's object stays in raw/sparkpost/, because it has not been processed yet")
        keys = [self.key, self.trace()] if self.stack.has_analytics else [self.key]
        for key in keys:
            self.s3.delete_object(Bucket=self.bucket, Key=key)
        left = [key.split("/")[0] for key in keys if self.exists(key)]
        if left:
            raise Failed(f"objects stay under {' and '.join(left)}")
        return "except a row of `batches` without events, which maintenance deletes after ninety days"


def check(report, stack):
    """Checks every endpoint and sends one batch; returns the batch, if there is one."""
    token = None

    def keep_token():
        nonlocal token
        token = tokens(stack)

    if stack.has_email_events:
        report.check(HEALTH, lambda: health(stack))
    report.check(TOKENS, keep_token)
    if stack.has_forwarder:
        report.check(MPARTICLE_KEYS, lambda: mparticle_keys(stack))
    if stack.has_analytics:
        report.check(TRACK_KEYS, lambda: track_keys(stack))
    if not stack.has_email_events:
        return None
    report.check(WEBHOOK_KEYS, lambda: webhook_keys(stack))
    report.check(SEARCH_KEYS, lambda: search_keys(stack))

    batch = Batch(stack)
    # A batch that was not stored cannot be followed.
    if token and report.check(STORED, lambda: batch.post(token)):
        is_loaded = report.check(LOADED, batch.wait_until_loaded)
        is_archived = not stack.has_analytics or report.check(ARCHIVED, batch.wait_until_archived)
        batch.is_settled = is_loaded and is_archived
    return batch
