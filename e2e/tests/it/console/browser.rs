//! The browser and its driver, `e2e/clients/console`.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::sessions::Sessions;
use crate::stack::repository_root;

/// Some hundred pages on a busy machine.
const TIME_LIMIT: Duration = Duration::from_mins(10);

/// What the browser does.
#[derive(Debug, Serialize)]
pub(super) struct Plan<'a> {
    pub(super) url: &'a str,
    pub(super) key: &'a str,
    pub(super) sessions: Sessions,
    pub(super) range: &'a str,
    pub(super) domain: &'a str,
    /// Looked at in light, in dark, on a phone and without scripts.
    pub(super) pages: Vec<Page>,
    /// Whose plot is read.
    pub(super) plot: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Page {
    pub(super) address: String,
    pub(super) status: u16,
}

#[derive(Debug, Deserialize)]
pub(super) struct Report {
    /// What is wrong.
    pub(super) findings: Vec<String>,
    pub(super) seen: Seen,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seen {
    pub(super) looked: usize,
    pub(super) walk: Walk,
    pub(super) plot: Plot,
    pub(super) proof: Proof,
    pub(super) found_without_scripts: u64,
}

/// From a search to a message and to a file.
#[derive(Debug, Deserialize)]
pub(super) struct Walk {
    pub(super) found: u64,
    pub(super) bounces: u64,
    pub(super) files: Files,
    pub(super) journey: u64,
    pub(super) recipient: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Files {
    pub(super) csv: String,
    pub(super) ndjson: String,
}

/// The table below a plot.
#[derive(Debug, Deserialize)]
pub(super) struct Plot {
    pub(super) heads: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// What is noticed of a page that violates the policy and is hard to read: without it, no finding would mean nothing.
#[derive(Debug, Deserialize)]
pub(super) struct Proof {
    directives: BTreeSet<String>,
    rules: BTreeSet<String>,
    ran: bool,
}

impl Proof {
    pub(super) fn check(&self) -> Result<()> {
        for directive in [
            "script-src-elem",
            "script-src-attr",
            "style-src-attr",
            "img-src",
        ] {
            ensure!(
                self.directives.contains(directive),
                "{directive} is not noticed: {self:?}"
            );
        }
        ensure!(self.rules.contains("image-alt"), "{self:?}");
        ensure!(!self.ran, "the policy lets a planted script run");
        Ok(())
    }
}

/// Lets a browser follow the plan.
pub(super) async fn drive(plan: &Plan<'_>) -> Result<Report> {
    let tools = repository_root().join(".local/tools/clients");
    let mut driver = Command::new(tools.join("node/bin/node"))
        .arg(repository_root().join("e2e/clients/console/drive.js"))
        .arg(tools.join("chromium"))
        .env("NODE_PATH", tools.join("console/node_modules"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("starting a browser: .ci/test-tools installs it")?;
    let mut input = driver.stdin.take().context("its input is piped")?;
    input.write_all(&serde_json::to_vec(plan)?).await?;
    drop(input);
    let output = timeout(TIME_LIMIT, driver.wait_with_output())
        .await
        .context("the browser took too long")??;
    ensure!(
        output.status.success(),
        "the browser ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("the driver's report")
}
