//! The check of a deployed stack, applied to the stack under test.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::deployments::{ensure_success, python};
use crate::stack::{ARRIVAL, Stack, eventually};

/// The output of `.ci/smoke --json`.
#[derive(Debug, Deserialize)]
struct Report {
    ok: bool,
    claims: Vec<Claim>,
}

#[derive(Debug, Deserialize)]
struct Claim {
    #[serde(rename = "claim")]
    text: String,
    state: String,
    only_aws: bool,
}

/// The check of a deployed stack, with the URLs of the local one's gateways.
fn smoke(stack: &Stack) -> Command {
    let mut command = python(".ci/smoke");
    command
        .arg("cistern")
        .env("BASE_URL", &stack.file.base_url)
        .env("MPARTICLE_URL", &stack.file.mparticle_webhook_url);
    command
}

#[tokio::test]
async fn smoke_check_in_depth_shows_what_it_can_and_leaves_nothing_behind() -> Result<()> {
    // It waits until the queue is empty, which may never happen while other tests send.
    let (stack, _weather) = Stack::exclusive().await?;
    let queues = &stack.file.queues;
    eventually("what others sent to be worked on", ARRIVAL, async || {
        let waiting =
            stack.queue_depth(&queues.load).await? + stack.queue_depth(&queues.archive).await?;
        Ok((waiting == 0).then_some(()))
    })
    .await?;
    let s3 = aws_io::Aws::local(&stack.file.aws_endpoint_url).await.s3();
    let traces = async || -> Result<_> {
        let limit = Duration::from_secs(10);
        let objects = aws_io::s3::listing::list(&s3, &stack.file.bucket, "", limit).await?;
        let keys: BTreeSet<String> = objects.into_iter().map(|object| object.key).collect();
        Ok((keys, stack.queue_depth(&queues.forward).await?))
    };
    let before = traces().await?;

    let output = smoke(&stack).args(["--full", "--json"]).output().await?;

    ensure_success(&output)?;
    let report: Report = serde_json::from_slice(&output.stdout)?;
    ensure!(report.ok);
    for claim in &report.claims {
        let expected = match claim.text.as_str() {
            _ if !claim.only_aws => "verified",
            // A reported failure would be an outage.
            "requests above the limit are refused with 429"
            | "alarms arrive by mail"
            | "a standby takes over, and a snapshot can be restored" => "not checked",
            _ => "not here",
        };
        ensure!(claim.state == expected, "{claim:?}");
    }
    let told = |name: &str| report.claims.iter().any(|claim| claim.text.contains(name));
    for name in [
        "health check",
        "S3 when the webhook acknowledges",
        "through EventBridge",
        "900 KB",
        "Athena",
        "no alarm fires",
        "schedule",
        "stack policy",
        "nothing is left",
    ] {
        ensure!(told(name), "nothing was said of {name}");
    }
    ensure!(
        traces().await? == before,
        "the bucket or the queue has more than before"
    );
    Ok(())
}

#[tokio::test]
async fn smoke_report_can_be_shown_to_anybody() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;

    let output = smoke(&stack).arg("--full").output().await?;

    ensure_success(&output)?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said)?;
    let keys = &stack.file.keys;
    for secret in [
        &keys.sparkpost,
        &keys.mparticle,
        &keys.query,
        &keys.track,
        &stack.file.bucket,
        // The emulator's account, as a real one would be in ARNs.
        "000000000000",
        "arn:aws",
        "127.0.0.1",
    ] {
        ensure!(!said.contains(secret), "the report tells too much: {said}");
    }
    ensure!(said.contains("| Checks that need AWS |"), "{said}");
    Ok(())
}

#[tokio::test]
async fn smoke_check_fails_when_a_door_opens_to_nobody() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;

    // No server listens on the discard port.
    let output = smoke(&stack)
        .arg("--json")
        .env("BASE_URL", "http://127.0.0.1:9")
        .output()
        .await?;

    let report: Report = serde_json::from_slice(&output.stdout)?;
    ensure!(output.status.code() == Some(1) && !report.ok, "{report:?}");
    let state = |name: &str| {
        let claim = report.claims.iter().find(|claim| claim.text.contains(name));
        claim.map(|claim| claim.state.as_str())
    };
    ensure!(state("health check") == Some("failed"), "{report:?}");
    // For a batch that was never sent it only reports that there is nothing to remove.
    ensure!(state("loaded into Postgres").is_none(), "{report:?}");
    ensure!(
        state("nothing is left") == Some("not checked"),
        "{report:?}"
    );
    ensure!(
        state("mParticle's webhook") == Some("verified"),
        "{report:?}"
    );
    Ok(())
}

#[tokio::test]
async fn smoke_check_of_a_stack_that_is_not_there_says_so() -> Result<()> {
    let (_stack, _weather) = Stack::shared().await?;

    let output = python(".ci/smoke").arg("cistern-nowhere").output().await?;

    ensure!(output.status.code() == Some(2));
    let said = String::from_utf8(output.stderr)?;
    ensure!(
        said.contains("cistern-nowhere") && !said.contains("Traceback"),
        "{said}"
    );
    Ok(())
}
