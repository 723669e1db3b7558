//! A run of the local stack's forwarder.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use aws_io::LOCAL_KEY;
use serde_json::Value;

use super::Options;
use crate::output::line;
use crate::{
    http,
    plural::counted,
    progress::Step,
    stack::{Stack, data_dir::DataDir},
};

/// Longer than the function's timeout.
const LIMIT: Duration = Duration::from_mins(16);

pub(super) async fn invoke(options: &Options) -> Result<()> {
    let data_dir = DataDir::resolve(options.data_dir.as_deref())?;
    let stack =
        Stack::running(&data_dir)?.context("no stack is up: start one with `cistern up`")?;
    let step = Step::start("forward");
    let report = run_forwarder(&stack).await?;
    step.done("");
    if options.json {
        line!("{report}")?;
    } else {
        line!("{}", describe(&report))?;
    }
    Ok(())
}

/// Waits for a complete run and returns its report.
pub(crate) async fn run_forwarder(stack: &Stack) -> Result<Value> {
    let name = stack
        .functions
        .get("forwarder")
        .context("the stack has no forwarder")?;
    let Stack {
        aws_endpoint_url,
        region,
        ..
    } = stack;
    // The emulator does not check signatures of its root key, but uses their scope to find the service.
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={LOCAL_KEY}/20260101/{region}/lambda/aws4_request, SignedHeaders=host, Signature=0"
    );
    let answer = http::client(LIMIT)?
        .post(format!(
            "{aws_endpoint_url}/2015-03-31/functions/{name}/invocations"
        ))
        .header("authorization", scope)
        .body("{}")
        .send()
        .await
        .context("invoking the forwarder")?;
    let status = answer.status();
    ensure!(
        status.as_u16() != 429,
        "the forwarder is running already; wait for it to end"
    );
    ensure!(status.is_success(), "invoking the forwarder: {status}");
    let has_failed = answer.headers().contains_key("x-amz-function-error");
    let report: Value = answer.json().await.context("reading the run's report")?;
    if has_failed {
        let message = report["errorMessage"].as_str().unwrap_or("no reason given");
        bail!("the run failed: {message}");
    }
    Ok(report)
}

fn describe(report: &Value) -> String {
    let number = |group: &str, name: &str| report[group][name].as_u64().unwrap_or(0);
    let reasons = |name: &str| match report["events"][name].as_object() {
        Some(counts) if !counts.is_empty() => {
            let parts = counts.iter().map(|(why, count)| format!("{why} {count}"));
            format!(" ({})", parts.collect::<Vec<_>>().join(", "))
        }
        Some(_) | None => String::new(),
    };
    format!(
        "{}: {} = {} sent + {} skipped{} + {} rejected{}\n\
         {} deleted, {} released to wait; {} to the destination",
        report["end"]["why"].as_str().unwrap_or("ended"),
        counted(number("events", "received"), "event"),
        number("events", "sent"),
        number("events", "skipped"),
        reasons("skipped_by_reason"),
        number("events", "rejected"),
        reasons("rejected_by_reason"),
        counted(number("messages", "deleted"), "message"),
        number("messages", "released"),
        counted(report["requests"].as_u64().unwrap_or(0), "request"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn report_is_shown_in_two_lines() {
        let report = json!({
            "end": {"why": "queue_empty"},
            "events": {"received": 3, "sent": 1, "skipped": 2, "rejected": 0,
                "skipped_by_reason": {"type_off": 2}, "rejected_by_reason": {}},
            "messages": {"archived": 1, "deleted": 1, "released": 0, "not_deleted": 0},
            "requests": 1,
        });

        assert_eq!(
            describe(&report),
            "queue_empty: 3 events = 1 sent + 2 skipped (type_off 2) + 0 rejected\n\
             1 message deleted, 0 released to wait; 1 request to the destination"
        );
    }
}
