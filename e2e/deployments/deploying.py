"""Deploys the template as it was staged for the stack under test into stacks of other names, through CloudFormation."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3

CODE_BUCKET = "cistern-deploy"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
LIMIT = 180  # seconds for one deployment on a busy machine

cloudformation = boto3.client("cloudformation")


def wait(what, describe, ended):
    deadline = time.monotonic() + LIMIT
    while True:
        found = describe()
        if ended(found):
            return found
        if time.monotonic() > deadline:
            sys.exit(f"{what}: still {found} after {LIMIT} s")
        time.sleep(0.2)


class Stack:
    """A stack of the emulator."""

    def __init__(self, name, template):
        """`template`: the staged file. Uploads its code, and the template itself, which is too long to be sent along."""
        self.name = name
        sam = Path(sys.executable).with_name("sam")
        with tempfile.NamedTemporaryFile(suffix=".yaml") as packaged:
            subprocess.run(
                [sam, "package", "--template-file", template, "--s3-bucket", CODE_BUCKET, "--output-template-file", packaged.name],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.template = Path(packaged.name).read_text()
        boto3.client("s3").put_object(Bucket=CODE_BUCKET, Key=f"{name}.yaml", Body=self.template.encode())
        self.url = f"{os.environ['AWS_ENDPOINT_URL']}/{CODE_BUCKET}/{name}.yaml"

    def change_set(self, kind, parameters):
        """Makes a change set; its name, and what it says of itself."""
        name = f"change-{time.monotonic_ns()}"
        cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=name,
            ChangeSetType=kind,
            TemplateURL=self.url,
            Capabilities=CAPABILITIES,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        describe = lambda: cloudformation.describe_change_set(StackName=self.name, ChangeSetName=name)
        made = wait(name, describe, lambda it: it["Status"] in ("CREATE_COMPLETE", "FAILED"))
        return name, made

    def deploy(self, kind, parameters):
        # The emulator knows no AWS::Athena::NamedQuery.
        name, made = self.change_set(kind, {"SaveNamedQueries": "false"} | parameters)
        if made["Status"] == "FAILED":
            sys.exit(f"{parameters}: {made.get('StatusReason')}")
        cloudformation.execute_change_set(StackName=self.name, ChangeSetName=name)
        status = wait(f"{parameters}", self.status, lambda status: not status.endswith("IN_PROGRESS"))
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            events = cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
            reasons = [
                f"{it['LogicalResourceId']}: {it.get('ResourceStatusReason')}" for it in events if "FAILED" in it["ResourceStatus"]
            ]
            sys.exit(f"{parameters}: {status}: {reasons}")

    def status(self):
        return cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"]

    def outputs(self):
        outputs = cloudformation.describe_stacks(StackName=self.name)["Stacks"][0].get("Outputs", [])
        return {it["OutputKey"]: it["OutputValue"] for it in outputs}

    def resources(self):
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
        return {
            it["LogicalResourceId"]: it["PhysicalResourceId"]
            for page in pages
            for it in page["StackResourceSummaries"]
            if not it["ResourceStatus"].startswith("DELETE")
        }


def delete(name):
    """Deletes a stack; what it retains stays."""
    cloudformation.delete_stack(StackName=name)

    def is_gone(stacks):
        return not stacks or stacks[0]["StackStatus"] == "DELETE_COMPLETE"

    def stacks():
        try:
            return cloudformation.describe_stacks(StackName=name)["Stacks"]
        except cloudformation.exceptions.ClientError:
            return []

    wait("the stack to go", stacks, is_gone)
