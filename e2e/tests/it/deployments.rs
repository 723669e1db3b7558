//! The template in all its combinations and a packaged folder, deployed in addition to the stack under test.

use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result, ensure};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::process::Command;

use crate::stack::{Stack, fresh_id, repository_root};

/// A program of the project, run with the Python that has AWS's library.
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

/// A separate database on the stack's server.
struct Database {
    name: String,
    url: String,
    admin: PgConnection,
}

impl Database {
    async fn create(stack: &Stack, label: &str) -> Result<Self> {
        let name = fresh_id(label).replace('-', "_");
        let mut admin = PgConnection::connect(&stack.file.database_url).await?;
        let create = format!("create database {name}");
        admin.execute(AssertSqlSafe(create)).await?;
        let (server, _) = stack
            .file
            .database_url
            .rsplit_once('/')
            .context("the url names a database")?;
        let url = format!("{server}/{name}");
        Ok(Self { name, url, admin })
    }

    async fn drop(mut self) -> Result<()> {
        let drop = format!("drop database {} with (force)", self.name);
        self.admin.execute(AssertSqlSafe(drop)).await?;
        Ok(())
    }
}

#[tokio::test]
async fn every_combination_of_switches_deploys_and_leaves_its_bucket() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let database = Database::create(&stack, "combinations").await?;

    let output = python("e2e/deployments/combinations.py")
        .arg(staged_template()?)
        .arg(&database.url)
        .output()
        .await?;

    database.drop().await?;
    ensure_success(&output)
}

/// The files of a release, from cargo's output for the stack under test.
async fn package(folder: &Path) -> Result<&'static str> {
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    };
    let binaries = folder.join("binaries");
    std::fs::create_dir(&binaries)?;
    let built = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .context("the target directory")?
        .join("debug");
    std::os::unix::fs::symlink(built, binaries.join(architecture))?;

    let output = python(".ci/packaging")
        .arg(folder.join("package"))
        .arg(&binaries)
        .arg("1")
        .output()
        .await?;

    ensure_success(&output)?;
    Ok(architecture)
}

#[tokio::test]
async fn packaged_folder_deploys_by_sam_and_from_a_bucket_without_a_toolchain() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let folder = tempfile::tempdir()?;
    let architecture = package(folder.path()).await?;
    let database = Database::create(&stack, "package").await?;

    let output = python("e2e/deployments/package.py")
        .arg(folder.path().join("package"))
        .arg(architecture)
        .arg(&database.url)
        .arg(staged_template()?)
        .output()
        .await?;

    database.drop().await?;
    ensure_success(&output)
}
