//! Starting, watching and stopping other programs.
//!
//! Every program is the leader of its own process group: Ctrl-C in the terminal reaches only this process, which then stops the
//! programs in order, and the children of a program are stopped with it.

mod helper;
mod identity;
mod records;
mod service;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

pub(crate) use self::{
    helper::{capture, run},
    identity::Identity,
    records::{Records, stop_leftovers},
    service::Service,
};

/// The pause between two checks of a condition.
const POLL: Duration = Duration::from_millis(50);

/// Polls `condition` until it returns a value, for at most `limit`.
pub(crate) async fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut condition: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition().await? {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            bail!("waited {} s for {what}", limit.as_secs());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The end of a log, for an error message.
fn log_tail(log: &Path) -> String {
    const LINES: usize = 15;
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
