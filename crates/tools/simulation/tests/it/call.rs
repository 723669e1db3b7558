//! Requests of the SDK, decoded, and responses to them.

use std::{collections::BTreeMap, fmt};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::{
    client::orchestrator::{HttpRequest, HttpResponse},
    http::StatusCode,
};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::bucket::Condition;

/// A request.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Get {
        key: String,
    },
    Put {
        key: String,
        body: Bytes,
        condition: Condition,
        metadata: Vec<(String, String)>,
    },
    Copy {
        from: String,
        to: String,
    },
    Delete {
        keys: Vec<String>,
    },
    List {
        prefix: String,
        after: String,
    },
    /// An action of SQS, with its JSON.
    Sqs {
        action: String,
        request: Value,
    },
    /// The secret with the keys.
    Secret,
}

/// A response.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Call {
    /// Reads a request, its body included.
    pub(crate) async fn of(mut request: HttpRequest) -> Self {
        let body = ByteStream::new(request.take_body());
        let body = body
            .collect()
            .await
            .expect("a body can be read")
            .into_bytes();
        if let Some(target) = request.headers().get("x-amz-target") {
            return match target.split_once('.') {
                Some(("AmazonSQS", action)) => Self::Sqs {
                    action: action.to_owned(),
                    request: serde_json::from_slice(&body).unwrap(),
                },
                Some(("secretsmanager", "GetSecretValue")) => Self::Secret,
                _ => panic!("the model has no {target}"),
            };
        }
        Self::of_s3(&request, body)
    }

    fn of_s3(request: &HttpRequest, body: Bytes) -> Self {
        let uri: axum::http::Uri = request.uri().parse().unwrap();
        let path = uri.path().trim_start_matches('/');
        let (_bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let key = decoded(key);
        let query: BTreeMap<&str, String> = uri
            .query()
            .unwrap_or_default()
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name, decoded(value)))
            .collect();
        let header = |name: &str| request.headers().get(name);
        let text = |name: &str| query.get(name).cloned().unwrap_or_default();
        match (request.method(), key.is_empty()) {
            ("GET", true) if query.contains_key("list-type") => {
                assert!(
                    !query.contains_key("delimiter"),
                    "the model lists no folders"
                );
                Self::List {
                    prefix: text("prefix"),
                    after: text("start-after").max(text("continuation-token")),
                }
            }
            ("POST", true) if query.contains_key("delete") => Self::Delete {
                keys: between(&String::from_utf8_lossy(&body), "<Key>", "</Key>"),
            },
            ("GET", false) => {
                assert!(header("range").is_none(), "the model has no ranges");
                Self::Get { key }
            }
            ("PUT", false) => match header("x-amz-copy-source") {
                Some(source) => Self::Copy {
                    from: decoded(source.split_once('/').unwrap().1),
                    to: key,
                },
                None => Self::Put {
                    key,
                    body: unchunked(request, body),
                    condition: condition(request),
                    metadata: metadata(request),
                },
            },
            ("DELETE", false) => Self::Delete { keys: vec![key] },
            (method, _) => panic!("the model has no {method} {}", request.uri()),
        }
    }

    /// Whether it can change anything.
    pub(crate) fn is_write(&self) -> bool {
        match self {
            Self::Put { .. } | Self::Copy { .. } | Self::Delete { .. } | Self::Sqs { .. } => true,
            Self::Get { .. } | Self::List { .. } | Self::Secret => false,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get { key } => write!(f, "get {key}"),
            Self::Put {
                key,
                condition,
                body,
                ..
            } => {
                write!(f, "put {key} ({} bytes, if {condition:?})", body.len())
            }
            Self::Copy { from, to } => write!(f, "copy {from} to {to}"),
            Self::Delete { keys } => write!(f, "delete {}", keys.join(", ")),
            Self::List { prefix, after } => write!(f, "list {prefix} after {after:?}"),
            Self::Sqs { action, .. } => f.write_str(action),
            Self::Secret => f.write_str("read the secret"),
        }
    }
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// An error of S3, or of SQS and Secrets Manager.
    pub(crate) fn error(call: &Call, status: u16, code: &str) -> Self {
        match call {
            Call::Sqs { .. } | Call::Secret => {
                Self::new(status, format!(r#"{{"__type":"{code}","message":""}}"#))
            }
            Call::Get { .. }
            | Call::Put { .. }
            | Call::Copy { .. }
            | Call::Delete { .. }
            | Call::List { .. } => Self::new(status, format!("<Error><Code>{code}</Code></Error>")),
        }
    }

    /// The response, of whose body `cut` leaves a half.
    pub(crate) fn to_http(&self, is_cut: bool) -> HttpResponse {
        let len = if is_cut {
            self.body.len() / 2
        } else {
            self.body.len()
        };
        let body = SdkBody::from(self.body.slice(..len));
        let mut response = HttpResponse::new(StatusCode::try_from(self.status).unwrap(), body);
        let headers = response.headers_mut();
        headers.insert("content-length", self.body.len().to_string());
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        response
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

/// The texts between the tags.
fn between(xml: &str, open: &str, close: &str) -> Vec<String> {
    let texts = xml.split(open).skip(1);
    texts
        .map(|text| text.split_once(close).unwrap().0.to_owned())
        .collect()
}

fn condition(request: &HttpRequest) -> Condition {
    match (
        request.headers().get("if-none-match"),
        request.headers().get("if-match"),
    ) {
        (Some("*"), None) => Condition::Nothing,
        (None, Some(etag)) => Condition::Etag(etag.trim_matches('"').parse().unwrap()),
        (None, None) => Condition::Anything,
        other => panic!("the model has no {other:?}"),
    }
}

fn metadata(request: &HttpRequest) -> Vec<(String, String)> {
    let headers = request.headers().iter();
    headers
        .filter(|(name, _)| name.starts_with("x-amz-meta-"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The content of a body that is sent in chunks with a checksum at the end
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>).
fn unchunked(request: &HttpRequest, body: Bytes) -> Bytes {
    let encoding = request.headers().get("content-encoding");
    if !encoding.is_some_and(|encoding| encoding.contains("aws-chunked")) {
        return body;
    }
    let mut content = Vec::new();
    let mut rest = &body[..];
    loop {
        let end = rest.windows(2).position(|bytes| bytes == b"\r\n").unwrap();
        let line = std::str::from_utf8(&rest[..end]).unwrap();
        let size = line.split(';').next().unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return content.into();
        }
        content.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
}
