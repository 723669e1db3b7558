"""What requests to the gateways leave in the logs, and what metric filters count there.

The gateway writes a line for every request. The authorizer writes one only when it is asked, and it is asked once in
AuthorizerResultTtlInSeconds for each set of values that its answers are kept by: a sender that comes ten times a second with a
wrong key makes one line a minute there.
"""

import json
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """One request: when, in seconds; to which route; with which key, from where; and what the gateway answered."""

    time: float
    route: str
    key: str
    address: str
    status: int


# The authorizer's names of routes, as its log has them: by their scope.
SCOPES = {"POST /webhooks/sparkpost": "sparkpost", "ANY /api/v1/{proxy+}": "query", "POST /track": "track"}


def authorizer_lines(stack, requests):
    """What the authorizer logs of denied requests, as pairs of time and line."""
    (authorizer,) = stack.of_type("AWS::ApiGatewayV2::Authorizer").values()
    kept_for = int(authorizer["AuthorizerResultTtlInSeconds"])
    parts = {
        "$request.header.Authorization": lambda it: it.key,
        "$context.routeKey": lambda it: it.route,
        "$context.identity.sourceIp": lambda it: it.address,
    }
    asked, lines = {}, []
    for it in sorted(requests, key=lambda it: it.time):
        kept_by = tuple(parts[source](it) for source in authorizer["IdentitySource"])
        if it.time - asked.get(kept_by, float("-inf")) >= kept_for:
            asked[kept_by] = it.time
            denied = it.status in (401, 403)
            line = {"message": "request denied" if denied else "request allowed", "route": SCOPES.get(it.route, it.route)}
            lines.append((it.time, line))
    return lines


def access_lines(stack, requests):
    """What the HTTP API logs, in the form of its stage."""
    (stage,) = stack.of_type("AWS::ApiGatewayV2::Stage").values()
    form = json.loads(stage["AccessLogSettings"]["Format"])
    lines = []
    for it in requests:
        values = {"$context.routeKey": it.route, "$context.status": str(it.status), "$context.identity.sourceIp": it.address}
        lines.append((it.time, {key: values.get(variable, "-") for key, variable in form.items()}))
    return lines


def counted(stack, metric, requests):
    """The samples of a metric that a filter of this stack counts, and the log group it counts in; None when no filter does."""
    groups = {stack.answer(name): name for name in stack.of_type("AWS::Logs::LogGroup")}
    for it in stack.of_type("AWS::Logs::MetricFilter").values():
        for made in it["MetricTransformations"]:
            if (made["MetricNamespace"], made["MetricName"]) == metric:
                group = groups[it["LogGroupName"]]
                lines = access_lines if group == "HttpApiLogGroup" else authorizer_lines
                otherwise = made.get("DefaultValue")
                samples = []
                for time, line in lines(stack, requests):
                    if matches(it["FilterPattern"], line):
                        samples.append((time, float(made["MetricValue"])))
                    elif otherwise is not None:
                        samples.append((time, float(otherwise)))
                return samples, group
    return None


def matches(pattern, line):
    """Whether a line of JSON fits a filter pattern: comparisons of fields, joined by && and ||, with parentheses.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    tokens = re.findall(r'"[^"]*"|&&|\|\||[()]|!?=|[<>]=?|\$[.\w]+|[\w*.-]+', pattern.strip().removeprefix("{").removesuffix("}"))

    def alternatives():
        value = conjunction()
        while tokens and tokens[0] == "||":
            tokens.pop(0)
            value = conjunction() or value
        return value

    def conjunction():
        value = term()
        while tokens and tokens[0] == "&&":
            tokens.pop(0)
            value = term() and value
        return value

    def term():
        token = tokens.pop(0)
        if token == "(":
            value = alternatives()
            tokens.pop(0)
            return value
        return compare(line.get(token.removeprefix("$.")), tokens.pop(0), tokens.pop(0))

    found = alternatives()
    if tokens:
        raise ValueError(f"filter pattern {pattern}: not understood from {tokens[0]} on")
    return found


def compare(found, sign, wanted):
    if sign in ("=", "!="):
        wild = re.escape(wanted.strip('"')).replace(r"\*", ".*")
        is_equal = found is not None and re.fullmatch(wild, str(found)) is not None
        return is_equal == (sign == "=")
    try:
        number = float(found)
    except (TypeError, ValueError):
        return False
    return {
        "<": number < float(wanted),
        "<=": number <= float(wanted),
        ">": number > float(wanted),
        ">=": number >= float(wanted),
    }[sign]
