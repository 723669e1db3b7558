//! One case: what was sent, the expected result and the actual one.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::raw;
use crate::stack::{ARRIVAL, Stack, eventually};

/// The hours of most cases' events.
pub(super) const RANGE: &str = "from=2026-11-29T09:00:00Z&to=2026-11-29T11:00:00Z";

pub(super) struct Run<'a> {
    pub(super) stack: &'a Stack,
    pub(super) name: &'a str,
    folder: PathBuf,
    steps: Vec<Step>,
}

struct Step {
    sent: String,
    expected: String,
    came: String,
    is_right: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(stack: &'a Stack, cases: &Path, name: &'a str) -> Self {
        Self {
            stack,
            name,
            folder: cases.join(name),
            steps: Vec::new(),
        }
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    pub(super) fn read(&self, file: &str) -> Result<Vec<u8>> {
        std::fs::read(self.path(file)).with_context(|| format!("{}/{file}", self.name))
    }

    /// Records a step with its expected outcome.
    pub(super) fn expect(
        &mut self,
        sent: impl Display,
        expected: impl Display,
        came: impl Display,
    ) {
        let (expected, came) = (expected.to_string(), came.to_string());
        let is_right = expected == came;
        self.note(sent, expected, came, is_right);
    }

    /// Records a step whose outcome was checked.
    pub(super) fn note(
        &mut self,
        sent: impl Display,
        expected: impl Display,
        came: impl Display,
        is_right: bool,
    ) {
        self.steps.push(Step {
            sent: sent.to_string(),
            expected: expected.to_string(),
            came: came.to_string(),
            is_right,
        });
    }

    pub(super) fn failed(&mut self, error: &anyhow::Error) {
        self.note("", "an outcome", format!("{error:#}"), false);
    }

    /// Whether every step passed. A case without a step proves nothing.
    pub(super) fn is_right(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.is_right)
    }

    /// A row for each step.
    pub(super) fn print(&self) {
        for Step {
            sent,
            expected,
            came,
            is_right,
        } in &self.steps
        {
            let verdict = if *is_right { "right" } else { "WRONG" };
            let cut = |text: &str| {
                text.chars()
                    .take(160)
                    .collect::<String>()
                    .replace('\n', " ")
            };
            println!(
                "| {} | {} | {} | {} | {verdict} |",
                self.name,
                cut(sent),
                cut(expected),
                cut(came)
            );
        }
    }

    /// Posts a body to SparkPost's webhook and waits for its result: status, events received and rejected.
    pub(super) async fn batch(
        &mut self,
        file: &str,
        headers: &[(&str, &str)],
        expected: &str,
    ) -> Result<()> {
        let body = self.read(file)?;
        let came = self.posted(body, headers).await?;
        let named: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        self.expect(format!("{file} {named:?}"), expected, came);
        Ok(())
    }

    pub(super) async fn posted(&self, body: Vec<u8>, headers: &[(&str, &str)]) -> Result<String> {
        let (status, receipt) =
            raw::post(self.stack, "/webhooks/sparkpost", &body, headers).await?;
        let receipt: Value = serde_json::from_str(&receipt).unwrap_or_default();
        let Some(batch) = receipt["batch"].as_str() else {
            return Ok(format!("{status} {receipt}"));
        };
        let (received, rejected) = eventually("a batch to be loaded", ARRIVAL, async || {
            let row: Option<(i32, i32)> =
                sqlx::query_as("select events, rejected from batches where batch_key = $1")
                    .bind(batch)
                    .fetch_optional(&self.stack.db)
                    .await?;
            Ok(row)
        })
        .await?;
        Ok(format!(
            "{status}, {received} received, {rejected} rejected"
        ))
    }

    /// GETs with the query key: the status and the body as JSON.
    pub(super) async fn get(&self, path_and_query: &str) -> Result<(u16, Value)> {
        let (status, body) = raw::send(
            self.stack,
            "GET",
            path_and_query,
            &[("authorization", &self.stack.file.keys.query)],
        )
        .await?;
        Ok((
            status,
            serde_json::from_str(&body).unwrap_or(Value::String(body)),
        ))
    }

    /// The number of events that a search finds.
    pub(super) async fn found(&mut self, query: &str, expected: u64) -> Result<()> {
        let (status, answer) = self.get(&format!("/api/v1/events/message?{query}")).await?;
        let came = format!("{status}, {}", answer["total_count"]);
        self.expect(query, format!("200, {expected}"), came);
        Ok(())
    }

    /// A GET with the expected status and the expected value at a JSON pointer.
    pub(super) async fn value(
        &mut self,
        path_and_query: &str,
        pointer: &str,
        status: u16,
        expected: Value,
    ) -> Result<()> {
        let (came, answer) = self.get(path_and_query).await?;
        let part = answer.pointer(pointer).cloned().unwrap_or_default();
        self.expect(
            path_and_query,
            format!("{status} {expected}"),
            format!("{came} {part}"),
        );
        Ok(())
    }

    /// A ping to SparkPost's webhook, or with another path or credential.
    pub(super) async fn ping(
        &mut self,
        path: &str,
        authorization: &str,
        expected: u16,
    ) -> Result<()> {
        let headers = [
            ("authorization", authorization),
            ("content-type", "application/json"),
        ];
        let (status, _) =
            raw::exchange(self.stack, "POST", path, &headers, b"[{\"msys\":{}}]").await?;
        let scheme = authorization.split(' ').next().unwrap_or_default();
        let scheme = if scheme.len() < 20 { scheme } else { "a key" };
        self.expect(format!("POST {path} with {scheme}"), expected, status);
        Ok(())
    }

    /// Any request; only the class of its status matters.
    pub(super) async fn never_5xx(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<()> {
        let (status, _) = raw::send(self.stack, method, path, headers).await?;
        self.note(format!("{method} {path}"), "no 5xx", status, status < 500);
        Ok(())
    }

    /// Runs `cistern forward --dry-run` over a file of the case.
    pub(super) async fn dry_run(&self, file: &str, more: &[&str]) -> Result<Value> {
        let output = tokio::process::Command::new(crate::operator::program()?)
            .args(["forward", "--dry-run", "--json"])
            .arg(self.path(file))
            .args(more)
            .current_dir(&self.folder)
            .output()
            .await?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}
