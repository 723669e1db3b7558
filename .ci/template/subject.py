"""The template that is checked: translated once for all checks. TEMPLATE in the environment names another."""

import functools
from concurrent.futures import ThreadPoolExecutor

from . import combinations, faults, linters, translation
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


@functools.cache
def linting():
    """What both linters find in all that they are shown, as futures: each starts once, and they take half of the whole time."""
    whole = {name: stack.as_template() for name, stack in named().items()}
    pool = ThreadPoolExecutor()
    return {
        "cfn-lint": pool.submit(linters.cfn_lint, layers() | faults.templates()),
        "cloudformation-validate": pool.submit(linters.cloudformation_validate, layers() | whole | faults.templates()),
    }
