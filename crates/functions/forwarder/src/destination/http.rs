//! Any HTTP endpoint that accepts JSON: the calls as an array, or one per line.

use std::{fmt, str::FromStr, time::Duration};

use event_mapping::{Call, Operation, RejectReason};
use futures::future::BoxFuture;
use reqwest::Client;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use url::Url;

use super::{
    Destination, FailureCause, Limits, Response, SigningSecret,
    post::{HttpResponse, by_status, post, secret_value},
};

/// How many characters of an endpoint's response are kept as the reason of a refusal.
const MAX_DETAIL_CHARS: usize = 200;

/// An endpoint that returns 2xx when it has accepted everything, and anything else when it has accepted nothing.
pub struct GenericHttp {
    client: Client,
    url: Url,
    format: BodyFormat,
    limits: HttpLimits,
    authorization: Option<SecretString>,
    signing_secret: Option<SigningSecret>,
    clock: fn() -> OffsetDateTime,
}

/// The format of calls in a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyFormat {
    /// An array.
    #[default]
    Json,
    /// One per line.
    Ndjson,
}

/// The limits of an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// The most calls in a request.
    pub calls: usize,
    /// The largest body.
    pub body_bytes: usize,
    /// Requests per second.
    pub requests_per_second: f64,
}

/// An unknown format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither json nor ndjson")]
pub struct BodyFormatError;

impl FromStr for BodyFormat {
    type Err = BodyFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "ndjson" => Ok(Self::Ndjson),
            _ => Err(BodyFormatError),
        }
    }
}

impl GenericHttp {
    /// An endpoint. `clock` gives the time of signatures.
    pub fn new(
        client: Client,
        url: Url,
        format: BodyFormat,
        limits: HttpLimits,
        clock: fn() -> OffsetDateTime,
    ) -> Self {
        Self {
            client,
            url,
            format,
            limits,
            authorization: None,
            signing_secret: None,
            clock,
        }
    }

    /// The value of the header `Authorization`.
    #[must_use]
    pub fn with_authorization(mut self, authorization: Option<SecretString>) -> Self {
        self.authorization = authorization;
        self
    }

    /// The secret with which requests are signed.
    #[must_use]
    pub fn with_signing_secret(mut self, signing_secret: Option<SigningSecret>) -> Self {
        self.signing_secret = signing_secret;
        self
    }

    async fn send_request(
        &self,
        operation: Operation,
        calls: &[&Call],
        time_limit: Duration,
    ) -> Response {
        let body = self.format.body(calls);
        let key = idempotency_key(operation, calls);
        let mut request = self
            .client
            .post(self.url.clone())
            .header("Content-Type", self.format.content_type())
            .header("Cistern-Operation", operation.as_str())
            .header("Idempotency-Key", &key);
        if let Some(authorization) = &self.authorization {
            let Ok(value) = secret_value(authorization) else {
                return Response::Misconfigured(
                    "the authorization cannot be sent in a header".to_owned(),
                );
            };
            request = request.header("Authorization", value);
        }
        if let Some(secret) = &self.signing_secret {
            let timestamp = (self.clock)().unix_timestamp();
            request = request
                .header("webhook-id", &key)
                .header("webhook-timestamp", timestamp)
                .header("webhook-signature", secret.sign(&key, timestamp, &body));
        }
        match post(request.body(body), time_limit).await {
            Ok(response) => read(&response),
            Err(transient) => transient,
        }
    }
}

impl Destination for GenericHttp {
    fn limits(&self, _: Operation) -> Limits {
        Limits {
            calls: self.limits.calls,
            body_bytes: self.limits.body_bytes,
            interval: Duration::from_secs_f64(1.0 / self.limits.requests_per_second),
        }
    }

    fn send<'a>(
        &'a self,
        operation: Operation,
        calls: &'a [&'a Call],
        time_limit: Duration,
    ) -> BoxFuture<'a, Response> {
        Box::pin(self.send_request(operation, calls, time_limit))
    }
}

impl fmt::Debug for GenericHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenericHttp")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl BodyFormat {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    fn body(self, calls: &[&Call]) -> String {
        let items: Vec<&str> = calls.iter().map(|call| call.json.as_str()).collect();
        match self {
            Self::Json => format!("[{}]", items.join(",")),
            Self::Ndjson => items.into_iter().flat_map(|item| [item, "\n"]).collect(),
        }
    }
}

/// Depends only on the calls, so that the endpoint recognises a repeated request.
fn idempotency_key(operation: Operation, calls: &[&Call]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(operation.as_str());
    for call in calls {
        hasher.update((call.id.len() as u64).to_be_bytes());
        hasher.update(&call.id);
    }
    hex::encode(hasher.finalize())
}

fn read(response: &HttpResponse) -> Response {
    by_status(response).unwrap_or_else(|| {
        if response.status.is_success() {
            return Response::ALL_ACCEPTED;
        }
        let text = String::from_utf8_lossy(&response.body);
        let start: String = text.chars().take(MAX_DETAIL_CHARS).collect();
        let detail = format!("status {}: {start}", response.status.as_u16());
        Response::Refused(FailureCause::rejected(RejectReason::Refused, detail))
    })
}

#[cfg(test)]
mod tests {
    use event_mapping::iterable::User;

    use super::*;

    fn call(id: &str) -> Call {
        Call {
            operation: Operation::Track,
            id: id.to_owned(),
            user: User::UserId("ada".to_owned()),
            event_name: "e".to_owned(),
            at_ms: 0,
            json: format!(r#"{{"id":"{id}"}}"#),
            notes: Vec::new(),
        }
    }

    #[test]
    fn calls_are_an_array_or_lines() {
        let (one, two) = (call("1"), call("2"));

        assert_eq!(
            BodyFormat::Json.body(&[&one, &two]),
            r#"[{"id":"1"},{"id":"2"}]"#
        );
        assert_eq!(
            BodyFormat::Ndjson.body(&[&one, &two]),
            "{\"id\":\"1\"}\n{\"id\":\"2\"}\n"
        );
    }

    #[test]
    fn idempotency_key_is_of_the_calls() {
        let (one, two) = (call("1"), call("2"));

        let key = idempotency_key(Operation::Track, &[&one, &two]);

        assert_eq!(key, idempotency_key(Operation::Track, &[&one, &two]));
        assert_ne!(key, idempotency_key(Operation::Track, &[&two, &one]));
        assert_ne!(key, idempotency_key(Operation::Track, &[&one]));
    }
}
