"""Deploys the staged template with every combination of its switches into one stack of the emulator, then once more
unchanged, and deletes it. Fails with what was not as it should be.

Arguments: the staged template, the database's URL. Run by the Python of .local/tools/sam, in the environment of `cistern exec`.
"""

import itertools
import sys

import boto3

import deploying

# One function of each pipeline, by its switch.
WITNESSES = {
    "EnableEmailEvents": "LoaderFunction",
    "EnableForwarder": "ForwarderFunction",
    "EnableAnalytics": "ArchiverFunction",
}


def main(template_file, database_url):
    stack = deploying.Stack("cistern-combinations", template_file)
    switches = [name for name in WITNESSES if f"\n  {name}:\n" in stack.template]
    kind = "CREATE"
    for values in itertools.product(["false", "true"], repeat=len(switches)):
        parameters = dict(zip(switches, values))
        # Without email events nothing asks for a database. With them and without a URL the stack makes one, which the
        # emulator has not.
        if parameters["EnableEmailEvents"] == "true":
            parameters["DatabaseUrl"] = database_url
        stack.deploy(kind, parameters)
        kind = "UPDATE"
        there = stack.resources()
        for switch in switches:
            is_on = parameters[switch] == "true"
            if (WITNESSES[switch] in there) != is_on:
                sys.exit(f"{parameters}: {WITNESSES[switch]} is {'missing' if is_on else 'there'}")
        print("deployed", ", ".join(f"{switch}={parameters[switch]}" for switch in switches))

    _, unchanged = stack.change_set("UPDATE", {"SaveNamedQueries": "false"} | parameters)
    if unchanged["Status"] != "FAILED" and unchanged.get("Changes"):
        sys.exit(f"an unchanged deployment would change {unchanged['Changes']}")
    if stack.resources() != there:
        sys.exit("an unchanged deployment changed resources")
    print("unchanged")

    bucket = there["EventsBucket"]
    boto3.client("s3").put_object(Bucket=bucket, Key="raw/kept", Body=b"kept")
    deploying.delete(stack.name)
    kept = boto3.client("s3").get_object(Bucket=bucket, Key="raw/kept")["Body"].read()
    if kept != b"kept":
        sys.exit("the bucket went with the stack")
    print("deleted, and the bucket kept")


if __name__ == "__main__":
    main(*sys.argv[1:])
