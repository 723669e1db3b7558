"""The template that is checked: translated once, whatever asks for it. TEMPLATE in the environment names another."""

import functools

from . import combinations, linters, translation
from .resolution import Stack
from .templates import Template


@functools.cache
def text():
    """template.yaml as it was written."""
    return translation.TEMPLATE.read_text()


@functools.cache
def source():
    """The same, parsed."""
    return translation.parse(text())


@functools.cache
def template():
    """The same, translated."""
    return Template(translation.translate(source()))


@functools.cache
def named():
    """A stack for each of the named sets of parameters."""
    return {name: Stack(template(), parameters) for name, parameters in combinations.named(template()).items()}


@functools.cache
def sets():
    """Every set of parameters that is looked at, the named ones first."""
    return [*combinations.named(template()).values(), *combinations.combinations(template())]


@functools.cache
def layers():
    """What the linters are shown: every form of every resource."""
    return linters.layers(template(), sets())
