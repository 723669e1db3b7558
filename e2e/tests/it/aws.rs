//! The emulator's AWS APIs for which there is no client here, as the root of its account.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::stack::{Stack, StackFile};

/// The header of a request to a service. The emulator checks no signature of its root key, and finds the service by it.
pub(crate) fn root(file: &StackFile, service: &str) -> String {
    let StackFile { region, .. } = file;
    let key = aws_io::LOCAL_KEY;
    format!(
        "AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// Calls `target`, such as `AmazonAthena.GetQueryResults`, of a service with a JSON protocol.
pub(crate) async fn call(
    stack: &Stack,
    service: &str,
    target: &str,
    request: &Value,
) -> Result<Value> {
    let answer = stack
        .http
        .post(&stack.file.aws_endpoint_url)
        .header("authorization", root(&stack.file, service))
        .header("x-amz-target", target)
        .header("content-type", "application/x-amz-json-1.1")
        .body(request.to_string())
        .send()
        .await?;
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status.is_success(), "{target}: {status} {text}");
    Ok(serde_json::from_str(&text)?)
}
