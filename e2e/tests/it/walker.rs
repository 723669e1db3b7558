//! A search, walked page by page by one of SparkPost's own clients in a separate process.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::stack::{Stack, repository_root};

/// The time limit for one page, on a busy machine.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// A published client and the way it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    NodeEvents,
    NodeMessageEvents,
    PythonByCursor,
    PythonByPageNumber,
}

impl Client {
    /// The program, its script and the script's name for the way of paging.
    const fn command(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::NodeEvents => ("node/bin/node", "node/walk.js", "events.searchMessage"),
            Self::NodeMessageEvents => ("node/bin/node", "node/walk.js", "messageEvents.search"),
            Self::PythonByCursor => ("python/bin/python", "python/walk.py", "cursor"),
            Self::PythonByPageNumber => ("python/bin/python", "python/walk.py", "page"),
        }
    }
}

/// A page as the client returned it.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) event_ids: Vec<String>,
    /// `None` if the client does not report it.
    pub(crate) total_count: Option<u64>,
    pub(crate) is_last: bool,
}

/// A running walk. It waits between two pages until the next is requested.
pub(crate) struct Walker {
    process: Child,
    turns: ChildStdin,
    pages: Lines<BufReader<ChildStdout>>,
}

impl Walker {
    /// Starts a client, which fetches its first page at once.
    pub(crate) fn start(stack: &Stack, client: Client, parameters: &Value) -> Result<Self> {
        let (program, script, way) = client.command();
        let tools = repository_root().join(".local/tools/clients");
        let program = tools.join(program);
        ensure!(
            program.is_file() && tools.join("stamp").is_file(),
            "SparkPost's clients are not installed: run .ci/test-tools, as `make test` does"
        );

        let mut process = Command::new(&program)
            .arg(repository_root().join("e2e/clients").join(script))
            .args([&stack.file.base_url, way, &parameters.to_string()])
            .env("SPARKPOST_API_KEY", &stack.file.keys.query)
            .env("NODE_PATH", tools.join("node/node_modules"))
            .env_remove("PYTHONHOME")
            .env_remove("PYTHONPATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let turns = process.stdin.take().context("its input is piped")?;
        let pages = process.stdout.take().context("its output is piped")?;
        Ok(Self {
            process,
            turns,
            pages: BufReader::new(pages).lines(),
        })
    }

    /// The page that the client has fetched, or is fetching.
    pub(crate) async fn page(&mut self) -> Result<Page> {
        let line = timeout(TIME_LIMIT, self.pages.next_line())
            .await
            .context("the client took too long for a page")??;
        match line {
            Some(line) => serde_json::from_str(&line).with_context(|| format!("in {line}")),
            None => bail!("the client ended: {}", self.complaint().await?),
        }
    }

    /// Lets the client fetch the page after this one.
    pub(crate) async fn turn(&mut self) -> Result<()> {
        Ok(self.turns.write_all(b"\n").await?)
    }

    /// Waits for the end of the client, which exits after the last page.
    pub(crate) async fn finish(mut self) -> Result<()> {
        drop(self.turns);
        let status = timeout(TIME_LIMIT, self.process.wait())
            .await
            .context("the client did not end")??;
        ensure!(status.success(), "the client ended with {status}");
        Ok(())
    }

    async fn complaint(&mut self) -> Result<String> {
        let mut text = String::new();
        if let Some(mut stderr) = self.process.stderr.take() {
            stderr.read_to_string(&mut text).await?;
        }
        Ok(text)
    }
}
