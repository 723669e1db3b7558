"""Rules of Lambda."""

import fnmatch
from urllib.parse import urlsplit

# What a queue's source does in the name of the function's role.
_QUEUE_ACTIONS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")

# Resources that call a function, or let somebody call it.
_CALLERS = {
    "AWS::Lambda::Permission",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Scheduler::Schedule",
    "AWS::Events::Rule",
}


def _listed(value):
    return value if isinstance(value, list) else [value]


def _function_of(stack, text):
    """The logical id of the function with a name or an ARN, which may be a version's."""
    for name in stack.of_type("AWS::Lambda::Function"):
        arn = stack.answer(name, "Arn")
        if text in (stack.answer(name), arn) or text.startswith(f"{arn}:"):
            return name
    return None


def batches_over_ten_have_a_window(stack):
    """A batch of more than ten messages has a batching window of at least a second.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html. Else: "Maximum batch window in seconds must be greater
    than 0 if maximum batch size is greater than 10".
    """
    for name, it in stack.of_type("AWS::Lambda::EventSourceMapping").items():
        if (
            ":sqs:" in it["EventSourceArn"]
            and int(it.get("BatchSize", 10)) > 10
            and not int(it.get("MaximumBatchingWindowInSeconds", 0))
        ):
            yield name, 'AWS: "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"'


def sources_may_read_their_queue(stack):
    """The role of a function that a queue feeds may read the queue.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html. Else: "The provided execution role does not have
    permissions to call ReceiveMessage on SQS".
    """
    roles = {stack.answer(name, "Arn"): it for name, it in stack.of_type("AWS::IAM::Role").items()}
    functions = stack.of_type("AWS::Lambda::Function")
    for name, source in stack.of_type("AWS::Lambda::EventSourceMapping").items():
        function = _function_of(stack, source["FunctionName"])
        if function is None or ":sqs:" not in source["EventSourceArn"]:
            continue
        role = roles.get(functions[function]["Role"], {})
        allowed = [
            statement
            for policy in role.get("Policies", [])
            for statement in _listed(policy["PolicyDocument"]["Statement"])
            if statement["Effect"] == "Allow"
        ]
        for action in _QUEUE_ACTIONS:
            if not any(
                any(fnmatch.fnmatchcase(action, it) for it in _listed(statement["Action"]))
                and any(fnmatch.fnmatchcase(source["EventSourceArn"], it) for it in _listed(statement["Resource"]))
                for statement in allowed
            ):
                call = action.removeprefix("sqs:")
                yield name, f'AWS: "The provided execution role does not have permissions to call {call} on SQS" ({function})'


def nothing_calls_a_function_before_its_log_group(stack):
    """A function cannot be called before its log group exists.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html: a function without one makes its own at
    its first line. CloudFormation then answers "/aws/lambda/... already exists", and the deploy fails, in some of its tries. So
    either the function names the group (LoggingConfig), or everything that calls it waits for the group.
    """
    groups = stack.of_type("AWS::Logs::LogGroup")
    functions = stack.of_type("AWS::Lambda::Function")
    for function, it in functions.items():
        if it.get("LoggingConfig", {}).get("LogGroup"):
            continue
        wanted = f"/aws/lambda/{stack.answer(function)}"
        group = next((name for name, its in groups.items() if its.get("LogGroupName") == wanted), None)
        if group is None:
            continue
        for caller in sorted(_callers(stack, function)):
            if group not in stack.needs(caller):
                yield function, (
                    f"{caller} may call it before {group} is made; Lambda then makes the group, and CloudFormation fails with "
                    f'"{wanted} already exists"'
                )


def _callers(stack, function, seen=frozenset()):
    """What calls a function: a source, a schedule, a permission, a custom resource, or a function that has its name."""
    callers = set()
    # A version and an alias are other names of the function.
    same = {function} | {
        name for name in stack.of_type("AWS::Lambda::Version", "AWS::Lambda::Alias") if function in stack.references(name)
    }
    for name, resource in stack.resources.items():
        if not stack.references(name) & same:
            continue
        if resource["Type"] in _CALLERS or "ServiceToken" in resource["Properties"]:
            callers.add(name)
        elif resource["Type"] == "AWS::Lambda::Function" and name not in seen | {function}:
            callers |= _callers(stack, name, seen | {function})
    return callers


def replaced_versions_leave_the_network(stack):
    """An old version of a function in a VPC is deleted with the update that replaces it.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html: network interfaces stay for as long as a version uses them. Else
    CloudFormation waits for the subnets and groups, and fails: "has dependencies and cannot be deleted", "resource has a dependent object".
    """
    functions = stack.of_type("AWS::Lambda::Function")
    for name in stack.of_type("AWS::Lambda::Version"):
        in_vpc = [it for it in sorted(stack.references(name)) if functions.get(it, {}).get("VpcConfig")]
        if in_vpc and stack.resources[name].get("DeletionPolicy") == "Retain":
            yield in_vpc[0], 'keeps its old versions, and their network interface: "resource has a dependent object"'


def open_urls_may_be_called(stack):
    """A Function URL without authentication has both permissions.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html: since October 2025 a new URL needs lambda:InvokeFunctionUrl and
    lambda:InvokeFunction. Else every request is answered 403 Forbidden.
    """
    permissions = stack.of_type("AWS::Lambda::Permission").values()
    for name, url in stack.of_type("AWS::Lambda::Url").items():
        function = _function_of(stack, url["TargetFunctionArn"])
        theirs = [it for it in permissions if it["Principal"] == "*" and _function_of(stack, it["FunctionName"]) == function]
        has_url = any(it["Action"] == "lambda:InvokeFunctionUrl" and it.get("FunctionUrlAuthType") == "NONE" for it in theirs)
        has_call = any(it["Action"] == "lambda:InvokeFunction" and it.get("InvokedViaFunctionUrl") for it in theirs)
        if url["AuthType"] == "NONE" and not (has_url and has_call):
            yield name, "lambda:InvokeFunctionUrl and lambda:InvokeFunction must both be allowed; AWS answers 403 Forbidden"


def runs_that_are_not_repeated_are_not_repeated_by_lambda(stack):
    """A function whose schedule does not retry is not retried by Lambda either.

    https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html: the scheduler invokes asynchronously, so its own
    retries end when Lambda has accepted the event. Lambda then runs a function that failed twice more
    (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html), unless the function is configured otherwise.
    Nothing reports that the run is repeated.
    """
    once = {
        it["FunctionName"]
        for it in stack.of_type("AWS::Lambda::EventInvokeConfig").values()
        if it["Qualifier"] == "$LATEST" and it.get("MaximumRetryAttempts") == 0
    }
    for name, it in stack.of_type("AWS::Scheduler::Schedule").items():
        function = _function_of(stack, it["Target"]["Arn"])
        is_repeated = it["Target"].get("RetryPolicy", {}).get("MaximumRetryAttempts") != 0
        if function is not None and not is_repeated and stack.answer(function) not in once:
            yield name, f"{function} has no EventInvokeConfig without retries; Lambda runs it twice more after a failure"


def first_runs_find_the_routes_that_they_ask(stack):
    """A schedule exists after the routes that its function asks.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html: a rate begins when the schedule is created. If its
    function asks the stack's own API, the routes, the permissions to call what is behind them and the stage have to be there. Else the
    gateway answers "Not Found" or "Internal Server Error", the first run fails, and its alarm fires on every new stack.
    """
    apis = {f"{stack.answer(name)}.execute-api.": name for name in stack.of_type("AWS::ApiGatewayV2::Api")}
    for name, it in stack.of_type("AWS::Scheduler::Schedule").items():
        function = _function_of(stack, it["Target"]["Arn"])
        if function is None:
            continue
        variables = stack.of_type("AWS::Lambda::Function")[function].get("Environment", {}).get("Variables", {})
        for value in map(str, variables.values()):
            api = next((api for host, api in apis.items() if value.startswith(f"https://{host}")), None)
            # A URL without a path is the origin of all that is below /api/.
            missing = _asked(stack, api, urlsplit(value).path or "/api/") - stack.needs(name) if api else set()
            if missing:
                yield name, f"{function} asks {value} and may run before {', '.join(sorted(missing))}"


def _asked(stack, api, path):
    """What a request to a path of an API needs: its route, the permissions to call what is behind it, and the stage."""
    routes = {
        name: it["RouteKey"].split(" ")[1].replace("{proxy+}", "*")
        for name, it in stack.of_type("AWS::ApiGatewayV2::Route").items()
        if it["ApiId"] == stack.answer(api)
    }
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html: a route without {proxy+} comes first.
    serving = {name for name, pattern in routes.items() if pattern == path}
    serving = serving or {name for name, pattern in routes.items() if fnmatch.fnmatchcase(path, pattern)}
    if not serving:
        return set()
    behind = {it for name in serving for it in stack.references(name)}
    authorizers = behind & set(stack.of_type("AWS::ApiGatewayV2::Authorizer"))
    integrations = behind & set(stack.of_type("AWS::ApiGatewayV2::Integration"))
    called = {it for name in integrations for it in stack.references(name)} & set(stack.of_type("AWS::Lambda::Function"))
    permissions = {name: stack.references(name) for name in stack.of_type("AWS::Lambda::Permission")}
    return (
        serving
        | {name for name, it in stack.of_type("AWS::ApiGatewayV2::Stage").items() if it["ApiId"] == stack.answer(api)}
        | {name for name, named in permissions.items() if named & authorizers or named >= {api} and named & called}
    )
