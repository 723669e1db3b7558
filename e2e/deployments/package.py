"""Deploys a packaged folder beside the stack under test, as a person would who has nothing but that folder: by `sam deploy`, and
then, over the same stack, by CloudFormation from a bucket, as the console does, with pipelines switched on and off. After each the
folder's own smoke check has to pass. Fails with what was not as it should be.

Arguments: the folder, the processor that it has functions for, the database's URL, the template as it was staged for the stack
under test. Run by the Python of .local/tools/sam, in the environment of `cistern exec`.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from difflib import SequenceMatcher
from pathlib import Path

import boto3

from deploying import CAPABILITIES, delete, wait

ROOT = Path(__file__).resolve().parent.parent.parent
STACK = "cistern-package"
CODE_BUCKET = "cistern-package-code"
# The default: the emulator's SAM puts defaults where a function has an alias, whatever is given.
CODE_PREFIX = "cistern/"
SWITCHES = ["EnableEmailEvents", "EnableForwarder", "EnableAnalytics"]

TEMPLATES = {"arm64": "cistern.yaml", "x86_64": "cistern-x86_64.yaml"}

cloudformation = boto3.client("cloudformation")
functions = boto3.client("lambda")
s3 = boto3.client("s3")


def for_emulator(template, staged):
    """The packaged template with what `cistern up` writes otherwise for the emulator, but for the code: each line of template.yaml that
    the staged one has in another form, of which one line may be several."""
    lines = (ROOT / "template.yaml").read_text().splitlines()
    here = staged.read_text().splitlines()
    changed = {}
    for what, start, end, start_here, end_here in SequenceMatcher(None, lines, here, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        if what == "insert" and lines.count(lines[start - 1]) == 1:
            changed[lines[start - 1]] = "\n".join(here[start_here - 1:end_here])
        elif end - start == 1:
            changed[lines[start]] = "\n".join(here[start_here:end_here])
        elif end - start == end_here - start_here:
            changed |= zip(lines[start:end], here[start_here:end_here])
        else:
            sys.exit(f"the staged template has other lines than template.yaml from line {start + 1}")
    changed = {line: other for line, other in changed.items() if "CodeUri" not in line}
    if missing := set(changed) - set(template.splitlines()):
        sys.exit(f"the packaged template has not {missing}")
    return "\n".join(changed.get(line, line) for line in template.splitlines()) + "\n"


def status():
    return cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]


def sam_deploy(folder, template, parameters):
    """What a person types, with the questions answered; SAM's own words about it."""
    sam = Path(sys.executable).with_name("sam")
    command = [sam, "deploy", "--template-file", template, "--stack-name", STACK]
    # The rest, such as where to upload to, is what the folder's samconfig.toml says.
    command += ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"]
    command += ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"sam deploy: {done.stdout}{done.stderr}")
    return done.stdout


def change_set(template, parameters):
    """What CloudFormation would change if the template, which lies in S3, were the stack's; executes it if anything."""
    name = f"package-{time.monotonic_ns()}"
    cloudformation.create_change_set(
        StackName=STACK,
        ChangeSetName=name,
        ChangeSetType="UPDATE",
        TemplateURL=f"{os.environ['AWS_ENDPOINT_URL']}/{CODE_BUCKET}/{template}",
        Capabilities=CAPABILITIES,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    describe = lambda: cloudformation.describe_change_set(StackName=STACK, ChangeSetName=name)
    made = wait(name, describe, lambda it: it["Status"] in ("CREATE_COMPLETE", "FAILED"))
    changes = made.get("Changes", [])
    if made["Status"] == "FAILED" or not changes:
        return made.get("StatusReason"), []
    cloudformation.execute_change_set(StackName=STACK, ChangeSetName=name)
    wait("the update", status, lambda it: not it.endswith("IN_PROGRESS"))
    return None, changes


def hashes_of_code():
    """The SHA-256 of each deployed function's code, by logical id."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    names = {
        it["LogicalResourceId"]: it["PhysicalResourceId"]
        for page in pages
        for it in page["StackResourceSummaries"]
        if it["ResourceType"] == "AWS::Lambda::Function"
    }
    code = lambda name: functions.get_function_configuration(FunctionName=name)["CodeSha256"]
    return {logical_id: base64.b64decode(code(name)).hex() for logical_id, name in names.items()}


def hashes_of_folder(folder, template):
    """The SHA-256 of each zip file, by the logical id of the function whose CodeUri names it."""
    resource, found = None, {}
    for line in (folder / template).read_text().splitlines():
        if match := re.fullmatch(r"  ([A-Za-z0-9]+):", line):
            resource = match[1]
        elif match := re.fullmatch(r"      CodeUri: (.*\.zip)", line):
            found[resource] = hashlib.sha256((folder / match[1]).read_bytes()).hexdigest()
    return found


def smoke(folder, *options):
    """The output of the check of a deployed stack in the folder, run against this one, with the URLs of the local gateways."""
    outputs = {it["OutputKey"]: it["OutputValue"] for it in cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]}
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    api = lambda output: re.match(r"https://([^.]+)\.", outputs[output])[1]
    environment = os.environ | {"BASE_URL": f"{endpoint}/_aws/execute-api/{api('TokenUrl')}"}
    if "MParticleWebhookUrl" in outputs:
        path = outputs["MParticleWebhookUrl"].partition("/v1/")[2]
        environment["MPARTICLE_URL"] = f"{endpoint}/restapis/{api('MParticleWebhookUrl')}/v1/_user_request_/{path}"
    command = [sys.executable, "-B", folder / "smoke", STACK, "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"the smoke check ended with {done.returncode}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def check(what, folder, template):
    if not status().endswith("_COMPLETE") or "ROLLBACK" in status():
        events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        reasons = [f"{it['LogicalResourceId']}: {it.get('ResourceStatusReason')}" for it in events if "FAILED" in it["ResourceStatus"]]
        sys.exit(f"{what}: {status()}: {reasons}")
    packed, deployed = hashes_of_folder(folder, template), hashes_of_code()
    # Some functions are only there with a database of the stack's own, or a canary.
    wrong = [name for name, code in deployed.items() if packed.get(name) != code]
    if wrong or not deployed:
        sys.exit(f"{what}: of {len(deployed)} functions {wrong} do not have the code of the folder")
    told = smoke(folder)
    if told["version"] not in (folder / template).read_text().splitlines()[0]:
        sys.exit(f"{what}: the smoke check found version {told['version']}")
    print(f"{what}: {len(deployed)} functions with the code of the folder, {told['pipelines']}")


def deploy_by_sam(folder, template, parameters, staged):
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".yaml") as adapted:
        adapted.write(for_emulator((folder / template).read_text(), staged))
        adapted.flush()
        sam_deploy(folder, adapted.name, parameters)
        check("sam deploy", folder, template)
        again = sam_deploy(folder, adapted.name, parameters)
        if "No changes to deploy" not in again:
            sys.exit(f"deploying the same folder again changed something: {again}")
        print("the same folder again: no changes")


def deploy_from_bucket(folder, template, parameters, staged):
    s3.create_bucket(Bucket=CODE_BUCKET)
    for path in folder.glob("*/*.zip"):
        s3.upload_file(str(path), CODE_BUCKET, f"{CODE_PREFIX}{path.relative_to(folder)}")
    console = for_emulator((folder / "cistern-console.yaml").read_text(), staged)
    s3.put_object(Bucket=CODE_BUCKET, Key="console.yaml", Body=console.encode())
    parameters |= {"CodeBucket": CODE_BUCKET, "CodePrefix": CODE_PREFIX}

    for only in (None, "EnableEmailEvents", "EnableForwarder", "EnableAnalytics"):
        switches = {name: str(only in (None, name)).lower() for name in SWITCHES}
        refused, changes = change_set("console.yaml", parameters | switches)
        what = f"from a bucket, {only or 'everything'}"
        if refused or not changes:
            sys.exit(f"{what}: {refused or 'nothing would change'}")
        check(what, folder, template)


def main(folder, architecture, database_url, staged):
    folder, staged = Path(folder), Path(staged)
    template = TEMPLATES[architecture]
    # The emulator knows no AWS::Athena::NamedQuery and makes no database; the stack under test has the lake of the usual name.
    parameters = {"DatabaseUrl": database_url, "SaveNamedQueries": "false", "LakeDatabaseName": "package"}
    try:
        deploy_by_sam(folder, template, parameters, staged)
        deploy_from_bucket(folder, template, parameters, staged)
    finally:
        delete(STACK)
    print("deleted")


if __name__ == "__main__":
    main(*sys.argv[1:])
