//! A program that runs as long as the stack does.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use nix::sys::signal::Signal;
use tokio::process::{Child, Command};

use super::{Identity, log_tail};

/// How long a service may take to exit by itself.
const GRACE: Duration = Duration::from_secs(20);

/// A running program with its own log.
#[derive(Debug)]
pub(crate) struct Service {
    name: &'static str,
    child: Child,
    identity: Identity,
    log: PathBuf,
    stop_signal: Signal,
}

impl Service {
    /// Starts `command` with a fresh log.
    pub(crate) fn start(
        name: &'static str,
        command: &mut Command,
        log: &Path,
        stop_signal: Signal,
    ) -> Result<Self> {
        let output = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone().context("sharing the log")?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let identity = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .and_then(Identity::of)
            .with_context(|| format!("{name} exited immediately; see {}", log.display()))?;
        Ok(Self {
            name,
            child,
            identity,
            log: log.to_owned(),
            stop_signal,
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Waits for the program to end.
    pub(crate) async fn exited(&mut self) -> Result<ExitStatus> {
        self.child
            .wait()
            .await
            .with_context(|| format!("waiting for {}", self.name))
    }

    /// An error with the end of the log if the program has ended.
    pub(crate) fn ensure_running(&mut self) -> Result<()> {
        match self.child.try_wait().context("checking a process")? {
            None => Ok(()),
            Some(status) => Err(anyhow!(
                "{} ended ({status}); the end of {}:\n{}",
                self.name,
                self.log.display(),
                log_tail(&self.log)
            )),
        }
    }

    /// Asks the program to exit, waits, and kills what is left of its group.
    pub(crate) async fn stop(mut self) {
        self.identity.signal(self.stop_signal);
        if tokio::time::timeout(GRACE, self.child.wait())
            .await
            .is_err()
        {
            self.identity.kill_group();
            let _ = self.child.wait().await;
        }
    }
}
