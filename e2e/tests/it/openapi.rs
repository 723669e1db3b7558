//! `openapi.json`, held against the running stack by Schemathesis: requests that it generates from the document, with all of its
//! checks on the answers. Paths outside of `/api/` are left out: for other methods the gateway has no route there, and answers 404 instead
//! of 405.

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::stack::{Stack, repository_root};

/// For each operation and phase. The seed makes a failure repeatable, and the number bounds the time.
const EXAMPLES: &str = "15";

async fn hold_against_document(stack: &Stack, key: &str, paths: &str) -> Result<()> {
    let root = repository_root();
    let program = root.join(".local/tools/clients/openapi/bin/schemathesis");
    ensure!(
        program.exists(),
        "Schemathesis is not installed: run .ci/test-tools, as `make test` does"
    );
    let folder = root.join("e2e/clients/openapi");
    let output = Command::new(program)
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .arg("run")
        .arg(format!("{}/openapi.json", stack.file.base_url))
        .args(["--header", &format!("Authorization: {key}")])
        .args(["--include-path-regex", paths])
        .args(["--checks", "all", "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", EXAMPLES, "--seed", "1"])
        .args(["--generation-database", "none", "--no-color"])
        // A cache of its own would stay in the folder that it runs in.
        .current_dir(std::env::temp_dir())
        .output()
        .await
        .context("running Schemathesis")?;
    let said = String::from_utf8_lossy(&output.stdout).replace(key, "KEY");
    let warned = String::from_utf8_lossy(&output.stderr).replace(key, "KEY");
    ensure!(output.status.success(), "{said}\n{warned}");
    ensure!(
        said.contains("passed") || said.contains("No issues found"),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
async fn searches_answer_generated_requests_as_openapi_json_says() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let paths = "^/api/v1/(audit|events|message-events|rejected$|sums)";
    hold_against_document(&stack, &stack.file.keys.query, paths).await
}

#[tokio::test]
async fn repairs_answer_generated_requests_as_openapi_json_says() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    hold_against_document(&stack, &stack.file.keys.repair, "^/api/v1/rejected/").await
}

#[tokio::test]
async fn statements_answer_generated_requests_as_openapi_json_says() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    hold_against_document(&stack, &stack.file.keys.sql, "^/api/v1/sql$").await
}
