"""The permissions of a stack: rights.txt, and every route to its function, evaluated with the policies of the template.

For what no emulator enforces: services that take a role, policies of queues, of the topic and of the key, permissions to call
functions.
"""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .resolution import ACCOUNT, REGION

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ORACLES = ROOT / ".local" / "tools" / "oracles"
DEPLOY = ROOT / "docs" / "deploy.md"

# What every account's key says: that IAM decides for the account's own roles.
ADMINISTRATION = {
    "Sid": "Account",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "kms:*",
    "Resource": "*",
}

# What the log service says of what it encrypts. The simulator knows keys that end in a name of one's own by their form alone, so it is
# given that, in policies and requests alike.
LOG_CONTEXT = "kms:EncryptionContext:aws:logs:arn"
LOG_CONTEXT_FORM = "kms:EncryptionContext:${EncryptionContextKey}"


@dataclass(frozen=True)
class Right:
    """One line of the table."""

    principal: str
    action: str
    resource: str
    is_allowed: bool
    behalf: str = ""
    has_tls: bool = True

    def __str__(self):
        verdict = "allowed" if self.is_allowed else "denied"
        return f"{self.principal} {self.action} {self.resource} {verdict} {self.behalf}".strip()


def table():
    """The lines of rights.txt."""
    found = []
    for line in (HERE / "rights.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            principal, action, resource, verdict, *rest = line.split(maxsplit=4)
            if verdict not in ("allowed", "denied"):
                raise ValueError(f"rights.txt: {line}: the verdict is allowed or denied")
            behalf, _, way = (rest[0] if rest else "").removeprefix("for ").partition(", ")
            found.append(Right(principal, action, resource, verdict == "allowed", behalf, way != "without TLS"))
    return found


def routes(stack):
    """API Gateway may call the function of every route, as each request comes to it."""
    found = []
    integrations = {stack.answer(name): it for name, it in stack.of_type("AWS::ApiGatewayV2::Integration").items()}
    functions = {stack.answer(name, "Arn"): name for name in stack.of_type("AWS::Lambda::Function")}
    for it in stack.of_type("AWS::ApiGatewayV2::Route").values():
        target = functions.get(integrations[it["Target"].removeprefix("integrations/")]["IntegrationUri"])
        method, path = it["RouteKey"].split(" ")
        source = f"{it['ApiId']}/$default/{'GET' if method == 'ANY' else method}{path}"
        found.append(Right("apigateway.amazonaws.com", "lambda:InvokeFunction", target, True, f"route {source}"))
    for kind in ("AWS::ApiGatewayV2::Authorizer", "AWS::ApiGateway::Authorizer"):
        for name, it in stack.of_type(kind).items():
            target = next(function for arn, function in functions.items() if f"{arn}/invocations" in it["AuthorizerUri"])
            source = f"{it.get('ApiId') or it.get('RestApiId')}/authorizers/{stack.answer(name)}"
            found.append(Right("apigateway.amazonaws.com", "lambda:InvokeFunction", target, True, f"route {source}"))
    return found


def documented_key_policy(text):
    """The policy of a key as docs/deploy.md has it: every statement in its section, and the account's administration."""
    section = re.search(r"^## Your own KMS key\n(.*?)^## ", text, re.DOTALL | re.MULTILINE)[1]
    filled = section.replace("<region>", REGION).replace("<account>", ACCOUNT).replace("<partition>", "aws")
    statements = []
    for block in re.findall(r"```json\n(.*?)```", filled, re.DOTALL):
        found = json.loads(block)
        found = found.get("Statement", [found]) if isinstance(found, dict) else found
        statements += found
    return {"Version": "2012-10-17", "Statement": [ADMINISTRATION, *statements]}


class Requests:
    """Lines of the table as requests to the simulator, for one stack."""

    def __init__(self, stack, key_policy):
        self.stack = stack
        self.key_policy = key_policy
        self.roles = {stack.answer(name, "Arn"): name for name in stack.of_type("AWS::IAM::Role")}

    def request(self, right):
        """What the simulator is asked; None when the stack has not what the line is about."""
        resource, holder = self._resource(right.resource)
        context = self._context(right)
        if resource is None or context is None:
            return None
        request = {"action": right.action, "resource": resource, "account": ACCOUNT, "context": context}
        if right.principal.endswith(".amazonaws.com"):
            return request | {"principal": right.principal, "identityPolicies": [], "resourcePolicy": self._policy_of(holder)}
        role = self.role_of(right.principal)
        if role is None:
            return None
        documents = [it["PolicyDocument"] for it in self.stack.resources[role]["Properties"].get("Policies", [])]
        return request | {
            "principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.stack.answer(role)}/session",
            "identityPolicies": documents,
            # Another account's words are no use here: within one account, either policy is enough, but the key's must agree.
            "resourcePolicy": self.key_policy if holder == "key" else None,
        }

    def role_of(self, logical_id):
        """The role of a function, or the role itself."""
        if logical_id not in self.stack.resources:
            return None
        role = self.stack.resources[logical_id]["Properties"].get("Role")
        return self.roles.get(role, logical_id)

    def _resource(self, text):
        """The ARN of a resource of the table, and the logical id it belongs to; None for one that the stack has not."""
        if text == "key":
            key = self.stack.parameters.get("KmsKeyArn")
            return key or None, "key"
        if text.startswith("database/"):
            if "Database" not in self.stack.resources:
                return None, ""
            database = self.stack.answer("Database", "DbiResourceId")
            return f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:{database}/{text.removeprefix('database/')}", "Database"
        if text == "workgroup" or text.startswith("glue/"):
            return self._of_lake(text)
        logical_id, separator, rest = re.match(r"(\w+)([/+.]?)(.*)", text).groups()
        if logical_id not in self.stack.resources:
            return None, logical_id
        if separator == ".":
            return self.stack.answer(logical_id, rest), logical_id
        answers = self.stack.answers(logical_id)
        arn = next(it for it in sorted(answers) if it.startswith("arn:"))
        return arn.removesuffix("*") + rest if separator == "+" else arn + separator + rest, logical_id

    def _of_lake(self, text):
        """The ARN of the workgroup, or of what Glue has; neither can be asked of its resource."""
        if "AnalyticsWorkgroup" not in self.stack.resources:
            return None, ""
        if text == "workgroup":
            return f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{self.stack.answer('AnalyticsWorkgroup')}", "AnalyticsWorkgroup"
        name = text.removeprefix("glue/").replace("LakeDatabase", self.stack.answer("LakeDatabase"))
        return f"arn:aws:glue:{REGION}:{ACCOUNT}:{name}", "LakeDatabase"

    def _context(self, right):
        """What AWS says about a request beside who and what: of a service, in whose behalf it comes."""
        context = {"aws:SecureTransport": "true" if right.has_tls else "false"}
        if right.behalf == "another account" and right.principal.startswith("logs."):
            return context | {LOG_CONTEXT: f"arn:aws:logs:{REGION}:999999999999:log-group:elsewhere"}
        if right.behalf == "another account":
            return context | {"aws:SourceAccount": "999999999999", "aws:SourceArn": "arn:aws:s3:::elsewhere"}
        if right.behalf.startswith("prefix "):
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html: what a listing asks for.
            return context | {"s3:prefix": right.behalf.removeprefix("prefix ")}
        if right.behalf.startswith("route "):
            source = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{right.behalf.removeprefix('route ')}"
            return context | {"aws:SourceArn": source, "aws:SourceAccount": ACCOUNT}
        if not right.behalf:
            return context
        if right.behalf not in self.stack.resources:
            return None
        arn = self.stack.answer(right.behalf, "Arn")
        if right.principal.startswith("logs."):
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html: no source, but what is encrypted.
            return context | {LOG_CONTEXT: arn.removesuffix(":*")}
        if right.principal == "events.amazonaws.com":
            # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-cmkey.html and the SNS guide: to a key it
            # says nothing of its source, to a queue the rule.
            return context if right.action.startswith("kms:") else context | {"aws:SourceArn": arn}
        return context | {"aws:SourceArn": arn, "aws:SourceAccount": ACCOUNT}

    def _policy_of(self, holder):
        """The policy of a queue, a topic, a function or the key."""
        if holder == "key":
            return self.key_policy
        statements = []
        ref, arn = self.stack.answer(holder), self.stack.answer(holder, "Arn")
        for policy in self.stack.of_type("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy").values():
            if ref in [*policy.get("Queues", []), *policy.get("Topics", []), policy.get("Bucket")]:
                statements += policy["PolicyDocument"]["Statement"]
        for it in self.stack.of_type("AWS::Lambda::Permission").values():
            if it["FunctionName"] in (ref, arn):
                condition = {}
                if "SourceArn" in it:
                    condition["ArnLike"] = {"aws:SourceArn": it["SourceArn"]}
                if "SourceAccount" in it:
                    condition["StringEquals"] = {"aws:SourceAccount": it["SourceAccount"]}
                if it.get("InvokedViaFunctionUrl"):
                    condition["Bool"] = {"lambda:InvokedViaFunctionUrl": "true"}
                who = it["Principal"]
                statements.append(
                    {"Effect": "Allow", "Action": it["Action"], "Resource": arn, "Condition": condition}
                    | {"Principal": "*" if who == "*" else {"Service": who}}
                )
        return {"Version": "2012-10-17", "Statement": statements} if statements else None


def by_way_of(stack, endpoint):
    """What the functions in the VPC ask of S3, as requests to the policy of its endpoint there, each with a name for people."""
    bucket = stack.answer("EventsBucket", "Arn")
    answers = "arn:aws:s3:::cloudformation-custom-resource-response-"
    own = {"aws:PrincipalAccount": ACCOUNT}
    wanted = (
        ("the loader reads", "s3:GetObject", f"{bucket}/raw/sparkpost/a.gz", own, True),
        ("the loader rejects", "s3:PutObject", f"{bucket}/rejected/email_events/a.ndjson", own, True),
        ("the loader tells missing from forbidden", "s3:ListBucket", bucket, own, True),
        # The URL is signed by CloudFormation, in an account of AWS's.
        ("the migrator answers", "s3:PutObject", f"{answers}{REGION}/a", {}, True),
        ("the migrator answers in an older region", "s3:PutObject", f"{answers}{REGION.replace('-', '')}/a", {}, True),
        ("somebody else's bucket", "s3:PutObject", "arn:aws:s3:::elsewhere/a", own, False),
    )
    policy = stack.of_type("AWS::EC2::VPCEndpoint")[endpoint]["PolicyDocument"]
    role = f"arn:aws:sts::{ACCOUNT}:assumed-role/{stack.answer('LoaderFunctionRole')}/session"
    return [
        (
            name,
            {"principal": role, "action": action, "resource": resource, "account": ACCOUNT, "context": context}
            | {"identityPolicies": [], "resourcePolicy": policy},
            is_allowed,
        )
        for name, action, resource, context, is_allowed in wanted
    ]


def simulate(requests):
    """Whether each request is allowed."""
    done = subprocess.run(
        [ORACLES / "bin" / "node", HERE / "simulate.mjs", ORACLES],
        input=json.dumps(requests).replace(LOG_CONTEXT, LOG_CONTEXT_FORM),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"simulating {len(requests)} requests: {done.stderr[-2000:]}")
    answers = json.loads(done.stdout)
    odd = [it for it in answers if it not in ("Allowed", "ImplicitlyDenied", "ExplicitlyDenied")]
    if odd:
        raise RuntimeError(f"simulating: {odd[0]}")
    return [it == "Allowed" for it in answers]


def check(stack, key_policy):
    """The lines that do not hold in a stack; and how many were asked."""
    requests = Requests(stack, key_policy)
    asked = [(right, requests.request(right)) for right in [*table(), *routes(stack)]]
    asked = [(right, request) for right, request in asked if request is not None]
    answers = simulate([request for _, request in asked])
    wrong = [str(right) for (right, _), answer in zip(asked, answers) if answer != right.is_allowed]
    return wrong, len(asked)


def version():
    """The simulator's version, for people."""
    package = ORACLES / "node_modules" / "@cloud-copilot" / "iam-simulate" / "package.json"
    return f"iam-simulate {json.loads(package.read_text())['version']}"
