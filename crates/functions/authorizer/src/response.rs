//! Responses, in the form of each gateway.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{AuthorizerRequest, TokenResponse, event::split_method_arn};

/// The response to an [`AuthorizerEvent`](crate::AuthorizerEvent).
#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum AuthorizerResponse {
    /// Whether the request is allowed.
    Authorize(AccessDecision),
    /// The token endpoint's response.
    Token(TokenResponse),
}

/// Whether a request is allowed.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum AccessDecision {
    /// An HTTP API's simple response.
    #[serde(rename_all = "camelCase")]
    Simple {
        /// Whether the request is allowed.
        is_authorized: bool,
    },
    /// A REST API's: a principal and a policy
    /// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>).
    #[serde(rename_all = "camelCase")]
    Policy {
        /// The name of the scope, because the gateway requires a principal.
        principal_id: &'static str,
        /// Allows or denies one method.
        policy_document: Value,
    },
}

impl AccessDecision {
    /// The decision on `request`, in the form of its gateway.
    pub(crate) fn to(
        request: &AuthorizerRequest,
        is_authorized: bool,
        principal: &'static str,
    ) -> Self {
        match request {
            AuthorizerRequest::HttpApi { .. } => Self::Simple { is_authorized },
            AuthorizerRequest::RestApi { method_arn, .. } => Self::Policy {
                principal_id: principal,
                policy_document: policy(&one_method(method_arn), is_authorized),
            },
        }
    }
}

/// A REST API caches a policy by the key alone and applies it to every method. So the policy names one method.
fn policy(resource: &str, is_authorized: bool) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Action": "execute-api:Invoke",
            "Effect": if is_authorized { "Allow" } else { "Deny" },
            "Resource": resource,
        }],
    })
}

/// The method's ARN as a pattern that matches repeated and trailing slashes too. A REST API routes `/webhooks/mparticle/` to
/// the same method, and checks it against a policy cached for another spelling: a denial would lose the sender's batch.
fn one_method(method_arn: &str) -> String {
    let Some((method, path)) = split_method_arn(method_arn) else {
        return method_arn.to_owned();
    };
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.fold(format!("{method}/*"), |pattern, segment| {
        pattern + segment + "*"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_one_path_have_one_pattern() {
        let arn = |path: &str| format!("arn:aws:execute-api:us-east-1:1:abc/v1/POST{path}");

        for path in [
            "/webhooks/mparticle",
            "/webhooks/mparticle/",
            "//webhooks///mparticle//",
        ] {
            assert_eq!(one_method(&arn(path)), arn("/*webhooks*mparticle*"));
        }
        assert_eq!(one_method("nonsense"), "nonsense");
    }
}
