//! What a gateway is told, in its own form.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{AuthorizerRequest, TokenResponse, question::split_method_arn};

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
                policy_document: policy(&one_method(method_arn), is_authorized),
            },
        }
    }
}

/// A REST API caches a policy by the key alone and uses it for every other method. So it names the one that was asked for.
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

/// The method's ARN with whatever slashes there are too many. A REST API leads `/webhooks/mparticle/` to the same method, and
/// holds a policy that it kept from another spelling against this one's: a denial would cost the sender its batch.
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
