"""Reading the translated template without resolving it: what is said whatever the parameters are."""

import re

from .. import subject


def resources():
    """The resources of the translated template."""
    return subject.template().resources


def of_type(*types):
    """The resources of some types, by logical id."""
    return {name: it for name, it in resources().items() if it["Type"] in types}


def properties(name):
    """The properties of a resource."""
    return resources()[name].get("Properties", {})


def mentions(value, name):
    """Whether a resource is referred to anywhere in a value."""
    if isinstance(value, dict):
        if value.get("Ref") == name:
            return True
        attribute = value.get("Fn::GetAtt")
        if attribute is not None:
            attribute = attribute.split(".") if isinstance(attribute, str) else attribute
            if attribute[0] == name:
                return True
        return any(mentions(inner, name) for inner in value.values())
    if isinstance(value, list):
        return any(mentions(inner, name) for inner in value)
    return isinstance(value, str) and re.search(r"\$\{" + name + r"[.}]", value) is not None


def texts(value):
    """Every text in a value, whatever the intrinsic function around it."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


def statements(value):
    """Every statement that allows something in a policy document, whatever the condition around it."""
    if isinstance(value, list):
        return [found for inner in value for found in statements(inner)]
    if isinstance(value, dict):
        if "Effect" in value:
            return [value] if value["Effect"] == "Allow" else []
        return [found for inner in value.values() for found in statements(inner)]
    return []


def number(value):
    """A number, where it stands as one or is the default of a parameter."""
    if isinstance(value, dict) and "Ref" in value:
        value = subject.template().parameters[value["Ref"]]["Default"]
    return int(value)
