//! What a gateway is told, in its own form.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{AuthorizerRequest, TokenResponse};

/// The answer to either kind of question.
#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum Answer {
    /// Whether the request goes on.
    Authorize(AuthorizerResponse),
    /// The token endpoint's answer.
    Token(TokenResponse),
}

/// Whether a request goes on.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum AuthorizerResponse {
    /// An HTTP API's simple answer.
    #[serde(rename_all = "camelCase")]
    Simple {
        /// Whether the request goes on.
        is_authorized: bool,
    },
    /// A REST API's: who asks, and a policy
    /// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>).
    #[serde(rename_all = "camelCase")]
    Policy {
        /// The name of the scope; the gateway wants one.
        principal_id: &'static str,
        /// Allows or denies one method.
        policy_document: Value,
    },
}

impl AuthorizerResponse {
    /// The answer to `request`, in the form of who asked. `principal` names who asks.
    pub(crate) fn to(
        request: &AuthorizerRequest,
        is_authorized: bool,
        principal: &'static str,
    ) -> Self {
        match request {
            AuthorizerRequest::HttpApi { .. } => Self::Simple { is_authorized },
            AuthorizerRequest::RestApi { method_arn, .. } => Self::Policy {
                principal_id: principal,
                policy_document: policy(method_arn, is_authorized),
            },
        }
    }
}

/// A REST API caches a policy by the key alone and uses it for every other method. So it names the one that was asked for,
/// and none by a pattern.
fn policy(method_arn: &str, is_authorized: bool) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Action": "execute-api:Invoke",
            "Effect": if is_authorized { "Allow" } else { "Deny" },
            "Resource": method_arn,
        }],
    })
}
