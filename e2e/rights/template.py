"""What the roles of template.yaml allow, once SAM has translated it and a stack's own names are filled in."""

import functools
import os
import re
from pathlib import Path

import yaml

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.translator.transform import transform  # noqa: E402: it reads the region when it is imported

ROOT = Path(__file__).resolve().parent.parent.parent
REGION = "us-east-1"
ACCOUNT = "000000000000"

NOTHING = object()

# Of a resource, the ARN that `Ref` or an attribute of it stands for: by type, with the name that it was given.
ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{name}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{name}}",
    "AWS::Lambda::Alias": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{name}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{name}}:*",
    "AWS::KinesisFirehose::DeliveryStream": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{{name}}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{{name}}",
}


class CloudFormationLoader(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation's functions."""


def _short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


CloudFormationLoader.add_multi_constructor("!", _short_form)


class _ManagedPolicies:
    """SAM asks AWS for names of managed policies; here each is what it says."""

    def load(self):
        names = ["AWSLambdaBasicExecutionRole", "AWSLambdaVPCAccessExecutionRole", "AWSXrayWriteOnlyAccess", "AWSXRayDaemonWriteAccess"]
        return {name: f"arn:aws:iam::aws:policy/{name}" for name in names}


@functools.cache
def translated(text=None):
    """The template as CloudFormation gets it from SAM."""
    source = yaml.load(text or (ROOT / "template.yaml").read_text(), CloudFormationLoader)
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return transform(source, {}, _ManagedPolicies())


class Resolved:
    """A translated template with the parameters and the names of one stack in it."""

    def __init__(self, template, stack, parameters, ids):
        self.template = template
        self.stack = stack
        self.ids = ids
        defaults = {name: it.get("Default", "") for name, it in template["Parameters"].items()}
        self.parameters = {name: str(value) for name, value in {**defaults, **parameters}.items()}

    def roles(self):
        """Each role that is there: its policy documents, and the managed policies it has besides."""
        found = {}
        for name, resource in self.template["Resources"].items():
            if resource["Type"] != "AWS::IAM::Role" or not self._is_there(resource):
                continue
            properties = self.value(
                {key: resource["Properties"].get(key, []) for key in ("Policies", "ManagedPolicyArns")}
            )
            found[name] = ([it["PolicyDocument"] for it in properties["Policies"]], properties["ManagedPolicyArns"])
        return found

    def by_template_names(self):
        """The same with each resource's own name in the template."""
        names = {name: name for name in self.template["Resources"]}
        return Resolved(self.template, self.stack, self.parameters, names)

    def functions(self):
        """Each function that is there, with its role."""
        return {
            name: self._role(it)
            for name, it in self.template["Resources"].items()
            if it["Type"] == "AWS::Lambda::Function" and self._is_there(it)
        }

    def all_functions(self):
        """Each function of the template, there or not."""
        return [name for name, it in self.template["Resources"].items() if it["Type"] == "AWS::Lambda::Function"]

    def _role(self, function):
        return function["Properties"]["Role"]["Fn::GetAtt"][0]

    def _is_there(self, resource):
        return "Condition" not in resource or self.condition(resource["Condition"])

    def condition(self, name):
        return self.value(self.template["Conditions"][name])

    def value(self, it):
        """A value without functions of CloudFormation in it."""
        if isinstance(it, list):
            return [value for value in map(self.value, it) if value is not NOTHING]
        if not isinstance(it, dict):
            return it
        if len(it) == 1:
            (name, argument), = it.items()
            if name in ("Ref", "Condition") or name.startswith("Fn::"):
                return self._function(name, argument)
        values = {key: self.value(value) for key, value in it.items()}
        return {key: value for key, value in values.items() if value is not NOTHING}

    def _function(self, name, argument):
        if name == "Ref":
            return self._ref(argument)
        if name == "Condition":
            return self.condition(argument)
        if name == "Fn::GetAtt":
            resource, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
            return self._attribute(resource, attribute)
        if name == "Fn::If":
            return self.value(argument[1] if self.condition(argument[0]) else argument[2])
        if name == "Fn::Equals":
            left, right = map(self.value, argument)
            return str(left) == str(right)
        if name == "Fn::Not":
            return not self.value(argument[0])
        if name == "Fn::And":
            return all(map(self.value, argument))
        if name == "Fn::Or":
            return any(map(self.value, argument))
        if name == "Fn::Sub":
            return self._sub(argument)
        raise NotImplementedError(f"template.py does not know {name}")

    def _ref(self, name):
        pseudo = {
            "AWS::NoValue": NOTHING,
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": "aws",
            "AWS::StackName": self.stack,
        }
        if name in pseudo:
            return pseudo[name]
        return self.parameters[name] if name in self.parameters else self._arn(name)

    def _attribute(self, resource, attribute):
        if attribute not in ("Arn", "Id"):
            raise NotImplementedError(f"template.py does not know {resource}.{attribute}")
        return self._arn(resource)

    def _arn(self, name):
        kind = self.template["Resources"][name]["Type"]
        # A resource of a stack that was looked at while it was made or unmade has none.
        physical = self.ids.get(name, name)
        if physical.startswith("arn:"):
            return physical
        if kind not in ARNS:
            raise NotImplementedError(f"template.py does not know the ARN of {name}, a {kind}")
        return ARNS[kind].format(name=physical.rsplit("/", 1)[-1] if kind == "AWS::SQS::Queue" else physical)

    def _sub(self, argument):
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def fill(match):
            name = match.group(1)
            if name in own:
                return str(self.value(own[name]))
            if "." in name:
                return str(self._attribute(*name.split(".", 1)))
            return str(self._ref(name))

        return re.sub(r"\$\{([^!}]+)\}", fill, text)
