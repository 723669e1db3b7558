//! A program that is run to its end: pip, cargo, sam.

use std::{fs::File, io::Write as _, path::Path, process::Stdio};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Command,
};

use super::log_tail;
use crate::progress::Step;

/// Runs `command` to its end and gives what it wrote to stdout. Its stderr goes to `log` and, line
/// by line, into the step's note. Dropping the future kills the program with all that it started.
pub(crate) async fn run(command: &mut Command, log: &Path, step: &Step) -> Result<String> {
    let name = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let mut log_file = File::create(log).with_context(|| format!("creating {}", log.display()))?;
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {name}"))?;
    let mut group = Group(child.id());
    let mut stdout = child.stdout.take().context("stdout is piped")?;
    let stderr = child.stderr.take().context("stderr is piped")?;

    let read_output = async {
        let mut output = Vec::new();
        stdout.read_to_end(&mut output).await?;
        Ok::<_, std::io::Error>(output)
    };
    let copy_log = async {
        let mut lines = BufReader::new(stderr).split(b'\n');
        while let Some(line) = lines.next_segment().await? {
            log_file.write_all(&line)?;
            log_file.write_all(b"\n")?;
            step.note(String::from_utf8_lossy(&line).trim());
        }
        Ok(())
    };
    let (output, ()) = tokio::try_join!(read_output, copy_log)
        .with_context(|| format!("reading the output of {name}"))?;
    let status = child
        .wait()
        .await
        .with_context(|| format!("waiting for {name}"))?;
    group.0 = None;

    let output = String::from_utf8_lossy(&output).into_owned();
    if !status.success() {
        log_file.write_all(output.as_bytes())?;
        bail!(
            "{name} failed ({status}); the end of {}:\n{}",
            log.display(),
            log_tail(log)
        );
    }
    Ok(output)
}

/// Kills a process group unless it has ended.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0.and_then(|pid| i32::try_from(pid).ok()) {
            // The leader is our child and not waited for, so that its number is still its own.
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_the_output_and_logs_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2"]);

        let output = run(&mut command, &log, &Step::start("test")).await.unwrap();

        assert_eq!(output, "out\n");
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "err\n");
    }

    #[tokio::test]
    async fn a_failure_shows_the_end_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo because >&2; exit 3"]);

        let error = run(
            &mut command,
            &folder.path().join("log"),
            &Step::start("test"),
        )
        .await
        .unwrap_err();

        assert!(error.to_string().contains("because"), "{error}");
    }
}
