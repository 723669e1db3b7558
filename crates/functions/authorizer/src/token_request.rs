//! The token endpoint: client credentials in, a short-lived bearer token out
//! (<https://www.rfc-editor.org/rfc/rfc6749#section-4.4>).
//!
//! SparkPost sends the credentials in the body, as JSON or as a form; others send them in `Authorization`. The client
//! id is ignored, the client secret is the key of the scope.

use std::{collections::HashMap, fmt, time::SystemTime};

use access_keys::{KeysError, Scope, presented_key, token};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use function_kit::gateway::{BadPath, covers, normal_path};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::info;
use url::form_urlencoded;

use crate::Deps;

/// The gateway's routes to the token endpoint.
pub const TOKEN_ROUTES: [&str; 2] = ["POST /oauth/token", "POST /oauth/{proxy+}"];
const PATH: &str = "/oauth/token";

/// A request has one or two hundred bytes.
const MAX_BODY_BYTES: usize = 4096;

/// The members of the gateway's event, payload format 2.0, that are used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenRequest {
    #[serde(default)]
    route_key: String,
    #[serde(default)]
    raw_path: String,
    #[serde(default)]
    headers: HashMap<String, String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    request_context: RequestContext,
}

#[derive(Deserialize)]
struct RequestContext {
    http: Http,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    method: String,
    source_ip: String,
}

/// The response, in the gateway's form.
#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TokenResponse {
    status_code: u16,
    headers: HashMap<&'static str, &'static str>,
    body: String,
}

/// The members of the body that are used.
#[derive(Default)]
struct Grant {
    grant_type: Option<String>,
    client_secret: Option<SecretString>,
}

/// Answers one request for a token at `now`.
///
/// # Errors
/// When the keys cannot be read. The gateway makes that a 500.
pub(crate) async fn answer(
    deps: &Deps,
    request: &TokenRequest,
    now: SystemTime,
) -> Result<TokenResponse, KeysError> {
    if let Some(status_code) = request.strays() {
        return Ok(TokenResponse::refusal(status_code, "invalid_request"));
    }
    let source_ip = &request.request_context.http.source_ip;
    if !deps.sparkpost_networks.allow(source_ip) {
        info!(
            reason = "address is in no network that may call this route",
            "request denied"
        );
        return Ok(TokenResponse::refusal(403, "access_denied"));
    }
    let Some(body) = request.body() else {
        return Ok(TokenResponse::refusal(413, "invalid_request"));
    };
    let Some(grant) = Grant::read(&body) else {
        return Ok(TokenResponse::refusal(400, "invalid_request"));
    };
    if grant
        .grant_type
        .is_some_and(|grant_type| grant_type != "client_credentials")
    {
        return Ok(TokenResponse::refusal(400, "unsupported_grant_type"));
    }
    let Some(secret) = grant.client_secret.or_else(|| request.basic_key()) else {
        return Ok(TokenResponse::refusal(400, "invalid_request"));
    };
    // A token cannot be exchanged for another one, or it would never expire.
    if token::is_token(&secret) || !deps.keys.authorizes(Scope::Sparkpost, &secret, now).await? {
        info!(
            reason = "client secret is no key of the scope",
            "request denied"
        );
        return Ok(TokenResponse::refusal(401, "invalid_client"));
    }
    Ok(TokenResponse::token(&token::issue(&secret, now)))
}

/// Without headers and body, which hold keys.
impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest").finish_non_exhaustive()
    }
}

impl TokenRequest {
    /// The status for a request with another route or path.
    fn strays(&self) -> Option<u16> {
        let is_ours = |path: &str| {
            TOKEN_ROUTES.contains(&self.route_key.as_str())
                && covers(&self.route_key, &self.request_context.http.method, path)
                && path == PATH
        };
        match normal_path(&self.raw_path) {
            Ok(path) => (!is_ours(&path)).then_some(404),
            Err(BadPath::Control) => Some(404),
            Err(BadPath::DotSegment) => Some(400),
        }
    }

    /// The bytes of the body; `None` if there are too many.
    fn body(&self) -> Option<Vec<u8>> {
        let body = self.body.as_deref().unwrap_or_default();
        if body.len() > MAX_BODY_BYTES {
            return None;
        }
        if self.is_base64_encoded {
            // A value that is not base64 has no credentials.
            return Some(BASE64_STANDARD.decode(body).unwrap_or_default());
        }
        Some(body.as_bytes().to_vec())
    }

    fn basic_key(&self) -> Option<SecretString> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
        presented_key(value)
    }
}

impl Grant {
    /// `None` for a body in which these members are not text, or repeated
    /// (<https://www.rfc-editor.org/rfc/rfc6749#section-3.2>).
    fn read(body: &[u8]) -> Option<Self> {
        let mut grant = Self::default();
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => {
                for (name, value) in &members {
                    grant.set(name, value.as_str())?;
                }
            }
            Ok(_) => return None,
            Err(_) => {
                for (name, value) in form_urlencoded::parse(body) {
                    grant.set(&name, Some(&value))?;
                }
            }
        }
        Some(grant)
    }

    fn set(&mut self, name: &str, value: Option<&str>) -> Option<()> {
        match name {
            "grant_type" if self.grant_type.is_none() => self.grant_type = Some(value?.to_owned()),
            "client_secret" if self.client_secret.is_none() => {
                let value = value?;
                self.client_secret = (!value.is_empty()).then(|| SecretString::from(value));
            }
            "grant_type" | "client_secret" => return None,
            _ => {}
        }
        Some(())
    }
}

impl TokenResponse {
    fn token(token: &SecretString) -> Self {
        let body = json!({
            "access_token": token.expose_secret(),
            "token_type": "Bearer",
            "expires_in": token::ANNOUNCED.as_secs(),
        });
        Self::json(200, &body)
    }

    fn refusal(status_code: u16, error: &str) -> Self {
        Self::json(status_code, &json!({ "error": error }))
    }

    fn json(status_code: u16, body: &Value) -> Self {
        let mut headers = HashMap::from([
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
        ]);
        if status_code == 401 {
            headers.insert("www-authenticate", r#"Basic realm="cistern""#);
        }
        Self {
            status_code,
            headers,
            body: body.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(body: &str) -> Option<String> {
        let secret = Grant::read(body.as_bytes())?.client_secret?;
        Some(secret.expose_secret().to_owned())
    }

    #[test]
    fn client_secret_is_found_in_json_and_in_a_form() {
        let bodies = [
            r#"{"grant_type":"client_credentials","client_id":"a","client_secret":"k 3y"}"#,
            r#"{"client_secret":"k 3y"}"#,
            "grant_type=client_credentials&client_id=a&client_secret=k+3y",
            "client_secret=k%203y",
        ];

        for body in bodies {
            assert_eq!(secret(body).as_deref(), Some("k 3y"), "{body}");
        }
    }

    #[test]
    fn what_matters_is_text_and_is_said_once() {
        for body in [
            r#"{"grant_type":["client_credentials"],"client_secret":"k"}"#,
            r#"{"grant_type":null,"client_secret":"k"}"#,
            r#"{"grant_type":{"a":1}}"#,
            r#"{"client_secret":["k"]}"#,
            r#"["client_credentials"]"#,
            r#""client_credentials""#,
            "1",
            "grant_type=client_credentials&grant_type=password",
            "client_secret=k&client_secret=l",
        ] {
            assert!(Grant::read(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn other_bodies_hold_none() {
        for body in [
            "",
            "{}",
            "[1]",
            r#"{"client_secret":7}"#,
            r#"{"client_secret":""}"#,
            "secret=k",
        ] {
            assert_eq!(secret(body), None, "{body}");
        }
    }
}
