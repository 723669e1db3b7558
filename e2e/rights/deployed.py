"""What the roles of template.yaml allow in a stack that is deployed: the template as .ci/template resolves it, with the stack's
own names in it."""

import functools
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".ci"))

from template import names, resolution, templates, translation  # noqa: E402: the path comes first

# Where the emulator says that everything is.
PLACE = resolution.PLACE | {"account": "000000000000"}


@functools.cache
def translated():
    """The template as CloudFormation gets it from SAM."""
    return translation.translate(translation.parse(translation.TEMPLATE.read_text()))


class Deployed(resolution.Stack):
    """A stack of a translated template.

    `ids` has the physical id of each resource by its logical id. One that has none yet, in a stack that is being made, goes by its
    name in the template.
    """

    def __init__(self, body, name, parameters, ids):
        self.ids = ids
        # What a template keeps of its resolved resources has the names of one stack in it.
        super().__init__(templates.Template(body), parameters, name)

    def roles(self):
        """Each role that is there: its policy documents, and the managed policies it has besides."""
        return {
            name: ([it["PolicyDocument"] for it in role.get("Policies", [])], role.get("ManagedPolicyArns", []))
            for name, role in self.of_type("AWS::IAM::Role").items()
        }

    def by_template_names(self):
        """The same with each resource's own name in the template."""
        return Deployed(self.template.body, self.name, self.given, {})

    def functions(self):
        """Each function that is there, with its role."""
        declared = self.template.resources
        return {name: declared[name]["Properties"]["Role"]["Fn::GetAtt"][0] for name in self.of_type("AWS::Lambda::Function")}

    def all_functions(self):
        """Each function of the template, there or not."""
        return [name for name, it in self.template.resources.items() if it["Type"] == "AWS::Lambda::Function"]

    def _physical(self, logical_id):
        physical = self.ids.get(logical_id, logical_id)
        if physical.startswith("arn:"):
            return dict.fromkeys(("Ref", "Arn", "Id", "AliasArn", "FunctionArn"), physical)
        kind = self.template.resources[logical_id]["Type"]
        # Of a queue it is the URL.
        name = physical.rsplit("/", 1)[-1] if kind == "AWS::SQS::Queue" else physical
        return names.answers(kind, name, PLACE)
