"""Whether roles allow the calls that were made, and which of their permissions no call needed. Decided by moto's evaluator of
IAM policies, which is another than the emulator's."""

import collections
import json

from moto.iam.access_control import IAMPolicy, PermissionResult

from calls import EVERY_KEY

# One action on one resource, as a role of the template allows it. A managed policy is one permission as a whole.
Permission = collections.namedtuple("Permission", "role action resource")


def as_list(value):
    return value if isinstance(value, list) else [value]


def policy(document):
    return IAMPolicy({"policy_document": json.dumps(document)})


class Role:
    """What a role allows: its policies in a stack, where its permissions are known by the template's names."""

    def __init__(self, name, in_stack, in_template):
        documents, _ = in_stack
        named_documents, managed = in_template
        self.policies = [policy(it) for it in documents]
        self.managed = [Permission(name, "*", plain(arn)) for arn in managed]
        # Each permission with a policy of nothing else.
        self.permissions = {
            Permission(name, action, plain(named)): policy({"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]})
            for (action, resource), (_, named) in zip(allowed(documents), allowed(named_documents), strict=True)
        }

    def allows(self, action, resource):
        if resource.endswith(EVERY_KEY):
            return bool(self.used(action, resource))
        results = [it.is_action_permitted(action, resource) for it in self.policies]
        return PermissionResult.PERMITTED in results and PermissionResult.DENIED not in results

    def used(self, action, resource):
        """The permissions that a call rests on. Of a batch, whose keys were not recorded: all of the action in the bucket.
        The emulator has checked each of its keys."""
        if resource.endswith(EVERY_KEY):
            return [it for it in self.permissions if it.action == action and "/" in it.resource]
        return [
            permission
            for permission, alone in self.permissions.items()
            if alone.is_action_permitted(action, resource) == PermissionResult.PERMITTED
        ]


def allowed(documents):
    """Each action with each resource, in the order in which they stand."""
    return [
        (action, resource)
        for document in documents
        for statement in as_list(document["Statement"])
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]


def plain(arn):
    """What an ARN says besides service, region and account: `EventsBucket/lake/*`."""
    return arn.split(":", 5)[-1]


def roles_of(resolved):
    by_template = resolved.by_template_names().roles()
    return {name: Role(name, it, by_template[name]) for name, it in resolved.roles().items()}


Findings = collections.namedtuple("Findings", "denied unused")


def evaluate(calls, stacks):
    """`stacks`: by name, the resolved template. Gives the calls that no policy allows, and the permissions that no call of any
    stack needed."""
    roles = {name: roles_of(resolved) for name, resolved in stacks.items()}
    functions = {name: resolved.functions() for name, resolved in stacks.items()}
    denied, used = [], set()
    for call in calls:
        role = roles[call.stack][functions[call.stack][call.function]]
        if role.allows(call.action, call.resource):
            used.update(role.used(call.action, call.resource))
        else:
            denied.append(call)
    granted = {it for its in roles.values() for role in its.values() for it in [*role.permissions, *role.managed]}
    return Findings(denied, sorted(granted - used))


def explain(unused, reasons):
    """The unused permissions that no reason covers, and the reasons that cover none."""
    def covers(reason, permission):
        return (
            permission.role in reason["roles"]
            and permission.action in reason["actions"]
            and ("resources" not in reason or permission.resource in reason["resources"])
        )

    unexplained = [it for it in unused if not any(covers(reason, it) for reason in reasons)]
    idle = [reason for reason in reasons if not any(covers(reason, it) for it in unused)]
    return unexplained, idle
