//! The snippets of docs/trackers.md.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::{process::Command, time::timeout};

use crate::stack::repository_root;

/// The time limit for a library's requests, with its retries.
const TIME_LIMIT: Duration = Duration::from_mins(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Node,
    Python,
    Html,
}

impl Language {
    /// The languages of code blocks on the page.
    const fn mark(self) -> &'static str {
        match self {
            Self::Node => "js",
            Self::Python => "python",
            Self::Html => "html",
        }
    }
}

/// A block of code.
pub(super) struct Snippet {
    language: Language,
    code: String,
}

impl Snippet {
    /// The block under a heading.
    pub(super) fn under(heading: &str, language: Language) -> Result<Self> {
        let page = std::fs::read_to_string(repository_root().join("docs/trackers.md"))?;
        let code = page
            .split_once(&format!("\n## {heading}\n"))
            .and_then(|(_, rest)| rest.split_once(&format!("```{}\n", language.mark())))
            .and_then(|(_, rest)| rest.split_once("```"))
            .with_context(|| format!("docs/trackers.md has no code under {heading}"))?;
        Ok(Self {
            language,
            code: code.0.to_owned(),
        })
    }

    /// The code for this stack, key and user.
    pub(super) fn filled(&self, url: &str, key: &str, user: &str) -> String {
        self.code
            .replace("https://cistern.example", url)
            .replace("<track key>", key)
            .replace("<page key>", key)
            .replace("u-1", user)
    }

    /// Runs it to its end.
    pub(super) async fn run(&self, url: &str, key: &str, user: &str) -> Result<()> {
        let tools = repository_root().join(".local/tools/clients");
        let program = match self.language {
            Language::Node => "node/bin/node",
            Language::Python | Language::Html => "trackers/bin/python",
        };
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("snippet");
        std::fs::write(&file, self.filled(url, key, user))?;
        let process = Command::new(tools.join(program))
            .arg(&file)
            .env("NODE_PATH", tools.join("trackers/node_modules"))
            .env_remove("PYTHONHOME")
            .env_remove("PYTHONPATH")
            .kill_on_drop(true)
            .output();
        let output = timeout(TIME_LIMIT, process)
            .await
            .context("the library did not end")?
            .context("starting the library: .ci/test-tools installs it")?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}
