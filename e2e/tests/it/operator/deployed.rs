//! The commands that show what is stored, with `--stack`: the stack under test as one in AWS, by its name, from a folder without a
//! checkout, with `sam` and `aws` from `PATH`. Only the host of the gateway is another than in AWS.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::program;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id, repository_root};

/// A folder from which a stack of AWS is reached.
struct Elsewhere {
    folder: TempDir,
    endpoint_url: String,
}

impl Elsewhere {
    fn of(stack: &Stack) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let tools = repository_root().join(".local/tools");
        // The gateway's own host is not here.
        let sam = format!(
            "#!/bin/sh\n{} \"$@\" | sed -E 's|https://[a-z0-9]+\\.execute-api\\.us-east-1\\.amazonaws\\.com/|{}/|g'\n",
            tools.join("sam/bin/sam").display(),
            stack.file.base_url
        );
        let aws = format!(
            "#!{}\n{AWS_CLI}",
            tools.join("clients/rights/bin/python").display()
        );
        for (name, script) in [("sam", sam), ("aws", aws)] {
            let path = folder.path().join(name);
            fs::write(&path, script)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
        }
        Ok(Self {
            folder,
            endpoint_url: stack.file.aws_endpoint_url.clone(),
        })
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let path = format!(
            "{}:{}",
            self.folder.path().display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let mut command = Command::new(absolute(&program()?)?);
        command
            .args(arguments)
            .args(["--stack", "cistern"])
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env_remove("CISTERN_STACK_JSON")
            .env("AWS_ENDPOINT_URL", &self.endpoint_url)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .kill_on_drop(true);
        Ok(command)
    }

    async fn text(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments)?.output().await?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            output.status.success(),
            "{arguments:?}: {}: {errors}",
            output.status
        );
        String::from_utf8(output.stdout).context("the output is UTF-8")
    }

    async fn lines(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let text = self.text(arguments).await?;
        let parse = |line: &str| serde_json::from_str(line).with_context(|| line.to_owned());
        text.lines().map(parse).collect()
    }
}

/// What `aws logs … --cli-input-json …` does.
const AWS_CLI: &str = r#"
import json
import sys

import boto3

logs, operation, *options = sys.argv[1:]
assert logs == "logs" and options[:3] == ["--no-paginate", "--output", "json"], options
request = json.loads(options[options.index("--cli-input-json") + 1])
answer = getattr(boto3.client("logs"), operation.replace("-", "_"))(**request)
answer.pop("ResponseMetadata", None)
json.dump(answer, sys.stdout, default=str)
"#;

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize()
        .with_context(|| format!("finding {}", path.display()))
}

#[tokio::test]
async fn deployed_stack_is_searched_and_asked_by_its_name() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let elsewhere = Elsewhere::of(&stack)?;
    let id = fresh_id("deployed");
    let body = format!(
        r#"[{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}","timestamp":"1790000000","rcpt_to":"{id}@example.com"}}}}}},
            {{"msys":{{"message_event":{{"type":"bounce","event_id":"{id}-bad","timestamp":"{id}-when"}}}}}}]"#
    );
    let accounts = stack.deliver(&id, body.into_bytes()).await?;

    let since = ["--from", "2026-09-20", "--to", "2026-09-23"];
    let recipient = format!("{id}@example.com");
    let search = [&["events", "--recipient", &recipient, "--json"][..], &since].concat();
    let found = elsewhere.lines(&search).await?;
    let counted = format!("select count(*) as n from email_events where rcpt_to = '{recipient}'");
    let answer = elsewhere.text(&["sql", &counted, "--json"]).await?;
    let reason = format!("{id}-when");
    let listed = elsewhere
        .lines(&["rejected", "list", "--reason", &reason, "--json"])
        .await?;
    let status = elsewhere
        .text(&["status", "--since", "1h", "--json"])
        .await?;

    ensure!(
        found.len() == 1 && found[0]["event_id"] == id.as_str(),
        "{found:?}"
    );
    let answer: Value = serde_json::from_str(&answer)?;
    ensure!(answer["results"][0]["n"] == 1, "{answer}");
    ensure!(
        listed.iter().any(|item| item["store"] == "postgres"),
        "{listed:?}"
    );
    let status: Value = serde_json::from_str(&status)?;
    ensure!(
        status["healthy"] == true
            && status["pipelines"][0]["counts"]["received"].as_u64() > Some(0),
        "{status}"
    );
    eventually("the loader's line about the batch", ARRIVAL, async || {
        let lines = elsewhere.lines(&["logs", "loader", "--json"]).await?;
        let is_there = lines
            .iter()
            .any(|line| line.to_string().contains(&accounts.batch_key));
        Ok(is_there.then_some(()))
    })
    .await
}

#[tokio::test]
async fn deployed_stack_tells_its_addresses_and_keys() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let elsewhere = Elsewhere::of(&stack)?;

    let variables = elsewhere.text(&["env"]).await?;
    let console = elsewhere.text(&["open", "--print"]).await?;
    let unknown = elsewhere
        .command(&["env"])?
        .arg("--data-dir=x")
        .output()
        .await?;

    let keys = &stack.file.keys;
    for line in [
        format!("export URL='{}'", stack.file.base_url),
        format!("export KEY='{}'", keys.query),
        format!("export TRACK_KEY='{}'", keys.track),
    ] {
        ensure!(variables.lines().any(|found| found == line), "{variables}");
    }
    ensure!(!variables.contains("DATABASE_URL"), "{variables}");
    ensure!(
        console.trim() == format!("{}/console", stack.file.base_url),
        "{console}"
    );
    ensure!(unknown.status.code() == Some(2), "{}", unknown.status);
    Ok(())
}
