//! What the functions write down: enough to follow a request, nothing that is not ours to keep.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};

/// Plants an address, a body and keys on every way into the stack, and looks for them.
#[tokio::test]
async fn planted_address_body_and_keys_reach_no_log() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("planted");
    let address = format!("{id}-address@example.com");
    let wrong_key = format!("{id}-wrong-key");
    let good = format!(
        r#"{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}","timestamp":"1790000000","rcpt_to":"{address}"}}}}}}"#
    );
    let bad = format!(
        r#"{{"msys":{{"message_event":{{"type":"bounce","timestamp":"{id}-when","rcpt_to":"{address}"}}}}}}"#
    );

    stack
        .deliver(&id, format!("[{good},{bad}]").into_bytes())
        .await?;
    let search = format!("/api/v1/events/message?recipients={address}");
    stack.get(&search).await?;
    stack
        .get(&format!("/api/v1/events/message?from={id}-from"))
        .await?;
    let url = format!("{}{search}", stack.file.base_url);
    stack
        .http
        .get(url)
        .header("authorization", &wrong_key)
        .send()
        .await?;

    let batch_key = event_model::BatchKey::new(Some(&id), format!("[{good},{bad}]").as_bytes());
    let lines = eventually("the loader's log of the batch", ARRIVAL, async || {
        let lines = all_log_lines(&stack).await?;
        let seen = lines.iter().any(|line| line.contains(batch_key.as_str()));
        Ok(seen.then_some(lines))
    })
    .await?;

    let planted = [
        address.as_str(),
        wrong_key.as_str(),
        &format!("{id}-when"),
        &format!("{id}-from"),
        stack.file.keys.sparkpost.as_str(),
        stack.file.keys.query.as_str(),
    ];
    for line in &lines {
        for secret in planted {
            ensure!(
                !line.contains(secret),
                "a log line holds a planted value: {line}"
            );
        }
    }
    Ok(())
}

/// Every line that a function writes is one JSON object, and those of an invocation carry its id.
#[tokio::test]
async fn function_logs_are_json_with_the_request_id() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("json-log");
    stack.deliver(&id, b"[]".to_vec()).await?;

    let line = eventually("a log line about the batch", ARRIVAL, async || {
        let lines = all_log_lines(&stack).await?;
        Ok(lines.into_iter().find(|line| line.contains(&id)))
    })
    .await?;

    let record: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
    ensure!(
        record.to_string().contains("requestId") || record.to_string().contains("request_id"),
        "{line}"
    );
    Ok(())
}

/// All lines of all functions, from the emulator's CloudWatch Logs.
async fn all_log_lines(stack: &Stack) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for function in stack.file.functions.values() {
        let mut token = Value::Null;
        loop {
            let mut request =
                json!({"logGroupName": format!("/aws/lambda/{function}"), "limit": 10_000});
            if !token.is_null() {
                request["nextToken"] = token;
            }
            let answer = filter_log_events(stack, &request).await?;
            let events = answer["events"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            lines.extend(
                events
                    .iter()
                    .filter_map(|event| event["message"].as_str())
                    .map(str::to_owned),
            );
            token = answer["nextToken"].clone();
            if token.is_null() || events.is_empty() {
                break;
            }
        }
    }
    Ok(lines)
}

async fn filter_log_events(stack: &Stack, request: &Value) -> Result<Value> {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/{}/logs/aws4_request, SignedHeaders=host, Signature=0",
        stack.file.region
    );
    let answer = stack
        .http
        .post(&stack.file.aws_endpoint_url)
        .header("authorization", scope)
        .header("x-amz-target", "Logs_20140328.FilterLogEvents")
        .header("content-type", "application/x-amz-json-1.1")
        .body(request.to_string())
        .send()
        .await?;
    Ok(serde_json::from_slice(&answer.bytes().await?)?)
}
