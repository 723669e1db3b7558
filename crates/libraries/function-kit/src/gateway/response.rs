//! What a gateway is answered, payload format 2.0.

use std::{collections::BTreeMap, fmt};

use axum::{
    body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Serialize;

use crate::ApiError;

/// The answer to one event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    status_code: u16,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    body: String,
    is_base64_encoded: bool,
}

impl Answer {
    /// The response to its end. A body that ends in an error is answered 500.
    pub(super) async fn from_response(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        match body::to_bytes(body, usize::MAX).await {
            Ok(bytes) => Self::new(parts.status, &parts.headers, bytes.into()),
            Err(error) => {
                let (parts, _) = ApiError::internal(error).into_response().into_parts();
                Self::new(parts.status, &parts.headers, Vec::new())
            }
        }
    }

    fn new(status: StatusCode, headers: &HeaderMap, bytes: Vec<u8>) -> Self {
        let mut answer = Self {
            status_code: status.as_u16(),
            headers: BTreeMap::new(),
            cookies: Vec::new(),
            body: String::new(),
            is_base64_encoded: false,
        };
        for (name, value) in headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            if *name == header::SET_COOKIE {
                answer.cookies.push(value.into_owned());
            } else {
                answer
                    .headers
                    .entry(name.as_str().to_owned())
                    .and_modify(|values| *values = format!("{values}, {value}"))
                    .or_insert_with(|| value.into_owned());
            }
        }
        // Compressed bytes may happen to be text, and are worth no look.
        let is_encoded = headers.contains_key(header::CONTENT_ENCODING);
        match String::from_utf8(bytes) {
            Ok(text) if !is_encoded => answer.body = text,
            Ok(text) => answer.set_bytes(text.as_bytes()),
            Err(error) => answer.set_bytes(error.as_bytes()),
        }
        answer
    }

    fn set_bytes(&mut self, bytes: &[u8]) {
        self.body = BASE64_STANDARD.encode(bytes);
        self.is_base64_encoded = true;
    }
}

/// Without the body.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status_code", &self.status_code)
            .finish_non_exhaustive()
    }
}
