"""Deploys the staged template with every combination of its switches into one stack of the emulator, then once more
unchanged, and deletes it. Fails with what was not as it should be.

Arguments: the staged template, the database's URL. Run by the Python of .local/tools/sam, in the environment of `cistern exec`.
"""

import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3

STACK = "cistern-combinations"
CODE_BUCKET = "cistern-deploy"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
LIMIT = 60  # seconds for one deployment

# One function of each pipeline, by its switch.
WITNESSES = {
    "EnableEmailEvents": "LoaderFunction",
    "EnableForwarder": "ForwarderFunction",
    "EnableAnalytics": "ArchiverFunction",
}

cloudformation = boto3.client("cloudformation")


def package(template):
    """The template with its code uploaded; its text, and its URL, as it is too long to be sent along."""
    sam = Path(sys.executable).with_name("sam")
    with tempfile.NamedTemporaryFile(suffix=".yaml") as packaged:
        subprocess.run(
            [sam, "package", "--template-file", template, "--s3-bucket", CODE_BUCKET, "--output-template-file", packaged.name],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        text = Path(packaged.name).read_text()
    boto3.client("s3").put_object(Bucket=CODE_BUCKET, Key=f"{STACK}.yaml", Body=text.encode())
    return text, f"{os.environ['AWS_ENDPOINT_URL']}/{CODE_BUCKET}/{STACK}.yaml"


def wait(what, describe, ended):
    deadline = time.monotonic() + LIMIT
    while True:
        found = describe()
        if ended(found):
            return found
        if time.monotonic() > deadline:
            sys.exit(f"{what}: still {found} after {LIMIT} s")
        time.sleep(0.2)


def change_set(kind, template, parameters):
    """Makes a change set; its status and the reason for it."""
    name = f"combination-{time.monotonic_ns()}"
    cloudformation.create_change_set(
        StackName=STACK,
        ChangeSetName=name,
        ChangeSetType=kind,
        TemplateURL=template,
        Capabilities=CAPABILITIES,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    describe = lambda: cloudformation.describe_change_set(StackName=STACK, ChangeSetName=name)
    made = wait(name, describe, lambda it: it["Status"] in ("CREATE_COMPLETE", "FAILED"))
    return name, made


def deploy(kind, template, parameters):
    name, made = change_set(kind, template, parameters)
    if made["Status"] == "FAILED":
        sys.exit(f"{parameters}: {made.get('StatusReason')}")
    cloudformation.execute_change_set(StackName=STACK, ChangeSetName=name)
    wait(
        f"{parameters}",
        lambda: cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"],
        lambda status: not status.endswith("IN_PROGRESS"),
    )
    status = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        reasons = [
            f"{it['LogicalResourceId']}: {it.get('ResourceStatusReason')}" for it in events if "FAILED" in it["ResourceStatus"]
        ]
        sys.exit(f"{parameters}: {status}: {reasons}")


def resources():
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {
        it["LogicalResourceId"]: it["PhysicalResourceId"]
        for page in pages
        for it in page["StackResourceSummaries"]
        if not it["ResourceStatus"].startswith("DELETE")
    }


def main(template_file, database_url):
    text, template = package(template_file)
    switches = [name for name in WITNESSES if f"\n  {name}:\n" in text]
    kind = "CREATE"
    for values in itertools.product(["false", "true"], repeat=len(switches)):
        # The emulator knows no AWS::Athena::NamedQuery, and the stack under test has the database of the usual name.
        parameters = dict(zip(switches, values), SaveNamedQueries="false", LakeDatabaseName="combinations")
        # Without email events nothing asks for a database. With them and without a URL the stack makes one, which the
        # emulator has not.
        if parameters["EnableEmailEvents"] == "true":
            parameters["DatabaseUrl"] = database_url
        deploy(kind, template, parameters)
        kind = "UPDATE"
        there = resources()
        for switch in switches:
            is_on = parameters[switch] == "true"
            if (WITNESSES[switch] in there) != is_on:
                sys.exit(f"{parameters}: {WITNESSES[switch]} is {'missing' if is_on else 'there'}")
        print("deployed", ", ".join(f"{switch}={parameters[switch]}" for switch in switches))

    _, unchanged = change_set("UPDATE", template, parameters)
    if unchanged["Status"] != "FAILED" and unchanged.get("Changes"):
        sys.exit(f"an unchanged deployment would change {unchanged['Changes']}")
    if resources() != there:
        sys.exit("an unchanged deployment changed resources")
    print("unchanged")

    bucket = there["EventsBucket"]
    boto3.client("s3").put_object(Bucket=bucket, Key="raw/kept", Body=b"kept")
    cloudformation.delete_stack(StackName=STACK)

    def is_gone(stacks):
        return not stacks or stacks[0]["StackStatus"] == "DELETE_COMPLETE"

    def stacks():
        try:
            return cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        except cloudformation.exceptions.ClientError:
            return []

    wait("the stack to go", stacks, is_gone)
    kept = boto3.client("s3").get_object(Bucket=bucket, Key="raw/kept")["Body"].read()
    if kept != b"kept":
        sys.exit("the bucket went with the stack")
    print("deleted, and the bucket kept")


if __name__ == "__main__":
    main(*sys.argv[1:])
