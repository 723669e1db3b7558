//! A browser that opens a page and leaves it.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::stack::{Stack, repository_root};

/// The time limit for starting a browser on a busy machine.
const TIME_LIMIT: Duration = Duration::from_mins(2);

/// A browser that has left the page and stays open.
pub(super) struct Visit {
    pub(super) said: Said,
    process: Child,
    input: ChildStdin,
    _folder: TempDir,
}

/// The events in the browser.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    /// The response to an event that the page posted as JSON with the key of servers in a header.
    pub(super) status: u16,
    /// The content of its console.
    pub(super) complaints: Vec<String>,
}

/// Opens the page, has it post `event` too, and leaves it.
pub(super) async fn visit(stack: &Stack, html: &str, event: &str) -> Result<Visit> {
    let folder = tempfile::tempdir()?;
    let page = folder.path().join("page.html");
    std::fs::write(&page, html)?;
    let tools = repository_root().join(".local/tools/clients");
    let mut process = Command::new(tools.join("node/bin/node"))
        .arg(repository_root().join("e2e/clients/trackers/browse.js"))
        .arg(tools.join("chromium"))
        .arg(&page)
        .args([&stack.file.track_url, &stack.file.keys.page, event])
        .env("NODE_PATH", tools.join("trackers/node_modules"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("starting a browser: .ci/test-tools installs it")?;
    let input = process.stdin.take().context("its input is piped")?;
    let output = process.stdout.take().context("its output is piped")?;
    let mut lines = BufReader::new(output).lines();
    let line = timeout(TIME_LIMIT, lines.next_line())
        .await
        .context("the browser took too long")??
        .context("the browser ended")?;
    Ok(Visit {
        said: serde_json::from_str(&line).with_context(|| line.clone())?,
        process,
        input,
        _folder: folder,
    })
}

impl Visit {
    /// Closes the browser.
    pub(super) async fn end(mut self) -> Result<()> {
        drop(self.input);
        let status = timeout(TIME_LIMIT, self.process.wait())
            .await
            .context("the browser did not end")??;
        ensure!(status.success(), "the browser ended with {status}");
        Ok(())
    }
}
