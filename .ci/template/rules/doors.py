"""Rules of API Gateway."""

import re

_VARIABLE = re.compile(r"\$\{?context\.([\w.-]+)")

# What both kinds of API can log.
_BOTH = """
    accountId apiId awsEndpointRequestId customDomain.basePathMatched domainName domainPrefix error.message
    error.messageString error.responseType extendedRequestId httpMethod identity.accountId identity.caller
    identity.clientCert.clientCertPem identity.clientCert.issuerDN identity.clientCert.serialNumber
    identity.clientCert.subjectDN identity.clientCert.validity.notAfter identity.clientCert.validity.notBefore
    identity.cognitoAuthenticationProvider identity.cognitoAuthenticationType identity.cognitoIdentityId
    identity.cognitoIdentityPoolId identity.principalOrgId identity.sourceIp identity.user identity.userAgent
    identity.userArn integration.error integration.integrationStatus integration.latency integration.requestId
    integration.status integrationErrorMessage integrationLatency integrationStatus path protocol requestId requestTime
    requestTimeEpoch responseLatency responseLength stage status
"""
_HTTP = set(f"{_BOTH} awsEndpointRequestId2 dataProcessed routeKey".split())
_REST = set(f"""{_BOTH} authenticate.error authenticate.latency authenticate.status authorize.error authorize.latency
    authorize.status deploymentId error.validationErrorString identity.apiKey identity.apiKeyId identity.vpcId identity.vpceId
    isCanaryRequest requestOverride.path resourceId resourcePath responseOverride.status waf.error waf.latency
    waf.status wafResponseCode webaclArn xrayTraceId""".split())

_METHODS = "GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|ANY"

_GATEWAY_RESPONSES = set(
    """ACCESS_DENIED API_CONFIGURATION_ERROR AUTHORIZER_CONFIGURATION_ERROR AUTHORIZER_FAILURE BAD_REQUEST_BODY
    BAD_REQUEST_PARAMETERS DEFAULT_4XX DEFAULT_5XX EXPIRED_TOKEN INTEGRATION_FAILURE INTEGRATION_TIMEOUT INVALID_API_KEY
    INVALID_SIGNATURE MISSING_AUTHENTICATION_TOKEN QUOTA_EXCEEDED REQUEST_TOO_LARGE RESOURCE_NOT_FOUND THROTTLED UNAUTHORIZED
    UNSUPPORTED_MEDIA_TYPE WAF_FILTERED""".split()
)


def _formats(stack):
    """Every access log format: the stage, whether it is a REST API's, the format."""
    for name, it in stack.of_type("AWS::ApiGatewayV2::Stage").items():
        if "Format" in it.get("AccessLogSettings", {}):
            yield name, False, it["AccessLogSettings"]["Format"]
    for name, it in stack.of_type("AWS::ApiGateway::Stage").items():
        if "Format" in it.get("AccessLogSetting", {}):
            yield name, True, it["AccessLogSetting"]["Format"]


def log_variables_exist(stack):
    """An access log names variables that its kind of API has.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html, of REST APIs
    api-gateway-variables-for-access-logging.html. An HTTP API's stage is refused: "The following context variables are not
    supported: [...]". A REST API writes `-` in their place.
    """
    for name, is_rest, form in _formats(stack):
        for variable in _VARIABLE.findall(form):
            known = _REST if is_rest else _HTTP
            if variable not in known and not variable.startswith("authorizer."):
                kind = "a REST API" if is_rest else "an HTTP API"
                yield name, (
                    f'$context.{variable} does not exist for {kind}; AWS: "The following context variables are not '
                    f'supported: [$context.{variable}]"'
                )


def log_has_request_id(stack):
    """An access log has the request's id.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html: the format "must include at least
    $context.requestId or $context.extendedRequestId". Else: "Access log format must contain $context.requestId".
    """
    for name, _, form in _formats(stack):
        if not {"requestId", "extendedRequestId"} & set(_VARIABLE.findall(form)):
            yield name, "the log format has neither $context.requestId nor $context.extendedRequestId, and AWS refuses it"


def log_is_one_line(stack):
    """An access log is one line.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html. Else: "Access Log format must be
    single line, new line character is allowed only at end of the format".
    """
    for name, _, form in _formats(stack):
        if "\n" in form.removesuffix("\n"):
            yield name, 'AWS: "Access Log format must be single line"'


def route_keys_are_spelt(stack):
    """A route is a method, a space and a path.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html. Else: "The provided route key
    is not formatted properly for HTTP protocol".
    """
    for name, it in stack.of_type("AWS::ApiGatewayV2::Route").items():
        if not re.fullmatch(rf"\$default|({_METHODS}) /\S*", it["RouteKey"]):
            yield name, f'AWS: "The provided route key is not formatted properly for HTTP protocol": {it["RouteKey"]}'


def route_settings_have_their_route(stack):
    """Settings of a route wait for the route.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html. Else: "Unable to find Route by key
    ... within the provided RouteSettings".
    """
    routes = {it["RouteKey"]: name for name, it in stack.of_type("AWS::ApiGatewayV2::Route").items()}
    for name, it in stack.of_type("AWS::ApiGatewayV2::Stage").items():
        for key in it.get("RouteSettings", {}):
            if routes.get(key) not in stack.needs(name):
                yield name, f'{key} is not made before; AWS: "Unable to find Route by key {key} within the provided RouteSettings"'


def gateway_responses_exist(stack):
    """A REST API's gateway responses have existing types.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html. Else: "Invalid gateway
    response type".
    """
    for name, it in stack.of_type("AWS::ApiGateway::GatewayResponse").items():
        if it["ResponseType"] not in _GATEWAY_RESPONSES:
            yield name, f'AWS: "Invalid gateway response type": {it["ResponseType"]}'
