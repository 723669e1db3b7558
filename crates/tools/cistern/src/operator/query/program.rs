//! The Python program that runs `DuckDB`: one line of JSON per request and per response.

use std::{path::Path, process::Stdio};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

const PROGRAM: &str = include_str!("../../../python/query.py");

/// A running program. Dropping it ends the program.
#[derive(Debug)]
pub(super) struct Program {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    Failed { error: String },
    Given(T),
}

impl Program {
    pub(super) fn start(python: &Path) -> Result<Self> {
        let mut child = Command::new(python)
            .args(["-I", "-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", python.display()))?;
        let requests = child.stdin.take().context("stdin is piped")?;
        let answers = child.stdout.take().context("stdout is piped")?;
        Ok(Self {
            child,
            requests,
            answers: BufReader::new(answers),
        })
    }

    /// Sends a request and waits for its response.
    ///
    /// # Errors
    /// `DuckDB`'s message, in one line, when it cannot execute the request.
    pub(super) async fn ask<T: DeserializeOwned>(
        &mut self,
        request: &serde_json::Value,
    ) -> Result<T> {
        let request = format!("{request}\n");
        let sent = self.requests.write_all(request.as_bytes()).await;
        sent.context("asking DuckDB")?;
        let mut line = String::new();
        let read = self.answers.read_line(&mut line).await;
        if read.context("waiting for DuckDB")? == 0 {
            let status = self.child.wait().await.context("waiting for DuckDB")?;
            bail!("DuckDB ended: {status}");
        }
        match serde_json::from_str(&line).context("reading DuckDB's answer")? {
            Answer::Failed { error } => bail!("DuckDB: {error}"),
            Answer::Given(answer) => Ok(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_errors_are_told_apart() {
        let given: Answer<Vec<u8>> = serde_json::from_str("[7]").unwrap();
        let failed: Answer<Vec<u8>> = serde_json::from_str(r#"{"error":"Parser Error"}"#).unwrap();

        assert!(matches!(given, Answer::Given(bytes) if bytes == [7]));
        assert!(matches!(failed, Answer::Failed { error } if error == "Parser Error"));
    }

    #[tokio::test]
    async fn a_program_that_ends_is_told_of() {
        let mut program = Program::start(Path::new("false")).unwrap();

        let error = program
            .ask::<Vec<u8>>(&serde_json::json!({}))
            .await
            .unwrap_err();

        // Either of the two may be noticed first.
        let text = format!("{error:#}");
        assert!(
            text.contains("DuckDB ended") || text.contains("asking DuckDB"),
            "{text}"
        );
    }
}
