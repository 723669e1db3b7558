"""template.yaml as CloudFormation sees it: after SAM's own translator. Runs in the Python of .local/tools/sam, which has it."""

import copy
import os
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = Path(os.environ.get("TEMPLATE", ROOT / "template.yaml"))

# Policies of AWS's own that SAM attaches. Their resources are `*` because AWS allows nothing else for what they are for:
# network interfaces, traces; and the log groups of any function, which are made by name.
MANAGED_POLICIES = {
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
    "AWSXrayWriteOnlyAccess",
    "AWSXRayDaemonWriteAccess",
    # The one that REST APIs write their logs with, for the whole account.
    "AmazonAPIGatewayPushToCloudWatchLogs",
}


class AwsManagedPolicies:
    """SAM asks AWS for names of managed policies; here it is told that each is what it says."""

    def load(self):
        return {name: f"arn:aws:iam::aws:policy/{name}" for name in MANAGED_POLICIES}


def parse(text):
    """A template of YAML, with the short forms of intrinsic functions written out."""
    return yaml_parse(text)


def translate(source):
    """What SAM makes of a parsed template, its code replaced by a place in S3, as `sam package` does."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    source = copy.deepcopy(source)
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return transform(source, {}, AwsManagedPolicies())
