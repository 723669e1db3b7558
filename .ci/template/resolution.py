"""A translated template as CloudFormation would carry it out: for one set of parameters, every condition decided and every
intrinsic function replaced by what it answers. What schemas and rules ask of values can be asked of nothing else.
"""

import base64
import json
import re
import uuid
from collections.abc import Mapping

from . import names

REGION = "us-east-1"
ACCOUNT = "123456789012"
STACK = "cistern"
PLACE = {"partition": "aws", "region": REGION, "account": ACCOUNT, "suffix": "amazonaws.com"}
# The domain of each partition that the template is looked at in.
SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}
FUNCTIONS = re.compile(r"^(Ref|Condition|Fn::\w+)$")
NO_VALUE = object()


class Unresolved(Exception):
    """A template that CloudFormation would refuse to read."""


def default_of(parameter):
    """The default of a parameter, as the text that CloudFormation keeps."""
    default = parameter.get("Default", "")
    return ",".join(map(str, default)) if isinstance(default, list) else str(default)


class Resource(dict):
    """A resolved resource. Equal to itself alone, so that what was found in it can be kept."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


class Resources(Mapping):
    """The resources whose conditions hold, each resolved when it is first asked for."""

    def __init__(self, there, resolve):
        self._there = there
        self._resolve = resolve
        self._resolved = {}

    def __getitem__(self, logical_id):
        if logical_id not in self._resolved:
            self._resolved[logical_id] = self._resolve(logical_id, self._there[logical_id])
        return self._resolved[logical_id]

    def __contains__(self, logical_id):
        return logical_id in self._there

    def __iter__(self):
        return iter(self._there)

    def __len__(self):
        return len(self._there)


class Stack:
    """What a template makes of its parameters.

    `resources` has the resources whose conditions hold, with plain values.
    """

    def __init__(self, template, parameters=None, name=STACK, partition="aws"):
        self.template = template
        self.name = name
        self.partition = partition
        self.given = dict(parameters or {})
        unknown = set(self.given) - set(template.parameters)
        if unknown:
            raise Unresolved(f"no such parameter: {', '.join(sorted(unknown))}")
        self.parameters = {key: self._typed(it, key) for key, it in template.parameters.items()}
        self._conditions = {}
        self._answers = {}
        self._of_type = {}
        self._named = set()
        there = {
            logical_id: resource
            for logical_id, resource in template.resources.items()
            if "Condition" not in resource or self.condition(resource["Condition"])
        }
        self.resources = Resources(there, self._resource)

    def again(self, name=None, partition=None, **parameters):
        """The same template with the same parameters but for those given here."""
        given, name, partition = self.given | parameters, name or self.name, partition or self.partition
        key = (name, partition, tuple(sorted(given.items())))
        if key not in self.template.stacks:
            # Rules ask for the same again, one after the other, and later for others.
            if len(self.template.stacks) > 16:
                self.template.stacks.clear()
            self.template.stacks[key] = Stack(self.template, given, name, partition)
        return self.template.stacks[key]

    def without(self, parameters):
        """The same with the defaults of some parameters."""
        given = {key: value for key, value in self.given.items() if key not in parameters}
        return self if given == self.given else Stack(self.template, given, self.name, self.partition)

    def of_type(self, *types):
        """The properties of the resources of some types, by logical id."""
        if types not in self._of_type:
            declared = self.template.resources
            found = [key for key in self.resources if declared[key]["Type"] in types]
            self._of_type[types] = {key: self.resources[key]["Properties"] for key in found}
        return self._of_type[types]

    def references(self, logical_id):
        """The logical ids that a resource's properties name: CloudFormation makes those first."""
        return self.resources[logical_id].references if logical_id in self.resources else set()

    def answer(self, logical_id, attribute="Ref"):
        """What Ref, or an attribute by GetAtt, answers for a resource."""
        if logical_id not in self._answers:
            self._answers[logical_id] = self._physical(logical_id)
        return self._answers[logical_id].get(attribute, f"{logical_id}.{attribute}")

    def answers(self, logical_id):
        """All that Ref and GetAtt answer for a resource."""
        self.answer(logical_id)
        return set(self._answers[logical_id].values())

    def condition(self, name):
        """Whether a condition holds."""
        if name not in self._conditions:
            if name not in self.template.conditions:
                raise Unresolved(f"{name} is no condition")
            self._conditions[name] = self.value(self.template.conditions[name])
        return self._conditions[name]

    def as_template(self):
        """The same as a template without parameters, for a linter."""
        return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": dict(self.resources)}

    def outputs(self):
        """The outputs of the stack: each one whose condition holds, with its value and, where it has one, its export."""
        found = {}
        for name, it in self.template.body.get("Outputs", {}).items():
            if "Condition" not in it or self.condition(it["Condition"]):
                found[name] = self.value({key: it[key] for key in ("Value", "Export") if key in it})
        return found

    def needs(self, logical_id):
        """Everything that CloudFormation has finished before it begins with a resource."""
        seen, waiting = set(), [logical_id]
        while waiting:
            resource = waiting.pop()
            direct = self.references(resource) | set(self.resources.get(resource, {}).get("DependsOn", []))
            waiting.extend(direct - seen)
            seen |= direct
        return seen

    def _typed(self, parameter, key):
        text = str(self.given.get(key, default_of(parameter)))
        if "List" in parameter["Type"]:
            return text.split(",")
        if parameter["Type"] == "Number":
            return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
        return text

    def _resource(self, logical_id, resource):
        """A resource under these parameters: as it came out before, if all that it depends on was the same then."""
        decided = self.template.influences(logical_id)
        values = tuple(self.condition(key) if key in self.template.conditions else str(self.parameters[key]) for key in decided)
        key = (logical_id, self.name, self.partition, values)
        if key not in self.template.resolved:
            self.template.resolved[key] = self._resolve(logical_id, resource)
        return self.template.resolved[key]

    def _resolve(self, logical_id, resource):
        outer, self._named = self._named, set()
        resolved = Resource(Type=resource["Type"], Properties=self.value(resource.get("Properties", {})))
        # What Metadata refers to has to be there before, too; and unlike DependsOn it takes conditions.
        self.value(resource.get("Metadata", {}).get("MadeFirst", []))
        resolved.references = self._named - {logical_id}
        self._named = outer
        depends = resource.get("DependsOn", [])
        there = [it for it in ([depends] if isinstance(depends, str) else depends) if self._is_there(it)]
        if there:
            resolved["DependsOn"] = there
        resolved.update({key: resource[key] for key in ("DeletionPolicy", "UpdateReplacePolicy") if key in resource})
        return resolved

    def _is_there(self, logical_id):
        """CloudFormation ignores a dependency on a resource whose condition does not hold, and refuses an unknown one."""
        if logical_id not in self.template.resources:
            raise Unresolved(f"DependsOn names {logical_id}, which is no resource")
        condition = self.template.resources[logical_id].get("Condition")
        return condition is None or self.condition(condition)

    def _physical(self, logical_id):
        resource = self.template.resources.get(logical_id)
        if resource is None:
            raise Unresolved(f"{logical_id} is neither a parameter nor a resource")
        if "Condition" in resource and not self.condition(resource["Condition"]):
            raise Unresolved(f"{logical_id} is referred to and not there")
        outer, self._named = self._named, set()
        explicit = self.value(self.template.name_of(logical_id))
        self._named = outer
        if resource["Type"] in ("AWS::Lambda::Version", "AWS::Lambda::Alias"):
            arn = f"arn:{self.partition}:lambda:{REGION}:{ACCOUNT}:function:{explicit[0]}:{explicit[1]}"
            return {"Ref": arn, "AliasArn": arn, "FunctionArn": arn, "Version": "1"}
        return names.physical(resource["Type"], logical_id, self.name, explicit if isinstance(explicit, str) else "", self._place())

    def _place(self):
        return PLACE | {"partition": self.partition, "suffix": SUFFIXES[self.partition]}

    def _ref(self, name):
        pseudo = {
            "AWS::NoValue": NO_VALUE,
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": self.partition,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": SUFFIXES[self.partition],
            "AWS::StackId": f"arn:{self.partition}:cloudformation:{REGION}:{ACCOUNT}:stack/{self.name}/{uuid.uuid5(uuid.NAMESPACE_DNS, self.name)}",
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        self._named.add(name)
        return self.answer(name)

    def _attribute(self, name, attribute):
        self._named.add(name)
        return self.answer(name, attribute)

    def value(self, value):
        """A value with every intrinsic function in it replaced by its answer."""
        if isinstance(value, list):
            return [it for it in map(self.value, value) if it is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if FUNCTIONS.match(function):
                return self._call(function, argument)
        resolved = {key: self.value(it) for key, it in value.items()}
        return {key: it for key, it in resolved.items() if it is not NO_VALUE}

    def _call(self, function, argument):
        match function:
            case "Ref":
                return self._ref(argument)
            case "Condition" if isinstance(argument, str):
                return self.condition(argument)
            case "Fn::GetAtt":
                name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
                return self._attribute(name, attribute)
            case "Fn::If":
                return self.value(argument[1] if self.condition(argument[0]) else argument[2])
            case "Fn::Equals":
                left, right = map(self.value, argument)
                return str(left) == str(right)
            case "Fn::Not":
                return not self.value(argument[0])
            case "Fn::And":
                return all(map(self.value, argument))
            case "Fn::Or":
                return any(map(self.value, argument))
            case "Fn::Sub":
                return self._substitute(argument)
            case "Fn::Join":
                return argument[0].join(str(it) for it in self.value(argument[1]))
            case "Fn::Split":
                return self.value(argument[1]).split(argument[0])
            case "Fn::Select":
                return self.value(argument[1])[int(self.value(argument[0]))]
            case "Fn::GetAZs":
                return [f"{REGION}{zone}" for zone in "abc"]
            case "Fn::Base64":
                return base64.b64encode(self.value(argument).encode()).decode()
            case "Fn::FindInMap":
                found = self.template.body.get("Mappings", {})
                for key in map(str, map(self.value, argument[:3])):
                    found = {str(known): it for known, it in found.items()}
                    if key not in found:
                        raise Unresolved(f"{argument}: there is no {key} in the mapping")
                    found = found[key]
                return found
            case "Fn::ToJsonString":
                return json.dumps(self.value(argument))
            case "Fn::Length":
                return len(self.value(argument))
            case "Fn::Cidr":
                return [f"10.0.{index}.0/24" for index in range(int(self.value(argument[1])))]
        if function == "Condition":  # the key of a policy's condition, and no function
            return {function: self.value(argument)}
        raise Unresolved(f"{function} is not understood here")

    def _substitute(self, argument):
        text, given = (argument, {}) if isinstance(argument, str) else argument

        def one(match):
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in given:
                found = self.value(given[name])
            elif "." in name:
                found = self._attribute(*name.split(".", 1))
            else:
                found = self._ref(name)
            return "" if found is NO_VALUE else str(found)

        return re.sub(r"\$\{([^}]+)\}", one, text)
