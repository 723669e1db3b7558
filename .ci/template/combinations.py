"""The sets of parameters that a template is looked at under."""

import itertools

from .resolution import ACCOUNT, REGION, Stack
from .templates import Template

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"

# What a person would give for a parameter that is empty by default. A new one of that kind needs its line.
SAMPLES = {
    "AlarmEmail": "alarms@example.com",
    "CanarySchedule": "rate(15 minutes)",
    "ConsoleOrigin": "https://events.example.com",
    "DatabaseCa": "-----BEGIN CERTIFICATE-----\\nMIIBszCCAVmgAwIBAgIUQ\\n-----END CERTIFICATE-----",
    "DatabaseUrl": "postgres://cistern:password@db.example.com:5432/cistern?sslmode=verify-full",
    "DestinationUrl": "https://events.example.com/bulk",
    "KmsKeyArn": KEY,
    "MetadataKeys": "user_id,tenant",
    "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    "QuickSightPrincipalArn": f"arn:aws:quicksight:{REGION}:{ACCOUNT}:user/default/analyst",
    "SecurityGroupIds": "sg-0123456789abcdef0",
    "SparkPostAddresses": "203.0.113.0/24,198.51.100.7/32",
    "SqlDatabaseUrl": "postgres://cistern_sql:password@db.example.com:5432/cistern?sslmode=verify-full",
    "SubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "VpcId": "vpc-0123456789abcdef0",
}

# Parameters whose empty default is a name made of the stack's, or a choice that others make.
BETTER_EMPTY = {"LakeDatabaseName"}

# What changes the shape of a stack by being given at all, each with what has to come with it.
GIVEN = {
    "DatabaseUrl": (),
    "KmsKeyArn": (),
    "VpcId": ("SubnetIds",),
    "SecurityGroupIds": ("VpcId", "SubnetIds"),
}


def switches(template):
    """The parameters that are true or false."""
    declared = template.parameters
    return [key for key, it in declared.items() if set(it.get("AllowedValues", [])) == {"true", "false"}]


def choices(template):
    """The parameters with a few values that decide a condition, each with its values: the switches, and what has more than two.

    Numbers are no choice, even where a few are allowed: `named` has their least and their most.
    """
    deciding = template.parameters_behind(list(template.conditions.values()))
    return {
        key: it["AllowedValues"]
        for key, it in template.parameters.items()
        if key in deciding and "AllowedValues" in it and it["Type"] != "Number"
    }


def _samples(template, *keys):
    return {key: SAMPLES[key] for key in keys if key in template.parameters}


def combinations(template):
    """Every combination of the choices, with and without what GIVEN names; those that decide every condition alike count once."""
    seen = set()
    values_of = choices(template)
    possible = [key for key in GIVEN if key in template.parameters]
    conditions = sorted(template.conditions)
    bare = Template(template.body | {"Resources": {}})
    for values in itertools.product(*values_of.values()):
        for presence in itertools.product((False, True), repeat=len(possible)):
            given = [key for key, is_given in zip(possible, presence) if is_given]
            parameters = dict(zip(values_of, values)) | _samples(
                template, *given, *(more for key in given for more in GIVEN[key])
            )
            probe = Stack(bare, parameters)
            decided = tuple(probe.condition(name) for name in conditions)
            if decided not in seen:
                seen.add(decided)
                yield parameters


def _bounds(template, edge, index):
    """Every number at one end of its range, and every choice of numbers likewise."""
    found = {}
    for key, it in template.parameters.items():
        if it["Type"] == "Number":
            choice = it.get("AllowedValues", [it.get(edge)])[index]
            if choice is not None:
                found[key] = str(choice)
    return found


def named(template):
    """A few sets that differ in values as well, by name. Together they have every resource; linters look at these."""
    declared = template.parameters
    on = {key: "true" for key in switches(template)}
    on |= {key: values[-1] for key, values in choices(template).items() if "true" not in values}
    off = {key: "false" for key in switches(template) if key.startswith("Enable")}
    own = ("DatabaseUrl", "VpcId", "SubnetIds", "SecurityGroupIds")
    everything = on | {key: value for key, value in SAMPLES.items() if key in declared and key not in own}
    sets = {
        "defaults": {},
        "own key": _samples(template, "KmsKeyArn"),
        "own Postgres": _samples(template, "DatabaseUrl"),
        "own Postgres in own VPC": _samples(template, "DatabaseUrl", "VpcId", "SubnetIds", "SecurityGroupIds"),
        "everything": everything,
        "smallest numbers": everything | _bounds(template, "MinValue", 0),
        "largest numbers": everything | _bounds(template, "MaxValue", -1),
        "nothing": off,
    }
    return sets | {f"{switch} alone": off | {switch: "true"} for switch in off}
