//! The operator's command line, run against the stack under test.

mod audit;
mod backfill;
mod deployed;
mod import;
mod keys;
mod look;
mod query;
mod rebuild;
mod reconciler;
mod redrive;
mod replay;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::stack::repository_root;

/// The program beside this one: `cargo build --workspace --bins` builds it, as `make test` does first.
pub(crate) fn program() -> Result<PathBuf> {
    let tests = std::env::current_exe()?;
    let folder = tests
        .parent()
        .and_then(Path::parent)
        .context("tests run in target/<profile>/deps")?;
    Ok(folder.join("cistern"))
}

/// The data directory of the stack under test, from the root.
pub(crate) fn data_dir() -> Result<PathBuf> {
    let stack_json = std::env::var("CISTERN_STACK_JSON").context("`make test` sets it")?;
    let data_dir = Path::new(&stack_json)
        .parent()
        .context("stack.json is in the data directory")?;
    Ok(repository_root().join(data_dir))
}

/// Runs `cistern` against the local stack under test and reads the JSON that it prints.
pub(crate) async fn cistern(arguments: &[&str]) -> Result<Value> {
    run(Command::new(program()?)
        .args(arguments)
        .arg("--json")
        .arg("--data-dir")
        .arg(data_dir()?))
    .await
}

/// `cistern` against the local stack under test, not started yet.
pub(crate) fn command(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(program()?);
    command
        .args(arguments)
        .arg("--json")
        .arg("--data-dir")
        .arg(data_dir()?)
        .current_dir(repository_root())
        .kill_on_drop(true);
    Ok(command)
}

/// Runs `cistern` against the same stack as if it were in AWS: by its name there.
pub(crate) async fn cistern_in_aws(endpoint_url: &str, arguments: &[&str]) -> Result<Value> {
    run(Command::new(program()?)
        .args(arguments)
        .args(["--json", "--stack", "cistern"])
        .env("AWS_ENDPOINT_URL", endpoint_url)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local"))
    .await
}

async fn run(command: &mut Command) -> Result<Value> {
    let output = command
        .current_dir(repository_root())
        .kill_on_drop(true)
        .output()
        .await
        .context("starting cistern: `cargo build --workspace --bins` makes it")?;
    ensure!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("reading what cistern printed")
}
