"""template.yaml as CloudFormation sees it: after SAM's own translator."""

import copy
import os
from pathlib import Path

import yaml

# The translator reads the region when it is imported.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.translator.transform import transform  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = Path(os.environ.get("TEMPLATE", ROOT / "template.yaml"))

# Policies of AWS's own that SAM attaches. Their resources are `*` because AWS allows nothing else for what they are for:
# network interfaces, traces; and the log groups of any function, which are made by name.
#
# Each with its actions, from its page below https://docs.aws.amazon.com/aws-managed-policy/latest/reference/.
_LOG_LINES = {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
_TRACES = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:GetSamplingStatisticSummaries",
}
MANAGED_POLICIES = {
    "AWSLambdaBasicExecutionRole": _LOG_LINES,
    "AWSLambdaVPCAccessExecutionRole": _LOG_LINES
    | {
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    },
    "AWSXrayWriteOnlyAccess": _TRACES,
    "AWSXRayDaemonWriteAccess": _TRACES,
    # The one that REST APIs write their logs with, for the whole account.
    "AmazonAPIGatewayPushToCloudWatchLogs": _LOG_LINES
    | {"logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:GetLogEvents", "logs:FilterLogEvents"},
}


class AwsManagedPolicies:
    """SAM asks AWS for names of managed policies; here it is told that each is what it says."""

    def load(self):
        return {name: f"arn:aws:iam::aws:policy/{name}" for name in MANAGED_POLICIES}


class _Loader(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation's functions."""


def _short_form(loader, name, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if name in ("Ref", "Condition"):
        return {name: value}
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _short_form)
# A version such as 2012-10-17 is a text, not a date.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_str)


def parse(text):
    """A template of YAML, with the short forms of intrinsic functions written out."""
    return yaml.load(text, _Loader)


def translate(source):
    """What SAM makes of a parsed template, its code replaced by a place in S3, as `sam package` does."""
    source = copy.deepcopy(source)
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return transform(source, {}, AwsManagedPolicies())
