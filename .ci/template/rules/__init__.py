"""Requirements of AWS that no schema expresses: one function per rule.

A rule takes a `Stack` and yields a `Finding` for each resource that AWS would refuse or that would silently do nothing. Its
docstring names AWS's page and the answer AWS gives. Every function of the modules below that does not begin with an
underscore is a rule; a rule's name is the function's, in words.
"""

import functools
import inspect
from dataclasses import dataclass

from . import deploys, doors, functions, identities, metrics, naming, schedules, stores

MODULES = (doors, stores, functions, schedules, identities, naming, metrics, deploys)


@dataclass(frozen=True)
class Finding:
    """What a rule found: its name, the resource, and what is wrong there, with AWS's answer."""

    rule: str
    resource: str
    text: str

    def __str__(self):
        return f"{self.resource}: {self.rule.replace('_', ' ')}: {self.text}"


@functools.cache
def rules():
    """Every rule by its name."""
    found = {}
    for module in MODULES:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                found[name] = function
    return found


def check(stack, only=None):
    """What the rules, or only those named, find in a stack."""
    return [
        Finding(name, resource, text)
        for name, rule in rules().items()
        if only is None or name in only
        for resource, text in rule(stack)
    ]
