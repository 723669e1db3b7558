//! The events of the gateways.

use std::{collections::HashMap, fmt};

use function_kit::gateway::normal_path;
use serde::Deserialize;
use serde_json::Value;

use crate::TokenRequest;

/// An event of a gateway. Each form has the route.
#[derive(Debug, Deserialize)]
#[serde(from = "Value")]
pub enum AuthorizerEvent {
    /// Asks whether a request is allowed.
    Authorize(AuthorizerRequest),
    /// A request for a token, which this function answers itself.
    Token(TokenRequest),
    /// Neither of the two.
    Unknown,
}

impl From<Value> for AuthorizerEvent {
    fn from(event: Value) -> Self {
        // Only an authorizer's events have a type.
        if event.get("type").is_some() {
            AuthorizerRequest::deserialize(event).map_or(Self::Unknown, Self::Authorize)
        } else {
            TokenRequest::deserialize(event).map_or(Self::Unknown, Self::Token)
        }
    }
}

/// The members of an authorizer's event that are used.
#[derive(Deserialize)]
#[serde(tag = "type")]
pub enum AuthorizerRequest {
    /// An HTTP API's, payload format 2.0
    /// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>).
    #[serde(rename = "REQUEST", rename_all = "camelCase")]
    HttpApi {
        /// The route as configured, such as `POST /webhooks/sparkpost`.
        #[serde(default)]
        route_key: String,
        /// The headers, their names in lower case.
        #[serde(default)]
        headers: Option<HashMap<String, String>>,
        /// The caller.
        #[serde(default)]
        request_context: RequestContext,
    },
    /// A REST API's
    /// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html>).
    #[serde(rename = "TOKEN", rename_all = "camelCase")]
    RestApi {
        /// The method that was called: `arn:aws:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>`.
        method_arn: String,
        /// The `Authorization` header.
        #[serde(default)]
        authorization_token: String,
    },
}

/// The part of an HTTP API's event about the request.
#[derive(Debug, Default, Deserialize)]
pub struct RequestContext {
    #[serde(default)]
    http: Http,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    #[serde(default)]
    source_ip: String,
}

impl AuthorizerRequest {
    /// The route, in an HTTP API's form.
    pub(crate) fn route_key(&self) -> String {
        match self {
            Self::HttpApi { route_key, .. } => route_key.clone(),
            Self::RestApi { method_arn, .. } => route_of(method_arn).unwrap_or_default(),
        }
    }

    pub(crate) fn authorization(&self) -> Option<&str> {
        match self {
            Self::HttpApi { headers, .. } => headers
                .as_ref()?
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
                .map(|(_, value)| value.as_str()),
            Self::RestApi {
                authorization_token,
                ..
            } => Some(authorization_token),
        }
    }

    /// The caller's address; empty if the gateway does not send it, as in the case of a REST API.
    pub(crate) fn source_ip(&self) -> &str {
        match self {
            Self::HttpApi {
                request_context, ..
            } => &request_context.http.source_ip,
            Self::RestApi { .. } => "",
        }
    }
}

/// Omits the keys.
impl fmt::Debug for AuthorizerRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizerRequest")
            .field("route_key", &self.route_key())
            .finish_non_exhaustive()
    }
}

/// `POST /webhooks/mparticle` of `arn:aws:execute-api:us-east-1:123456789012:abc/v1/POST/webhooks/mparticle`, without
/// repeated and trailing slashes.
fn route_of(method_arn: &str) -> Option<String> {
    let (method, path) = split_method_arn(method_arn)?;
    let method = method.rsplit('/').next()?;
    Some(format!("{method} {}", normal_path(path).ok()?))
}

/// The ARN up to the method, and the path.
pub(crate) fn split_method_arn(method_arn: &str) -> Option<(&str, &str)> {
    let resource = method_arn.splitn(6, ':').nth(5)?;
    let path = resource.splitn(4, '/').nth(3)?;
    Some((method_arn.strip_suffix(path)?.strip_suffix('/')?, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn route_of_a_method_is_its_verb_and_path() {
        let of = |resource: &str| {
            route_of(&format!(
                "arn:aws:execute-api:us-east-1:123456789012:{resource}"
            ))
        };

        assert_eq!(
            of("abc/v1/POST/webhooks/mparticle").as_deref(),
            Some("POST /webhooks/mparticle")
        );
        assert_eq!(
            of("abc/v1/POST//webhooks/mparticle/").as_deref(),
            Some("POST /webhooks/mparticle")
        );
        assert_eq!(of("abc/v1/GET/a:b/c").as_deref(), Some("GET /a:b/c"));
        assert_eq!(of("abc/v1/POST/a/../webhooks/mparticle"), None);
        assert_eq!(of("abc/v1/POST"), None);
        assert_eq!(route_of("nonsense"), None);
    }

    #[test]
    fn questions_do_not_show_keys() {
        let events = [
            r#"{"type":"REQUEST","routeKey":"r","headers":{"authorization":"planted"}}"#,
            r#"{"type":"TOKEN","methodArn":"m","authorizationToken":"planted"}"#,
        ];

        for event in events {
            let event: AuthorizerRequest = serde_json::from_str(event).unwrap();
            assert!(!format!("{event:?}").contains("planted"));
        }
    }
}
