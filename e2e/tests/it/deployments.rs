//! The template in all its combinations, deployed beside the stack under test; and the check of a deployed stack.

use std::path::PathBuf;
use std::process::Output;

use anyhow::{Context, Result, ensure};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::process::Command;

use crate::stack::{Stack, fresh_id, repository_root};

/// A program of the project, run by the Python that has AWS's library.
pub(crate) fn python(script: &str) -> Command {
    let root = repository_root();
    let mut command = Command::new(root.join(".local/tools/sam/bin/python"));
    command
        .current_dir(root)
        .arg(script)
        .env("SAM_CLI_TELEMETRY", "0");
    command
}

pub(crate) fn ensure_success(output: &Output) -> Result<()> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    Ok(())
}

/// The template as it was staged for the stack under test.
pub(crate) fn staged_template() -> Result<PathBuf> {
    let stack_json = std::env::var("CISTERN_STACK_JSON")?;
    let stack_json = repository_root().join(stack_json);
    let data_dir = stack_json.parent().context("stack.json lies in a folder")?;
    Ok(data_dir.join("build/template.yaml"))
}

#[tokio::test]
async fn every_combination_of_switches_deploys_and_leaves_its_bucket() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let database = fresh_id("combinations").replace('-', "_");
    let mut admin = PgConnection::connect(&stack.file.database_url).await?;
    let create = format!("create database {database}");
    admin.execute(AssertSqlSafe(create)).await?;
    let (server, _) = stack
        .file
        .database_url
        .rsplit_once('/')
        .context("the url names a database")?;

    let output = python("e2e/deployments/combinations.py")
        .arg(staged_template()?)
        .arg(format!("{server}/{database}"))
        .output()
        .await?;

    let drop = format!("drop database {database} with (force)");
    admin.execute(AssertSqlSafe(drop)).await?;
    ensure_success(&output)
}

#[tokio::test]
async fn smoke_check_passes_on_the_deployed_stack() -> Result<()> {
    // It waits until the queue is empty, which it might never be while others send.
    let (stack, _weather) = Stack::exclusive().await?;

    let output = python(".ci/smoke")
        .arg("cistern")
        .env("BASE_URL", &stack.file.base_url)
        .output()
        .await?;

    ensure_success(&output)
}
