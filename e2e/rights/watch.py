"""Runs a command, which uses the local stack, and holds every call that the stack's functions make meanwhile against the roles
of template.yaml. Fails when a role does not allow a call, and when a permission is neither used nor explained in unused.yaml.

Run inside `cistern exec`: watch.py COMMAND…
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import botocore.exceptions
import yaml

import calls
import deployed
import evaluate

REASONS = Path(__file__).with_name("unused.yaml")
PAUSE_SECONDS = 0.5


class Watch:
    """What was seen while a command ran."""

    def __init__(self):
        self.recorder = calls.Recorder(os.environ["AWS_ENDPOINT_URL"])
        self.callers = calls.Callers()
        self.made = set()
        self.count = 0
        # What went wrong with watching, after which nothing can be said for sure.
        self.problems = set()

    def run(self, command):
        """Runs the command; its exit code."""
        child = subprocess.Popen(command)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        # A terminal's Ctrl-C has reached the command as well.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        has_ended = False
        while not has_ended:
            has_ended = child.poll() is not None
            try:
                self.look()
            # The command goes on whatever happens here.
            except (calls.Lost, OSError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
                self.problems.add(f"{type(error).__name__}: {error}")
                self.recorder.begin_again()
            if not has_ended:
                time.sleep(PAUSE_SECONDS)
        return child.returncode

    def look(self):
        for event in self.recorder.poll():
            caller = self.callers.find(event["AccessKeyId"])
            if caller is not None:
                self.count += 1
                try:
                    self.made.add(calls.to_call(event, caller))
                except ValueError as error:
                    self.problems.add(str(error))
            elif event["AccessKeyId"].startswith("ASIA"):
                self.problems.add(f"{event['AccessKeyId']} called, and is no function of a stack")


def report(watch):
    """Prints what was found; whether all is as it should be."""
    made = watch.made
    stacks = {
        # The emulator makes no database: each stack was given one, also where it did not tell the parameters yet.
        name: deployed.Deployed(deployed.translated(), name, parameters | {"DatabaseUrl": "given"}, ids)
        for name, (parameters, ids) in watch.callers.stacks.items()
    }
    findings = evaluate.evaluate(made, stacks)
    unexplained, idle = evaluate.explain(findings.unused, yaml.safe_load(REASONS.read_text()))
    there = {function for resolved in stacks.values() for function in resolved.functions()}
    silent = sorted(there - {it.function for it in made})
    absent = sorted(set(deployed.Deployed(deployed.translated(), "", {}, {}).all_functions()) - there)
    print(f"rights: {watch.count} calls of {len({it.function for it in made})} functions in {len(stacks)} stacks: {len(made)} different ones")
    print(f"rights: functions without a call: {', '.join(silent) or 'none'}; not deployed: {', '.join(absent) or 'none'}")
    print(f"rights: {len(findings.denied)} calls without permission, {len(findings.unused)} permissions without a call, {len(unexplained)} of them unexplained")
    for it in sorted(findings.denied):
        print(f"rights: {it.function} of {it.stack} may not {it.action} on {it.resource}")
    for it in unexplained:
        print(f"rights: {it.role} may {it.action} on {it.resource}, which no test needs: take it away, test it, or say in {REASONS.name} why it is needed")
    for it in idle:
        print(f"rights: {REASONS.name} explains what is not so: {it}")
    for it in sorted(watch.problems):
        print(f"rights: {it}")
    return not (findings.denied or unexplained or idle or watch.problems)


def main(command):
    watch = Watch()
    code = watch.run(command)
    is_right = report(watch)
    return code or (0 if is_right else 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
