#!/usr/bin/env python3
"""Checks a deployed stack from outside, and reports what was verified: `make smoke STACK=cistern`.

Requests the health check, tries wrong keys at every endpoint, sends one empty batch and removes its objects. With --full (FULL=1)
also checks that take longer or need AWS: Athena, alarms, schedules, the KMS key, a batch of 900 KB. Only a row of `batches`
without events stays, which maintenance deletes after ninety days.

Needs a Python with boto3, such as that of .local/tools/sam, and your credentials and region. BASE_URL and MPARTICLE_URL, if set,
replace the URLs in the stack's outputs: custom domains, or the local stack's reverse proxy.

Prints Markdown to paste into an issue, without addresses, keys and accounts; --json prints the same for programs. Exit code 0 if
nothing failed, 1 if something did, and 2 if the stack could not be reached.
"""

import argparse
import json
import re
import sys

from botocore.exceptions import BotoCoreError, ClientError

import cloud
import large_batch
import pipelines
from report import NOT_CHECKED, Report
from stack import Stack

ROLES = "the roles of the functions allow what they do"
NETWORK = "functions in private subnets reach Postgres, with a login by IAM"
EVENTBRIDGE = "EventBridge and S3 may send to the stack's queues"
GATEWAY = "API Gateway may send 900 KB to SQS"
# Claims of the documentation that could only be checked by causing an outage.
NEVER_CHECKED = [
    "requests above the limit are refused with 429",
    "alarms arrive by mail",
    "a standby takes over, and a snapshot can be restored",
]


def versions(stack):
    """The versions and options of the stack."""
    pipelines_there = {"email events": stack.has_email_events, "app events": stack.has_forwarder, "product events": stack.has_analytics}
    return {
        "version": version(stack),
        "region": stack.region,
        "stack": stack.status,
        "processor": stack.parameters.get("Architecture"),
        "pipelines": ", ".join(name for name, there in pipelines_there.items() if there) or "none",
        "database": database(stack),
        "own key": "yes" if stack.parameters.get("KmsKeyArn") else "no",
    }


def version(stack):
    """The version is in a packaged template, and not in one that `sam build` made of a checkout."""
    text = stack.cloudformation.get_template(StackName=stack.name)["TemplateBody"]
    if not isinstance(text, str):
        text = json.dumps(text)
    found = re.search(r"\bCistern\b\W+Version\W+([0-9][0-9A-Za-z.+-]*)", text)
    return found[1] if found else "not from a package"


def database(stack):
    if not stack.has_email_events:
        return None
    if "DatabaseEndpoint" in stack.outputs:
        return f"of the stack, {stack.parameters.get('DatabaseInstanceClass')}"
    return "your own"


def conclude(report, stack, is_full):
    """What the checks prove together, if roles, networks and policies are real."""
    if stack.has_email_events:
        shown = [pipelines.HEALTH, pipelines.TOKENS, pipelines.STORED, pipelines.LOADED]
        report.follows(ROLES, shown + [pipelines.ARCHIVED] * stack.has_analytics)
        if "DatabaseEndpoint" in stack.outputs:
            report.follows(NETWORK, [pipelines.HEALTH, pipelines.LOADED])
        report.follows(EVENTBRIDGE, [pipelines.LOADED] + [pipelines.ARCHIVED] * stack.has_analytics)
    if stack.has_forwarder and is_full:
        report.follows(GATEWAY, [large_batch.LARGE])
    for claim in NEVER_CHECKED:
        report.add(claim, NOT_CHECKED, "", only_aws=True)


def run(name, is_full, as_json):
    stack = Stack(name)
    report = Report(versions(stack), stack.is_emulated, quiet=as_json)
    since = cloud.a_moment_ago()
    batch = pipelines.check(report, stack)
    try:
        if is_full:
            large_batch.check(report, stack)
            cloud.check(report, stack, batch, since)
    finally:
        if batch is not None:
            report.check(pipelines.CLEAN, batch.remove)
    conclude(report, stack, is_full)
    if as_json:
        print(report.to_json())
    else:
        print(f"\n{report.to_markdown()}\n\n{report.last_line()}")
    return 0 if report.is_ok() else 1


def main():
    parser = argparse.ArgumentParser(prog="smoke", description=__doc__.split("\n\n")[0])
    parser.add_argument("stack", help="the stack's name")
    parser.add_argument("--full", action="store_true", help="check in depth, which takes some minutes")
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines and Markdown")
    options = parser.parse_args()
    try:
        sys.exit(run(options.stack, options.full, options.json))
    except (ClientError, BotoCoreError) as error:
        print(f"error: asking for the stack {options.stack}: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
