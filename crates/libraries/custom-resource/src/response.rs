//! The response to CloudFormation.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html>

use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde::Serialize;
use tokio::time::sleep;
use tracing::warn;

use crate::Request;

/// Time limit of one attempt to deliver the response.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A response is limited to 4,096 bytes, of which the ids take less than half.
const MAX_REASON_BYTES: usize = 1_500;
/// Pauses between the attempts.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// The response was not delivered. The error contains no URL.
#[derive(Debug, thiserror::Error)]
pub enum ResponseError {
    /// The request could not be sent.
    #[error("sending the response to CloudFormation")]
    Send(#[source] reqwest::Error),
    /// The URL refused it.
    #[error("CloudFormation's response URL returned {0}")]
    Refused(StatusCode),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    physical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
}

/// Responds to requests for one resource.
#[derive(Clone, Debug)]
pub struct Responder {
    http: Client,
    resource_id: &'static str,
}

impl Responder {
    /// A responder for the resource with this physical id. The id must never change: CloudFormation would delete the old resource
    /// after an update.
    ///
    /// # Errors
    /// The HTTP client cannot be created.
    pub fn new(resource_id: &'static str) -> Result<Self, reqwest::Error> {
        let http = Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { http, resource_id })
    }

    /// Reports success, or failure with its reason. Tries for some seconds.
    ///
    /// # Errors
    /// The last attempt failed.
    pub async fn send(
        &self,
        request: &Request,
        failure: Option<&str>,
    ) -> Result<(), ResponseError> {
        let body = self.body(request, failure);
        for pause in PAUSES {
            match self.send_once(request, body.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    warn!(error = %function_kit::chain(&error), "response not delivered, trying again");
                }
            }
            sleep(pause).await;
        }
        self.send_once(request, body).await
    }

    async fn send_once(&self, request: &Request, body: String) -> Result<(), ResponseError> {
        // Without a content type: the signature of the URL covers none.
        let response = self
            .http
            .put(request.response_url.expose().clone())
            .body(body)
            .send()
            .await
            .map_err(|error| ResponseError::Send(error.without_url()))?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(ResponseError::Refused(response.status()))
        }
    }

    fn body(&self, request: &Request, failure: Option<&str>) -> String {
        let body = Body {
            status: if failure.is_none() {
                "SUCCESS"
            } else {
                "FAILED"
            },
            reason: failure.map(shorten),
            physical_resource_id: request
                .physical_resource_id
                .as_deref()
                .unwrap_or(self.resource_id),
            stack_id: &request.stack_id,
            request_id: &request.request_id,
            logical_resource_id: &request.logical_resource_id,
        };
        serde_json::to_string(&body).expect("texts can be written as JSON")
    }
}

fn shorten(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MAX_REASON_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_reason_is_cut_between_characters() {
        let long = "ä".repeat(MAX_REASON_BYTES);

        assert_eq!(shorten(&long).len(), MAX_REASON_BYTES);
        assert_eq!(shorten(&format!("x{long}")).len(), MAX_REASON_BYTES - 1);
        assert_eq!(shorten("short"), "short");
    }
}
