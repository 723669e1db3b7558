//! A deployed function, through the Lambda API of the emulator.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::aws::root;
use crate::stack::Stack;

/// Longer than any function may run.
const LONGEST_RUN: Duration = Duration::from_mins(16);

pub(crate) struct Function<'a> {
    stack: &'a Stack,
    /// The deployed name.
    pub(crate) name: &'a str,
}

impl<'a> Function<'a> {
    pub(crate) fn named(stack: &'a Stack, crate_name: &str) -> Result<Self> {
        let name = stack
            .file
            .functions
            .get(crate_name)
            .context("stack.json names the function")?;
        Ok(Self { stack, name })
    }

    pub(crate) async fn environment(&self) -> Result<Value> {
        Ok(self.configuration().await?["Environment"]["Variables"].clone())
    }

    /// Its log group.
    pub(crate) async fn log_group(&self) -> Result<String> {
        let configuration = self.configuration().await?;
        let group = configuration["LoggingConfig"]["LogGroup"].as_str();
        Ok(group.context("the function's log group")?.to_owned())
    }

    /// Its configuration in Lambda.
    pub(crate) async fn configuration(&self) -> Result<Value> {
        let answer = self
            .stack
            .http
            .get(self.url("configuration"))
            .header("authorization", root(&self.stack.file, "lambda"))
            .send()
            .await?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }

    pub(crate) async fn set_environment(&self, variables: &Value) -> Result<()> {
        self.configure(&json!({"Environment": {"Variables": variables}}))
            .await
    }

    /// Changes settings, by their names in `UpdateFunctionConfiguration`.
    pub(crate) async fn configure(&self, settings: &Value) -> Result<()> {
        let answer = self
            .stack
            .http
            .put(self.url("configuration"))
            .header("authorization", root(&self.stack.file, "lambda"))
            .body(settings.to_string())
            .send()
            .await?;
        ensure!(
            answer.status().is_success(),
            "updating {}: {}",
            self.name,
            answer.status()
        );
        Ok(())
    }

    /// Invokes it and waits for its response.
    pub(crate) async fn invoke(&self, event: &Value) -> Result<Value> {
        let answer = self
            .stack
            .http
            .post(self.url("invocations"))
            .header("authorization", root(&self.stack.file, "lambda"))
            .body(event.to_string())
            .send()
            .await?;
        let has_failed = answer.headers().contains_key("x-amz-function-error");
        let text = answer.text().await?;
        ensure!(!has_failed, "{text}");
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Runs a scheduled function and waits: its response, or `None` if it failed or was throttled.
    pub(crate) async fn tick(&self) -> Result<Option<Value>> {
        let answer = self
            .stack
            .http
            .post(self.url("invocations"))
            .timeout(LONGEST_RUN)
            .header("authorization", root(&self.stack.file, "lambda"))
            .body("{}")
            .send()
            .await?;
        let has_run =
            answer.status().is_success() && !answer.headers().contains_key("x-amz-function-error");
        let body = answer.bytes().await?;
        Ok(if has_run {
            Some(serde_json::from_slice(&body)?)
        } else {
            None
        })
    }

    /// The processes in which the emulator currently runs it.
    pub(crate) fn processes(&self) -> Result<Vec<u32>> {
        let variable = format!("AWS_LAMBDA_FUNCTION_NAME={}", self.name);
        let parent = format!("PPid:\t{}\n", self.stack.file.pids.emulator);
        let mut processes = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let pid = path
                .file_name()
                .and_then(|name| name.to_str()?.parse::<u32>().ok());
            // A process may end in between.
            let read = |file: &str| std::fs::read(path.join(file)).unwrap_or_default();
            let is_ours = String::from_utf8_lossy(&read("status")).contains(&parent)
                && read("environ")
                    .split(|byte| *byte == 0)
                    .any(|found| found == variable.as_bytes());
            processes.extend(pid.filter(|_| is_ours));
        }
        Ok(processes)
    }

    fn url(&self, what: &str) -> String {
        let endpoint = &self.stack.file.aws_endpoint_url;
        format!("{endpoint}/2015-03-31/functions/{}/{what}", self.name)
    }
}
