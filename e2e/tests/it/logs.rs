//! The functions' logs: enough to follow a request, and nothing confidential.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::aws::call;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};

/// Sends an address, a body and keys in every way into the stack, and searches the logs for them.
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

    let lines = eventually("the loader's log of the batch", ARRIVAL, async || {
        let lines = all_log_lines(&stack).await?;
        let seen = lines.iter().any(|line| line.contains(&id));
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
    let spans = record["spans"].as_array().context("spans")?;
    ensure!(
        spans.iter().any(|span| span["requestId"].is_string()),
        "{line}"
    );
    for line in all_log_lines(&stack).await? {
        serde_json::from_str::<Value>(&line).with_context(|| format!("not JSON: {line}"))?;
    }
    Ok(())
}

/// All lines that functions wrote, from the emulator's CloudWatch Logs.
pub(crate) async fn all_log_lines(stack: &Stack) -> Result<Vec<String>> {
    let groups = ask_logs(stack, "DescribeLogGroups", &json!({})).await?;
    let names = groups["logGroups"].as_array().context("log groups")?;
    let mut lines = Vec::new();
    for group in names
        .iter()
        .filter_map(|group| group["logGroupName"].as_str())
    {
        lines.extend(log_lines(stack, group).await?);
    }
    Ok(lines)
}

/// The lines that one function wrote.
pub(crate) async fn log_lines(stack: &Stack, group: &str) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut request = json!({ "logGroupName": group, "limit": 10_000 });
    loop {
        let answer = ask_logs(stack, "FilterLogEvents", &request).await?;
        let events = answer["events"].as_array().context("log events")?;
        let messages = events.iter().filter_map(|event| event["message"].as_str());
        lines.extend(
            messages
                .filter(|line| !is_of_the_platform(line))
                .map(str::to_owned),
        );
        match &answer["nextToken"] {
            Value::Null => return Ok(lines),
            token => request["nextToken"] = token.clone(),
        }
    }
}

/// Lines that Lambda itself writes around an invocation, which the emulator has in the text form only.
fn is_of_the_platform(line: &str) -> bool {
    ["START RequestId: ", "END RequestId: ", "REPORT RequestId: "]
        .iter()
        .any(|start| line.starts_with(start))
}

async fn ask_logs(stack: &Stack, action: &str, request: &Value) -> Result<Value> {
    call(stack, "logs", &format!("Logs_20140328.{action}"), request).await
}
