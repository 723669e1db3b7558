//! `cistern up --detach`: runs `up` in the background, and shows its progress until the stack is ready.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _, stderr},
    os::unix::fs::OpenOptionsExt as _,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use tokio::process::{Child, Command};

use super::Options;
use crate::stack::{Stack, data_dir::DataDir, process::Identity};

/// The pause between two checks of the background process.
const POLL: Duration = Duration::from_millis(50);

/// Waits until the stack is ready, and returns it.
pub(super) async fn run(options: &Options, data_dir: &DataDir) -> Result<Stack> {
    let log_path = data_dir.log("up");
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&log_path)
        .with_context(|| format!("opening {}", log_path.display()))?;
    let mut progress = File::open(&log_path).context("following the log")?;
    progress
        .seek(SeekFrom::End(0))
        .context("following the log")?;

    let mut background = start(options, log)?;
    let pid = background
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .context("the background process has a number")?;
    let identity = Identity::of(pid);
    let outcome = tokio::select! {
        outcome = follow(&mut background, pid, data_dir, &mut progress) => outcome,
        signal = tokio::signal::ctrl_c() => {
            signal.context("listening to signals")?;
            if let Some(identity) = identity {
                identity.signal(Signal::SIGTERM);
            }
            background.wait().await.context("waiting for the background process")?;
            Err(anyhow::anyhow!("interrupted"))
        }
    };
    show(&mut progress)?;
    outcome
}

fn start(options: &Options, log: File) -> Result<Child> {
    let mut command = Command::new(env::current_exe().context("finding this program")?);
    command.args(["up", "--background"]);
    if let Some(data_dir) = &options.data_dir {
        command.arg("--data-dir").arg(data_dir);
    }
    if options.fresh {
        command.arg("--fresh");
    }
    if let Some(port) = options.port {
        command.args(["--port", &port.to_string()]);
    }
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("sharing the log")?)
        .stderr(log)
        .spawn()
        .context("starting the background process")
}

/// Shows progress until the background process runs the stack, or has redeployed into a running one.
async fn follow(
    background: &mut Child,
    pid: i32,
    data_dir: &DataDir,
    progress: &mut File,
) -> Result<Stack> {
    loop {
        show(progress)?;
        let ended = background
            .try_wait()
            .context("watching the background process")?;
        let stack = Stack::read(&data_dir.stack_json())?;
        match (ended, stack) {
            (Some(status), Some(stack)) if status.success() => return Ok(stack),
            (Some(_), _) => bail!(
                "the stack did not start; its logs are in {}",
                data_dir.logs().display()
            ),
            (None, Some(stack)) if stack.pids.get("cistern") == Some(&pid) => return Ok(stack),
            (None, _) => tokio::time::sleep(POLL).await,
        }
    }
}

/// Copies new lines of the log.
fn show(progress: &mut File) -> Result<()> {
    let mut added = Vec::new();
    progress
        .read_to_end(&mut added)
        .context("following the log")?;
    stderr().write_all(&added).context("showing progress")
}
