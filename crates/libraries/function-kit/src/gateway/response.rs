//! The response to the gateway, payload format 2.0.

use std::{collections::BTreeMap, fmt};

use axum::{
    body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Serialize;

use crate::ApiError;

/// The response to one event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayResponse {
    status_code: u16,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    body: String,
    is_base64_encoded: bool,
}

impl GatewayResponse {
    /// Reads the whole response. If its body ends in an error, the status is 500.
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
        let mut converted = Self {
            status_code: status.as_u16(),
            headers: BTreeMap::new(),
            cookies: Vec::new(),
            body: String::new(),
            is_base64_encoded: false,
        };
        for (name, value) in headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            if *name == header::SET_COOKIE {
                converted.cookies.push(value.into_owned());
            } else {
                converted
                    .headers
                    .entry(name.as_str().to_owned())
                    .and_modify(|values| *values = format!("{values}, {value}"))
                    .or_insert_with(|| value.into_owned());
            }
        }
        // Compressed bytes may happen to be valid UTF-8, so the check would be pointless.
        let is_encoded = headers.contains_key(header::CONTENT_ENCODING);
        match String::from_utf8(bytes) {
            Ok(text) if !is_encoded => converted.body = text,
            Ok(text) => converted.set_bytes(text.as_bytes()),
            Err(error) => converted.set_bytes(error.as_bytes()),
        }
        converted
    }

    fn set_bytes(&mut self, bytes: &[u8]) {
        self.body = BASE64_STANDARD.encode(bytes);
        self.is_base64_encoded = true;
    }
}

/// Without the body.
impl fmt::Debug for GatewayResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayResponse")
            .field("status_code", &self.status_code)
            .finish_non_exhaustive()
    }
}
