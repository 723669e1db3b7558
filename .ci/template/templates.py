"""A translated template, and which of its parameters and conditions decide what."""

import re

from . import names


class Template:
    """A translated template, and what has been resolved of it: most resources come out alike under most parameters."""

    def __init__(self, body):
        self.body = body
        self.parameters = body.get("Parameters", {})
        self.conditions = body.get("Conditions", {})
        self.resources = body["Resources"]
        self.resolved = {}
        self.stacks = {}
        self._influences = {}

    def influences(self, logical_id):
        """The parameters and conditions that decide what a resource looks like."""
        if logical_id not in self._influences:
            self._influences[logical_id] = tuple(sorted(set(self._influences_of(self.resources[logical_id]))))
        return self._influences[logical_id]

    def parameters_behind(self, value):
        """The parameters that a value depends on, through conditions as well."""
        found, waiting = set(), list(_mentioned(value))
        while waiting:
            name = waiting.pop()
            if name in self.parameters:
                found.add(name)
            elif name in self.conditions:
                waiting.extend(_mentioned(self.conditions[name]))
        return found

    def name_of(self, logical_id):
        """The part of a resource that decides its name, and so what Ref and GetAtt answer; None when AWS makes it up."""
        resource = self.resources.get(logical_id, {})
        properties = resource.get("Properties", {})
        if resource.get("Type") in ("AWS::Lambda::Version", "AWS::Lambda::Alias"):
            return [properties.get("FunctionName"), properties.get("Name", "1")]
        value = properties
        for step in names.KINDS.get(resource.get("Type"), names.Kind()).name.split("."):
            value = value.get(step) if step and isinstance(value, dict) else None
        return value

    def _influences_of(self, value):
        for name in _mentioned(value):
            if name in self.parameters or name in self.conditions:
                yield name
            elif name in self.resources:
                yield from self._influences_of(self.name_of(name))
                if "Condition" in self.resources[name]:
                    yield self.resources[name]["Condition"]


def _mentioned(value):
    """The parameters, conditions and resources that a value takes something from."""
    if isinstance(value, list):
        for inner in value:
            yield from _mentioned(inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in ("Ref", "Condition") and isinstance(inner, str):
                yield inner
            elif key == "DependsOn":
                yield from [inner] if isinstance(inner, str) else inner
            elif key == "Fn::GetAtt":
                yield inner.split(".", 1)[0] if isinstance(inner, str) else inner[0]
            elif key == "Fn::If":
                yield inner[0]
            elif key == "Fn::Sub":
                text = inner if isinstance(inner, str) else inner[0]
                yield from (name.split(".", 1)[0] for name in re.findall(r"\$\{([^}!]+)\}", text))
            yield from _mentioned(inner)
