"""The checks and their results: as lines during the run, as Markdown to paste into an issue, and as JSON.

Nothing that identifies an account or a person gets in here: no address, ARN, URL, key or body. A new detail must keep to that;
errors of AWS are reduced to the call and its code, because their messages name the caller and the resource.
"""

import json
import sys
import time
import urllib.error

from botocore.exceptions import BotoCoreError, ClientError

VERIFIED, FAILED, NOT_CHECKED, NOT_HERE = "verified", "failed", "not checked", "not here"


class NotChecked(Exception):
    """It could not be checked; the text says why."""


class Failed(Exception):
    """The check failed; the text says how."""


class Report:
    def __init__(self, facts, is_emulated, quiet=False):
        self.facts = facts
        self.is_emulated = is_emulated
        self.quiet = quiet
        self.claims = []

    def check(self, claim, look, only_aws=False):
        """Calls `look`, which returns a detail or raises; returns whether the claim is verified.

        Of a claim that holds in AWS alone an emulator shows nothing, whatever it answers: it is told as `not here`.
        """
        started = time.monotonic()
        state, detail = outcome_of(look)
        ms = round((time.monotonic() - started) * 1000)
        if only_aws and self.is_emulated:
            state, detail = NOT_HERE, f"the emulator: {state}{', ' if detail else ''}{detail}"
        return self.add(claim, state, detail, only_aws, ms)

    def add(self, claim, state, detail="", only_aws=False, ms=None):
        self.claims.append({"claim": claim, "state": state, "detail": detail, "ms": ms, "only_aws": only_aws})
        if not self.quiet:
            print(f"{state:<12}{claim}{': ' if detail else ''}{detail}", file=sys.stderr, flush=True)
        return state == VERIFIED

    def state(self, claim):
        return next((it["state"] for it in self.claims if it["claim"] == claim), NOT_CHECKED)

    def follows(self, claim, parts):
        """A claim that other claims prove together, in AWS."""
        if self.is_emulated:
            return self.add(claim, NOT_HERE, "", True)
        states = {part: self.state(part) for part in parts}
        for state in (FAILED, NOT_CHECKED):
            if state in states.values():
                return self.add(claim, state, ", ".join(part for part in parts if states[part] == state), True)
        return self.add(claim, VERIFIED, "", True)

    def is_ok(self):
        return all(it["state"] != FAILED for it in self.claims)

    def to_json(self):
        return json.dumps({"ok": self.is_ok(), **self.facts, "claims": self.claims}, indent=2)

    def to_markdown(self):
        lines = [f"### {'All checks passed' if self.is_ok() else 'Some checks failed'}", ""]
        lines += [f"- {name}: {value}" for name, value in self.facts.items() if value is not None]
        for title, only_aws in ("Checks", False), ("Checks that need AWS", True):
            lines += ["", f"| {title} | | ms | |", "|---|---|---:|---|"]
            for it in self.claims:
                if it["only_aws"] == only_aws:
                    ms = "" if it["ms"] is None else it["ms"]
                    lines.append(f"| {it['claim']} | {it['state']} | {ms} | {it['detail'].replace('|', '/')} |")
        return "\n".join(lines)

    def last_line(self):
        """Which claims that need AWS have been verified."""
        ours = [it for it in self.claims if it["only_aws"]]
        shown = [it["claim"] for it in ours if it["state"] == VERIFIED]
        if self.is_emulated:
            return f"This is an emulator: {len(ours)} claims can only be verified in AWS."
        return f"Verified on this stack, which no emulator can: {len(shown)} of {len(ours)} claims{': ' if shown else ''}{'; '.join(shown)}."


def outcome_of(look):
    try:
        return VERIFIED, look() or ""
    except NotChecked as reason:
        return NOT_CHECKED, str(reason)
    except Failed as reason:
        return FAILED, str(reason)
    except ClientError as error:
        return of_aws(error)
    except urllib.error.URLError as error:
        return FAILED, f"no response: {type(error.reason).__name__}"
    except (BotoCoreError, OSError) as error:
        return FAILED, f"no response: {type(error).__name__}"


def of_aws(error):
    """An error of an AWS call, without its message. A call that the caller's own permissions forbid says nothing about the stack."""
    code = error.response.get("Error", {}).get("Code", "Unknown")
    if "AccessDenied" in code or "Unauthorized" in code or "NotAuthorized" in code:
        return NOT_CHECKED, f"your credentials do not allow {error.operation_name}"
    return FAILED, f"{error.operation_name} answered {code}"


def until(what, timeout, look, pause=1.0):
    """Polls until there is a usable result; fails with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failed(f"{what} after {timeout} s")
        time.sleep(pause)
