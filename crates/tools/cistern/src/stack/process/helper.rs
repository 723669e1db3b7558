//! A program that is run to completion: pip, cargo, sam.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
    process::Stdio,
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    process::{Child, ChildStderr, ChildStdout, Command},
};

use super::log_tail;
use crate::progress::Step;

/// Runs `command` to completion. Its output is written to `log` and, line by line, to the step's
/// note. Dropping the future kills the program with everything it started.
pub(crate) async fn run(command: &mut Command, log: &Path, step: &Step) -> Result<()> {
    let mut program = Program::start(command, log)?;
    let (stdout, stderr) = program.outputs()?;
    let copied = tokio::try_join!(
        copy_lines(stdout, &program.log_file, step),
        copy_lines(stderr, &program.log_file, step)
    );
    copied.with_context(|| format!("reading the output of {}", program.name))?;
    program.succeed(log).await
}

/// Like [`run`], but returns the program's stdout instead of logging it.
pub(crate) async fn capture(command: &mut Command, log: &Path, step: &Step) -> Result<String> {
    let mut program = Program::start(command, log)?;
    let (mut stdout, stderr) = program.outputs()?;
    let mut output = Vec::new();
    let copied = tokio::try_join!(
        stdout.read_to_end(&mut output),
        copy_lines(stderr, &program.log_file, step)
    );
    copied.with_context(|| format!("reading the output of {}", program.name))?;
    program.succeed(log).await?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

/// A started program, which is killed with its whole group unless it ends before it is dropped.
struct Program {
    name: String,
    child: Child,
    running: Option<Pid>,
    log_file: File,
}

impl Program {
    fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let name = command
            .as_std()
            .get_program()
            .to_string_lossy()
            .into_owned();
        let log_file = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let running = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .map(Pid::from_raw);
        Ok(Self {
            name,
            child,
            running,
            log_file,
        })
    }

    fn outputs(&mut self) -> Result<(ChildStdout, ChildStderr)> {
        let stdout = self.child.stdout.take().context("stdout is piped")?;
        let stderr = self.child.stderr.take().context("stderr is piped")?;
        Ok((stdout, stderr))
    }

    async fn succeed(mut self, log: &Path) -> Result<()> {
        let status = self
            .child
            .wait()
            .await
            .with_context(|| format!("waiting for {}", self.name))?;
        self.running = None;
        if !status.success() {
            bail!(
                "{} failed ({status}); the end of {}:\n{}",
                self.name,
                log.display(),
                log_tail(log)
            );
        }
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(leader) = self.running {
            // Our child and not waited for, so its number cannot have been reused.
            let _ = killpg(leader, Signal::SIGKILL);
        }
    }
}

async fn copy_lines(
    from: impl AsyncRead + Unpin,
    mut log_file: &File,
    step: &Step,
) -> io::Result<()> {
    let mut lines = BufReader::new(from).split(b'\n');
    while let Some(mut line) = lines.next_segment().await? {
        step.note(String::from_utf8_lossy(&line).trim());
        line.push(b'\n');
        log_file.write_all(&line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn captured_output_is_not_logged_but_the_rest_is() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");

        let output = capture(
            &mut shell("echo out; echo err >&2"),
            &log,
            &Step::start("test"),
        )
        .await
        .unwrap();

        assert_eq!(output, "out\n");
        assert_eq!(fs::read_to_string(&log).unwrap(), "err\n");
    }

    #[tokio::test]
    async fn a_failure_shows_the_end_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");

        let error = run(
            &mut shell("echo because; exit 3"),
            &log,
            &Step::start("test"),
        )
        .await
        .unwrap_err();

        assert!(error.to_string().contains("because"), "{error}");
    }

    #[tokio::test]
    async fn giving_up_kills_what_the_program_started() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let step = Step::start("test");
        let mut command = shell("sleep 60 & echo $!; wait");

        let pid = tokio::select! {
            outcome = run(&mut command, &log, &step) => panic!("it ended: {outcome:?}"),
            pid = first_line(&log) => pid,
        };

        let child = crate::stack::process::Identity::of(pid);
        let gone = async || {
            Ok(child
                .as_ref()
                .is_none_or(|child| !child.is_alive())
                .then_some(()))
        };
        crate::stack::process::wait_for(
            "the child to end",
            std::time::Duration::from_secs(10),
            gone,
        )
        .await
        .unwrap();
    }

    async fn first_line(log: &Path) -> i32 {
        let limit = std::time::Duration::from_secs(10);
        crate::stack::process::wait_for("a line in the log", limit, async || {
            let text = fs::read_to_string(log).unwrap_or_default();
            Ok(text.lines().next().and_then(|line| line.parse().ok()))
        })
        .await
        .unwrap()
    }
}
