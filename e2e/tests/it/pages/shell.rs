//! One shell for the commands of a page.

use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::page::Block;
use crate::operator::{data_dir, program};
use crate::stack::{ARRIVAL, repository_root};

/// The slowest command copies the lake of a whole test run.
const LIMIT: Duration = Duration::from_mins(5);
const PROGRAM: &str = "target/debug/cistern";

/// Reads the names of files with commands, and marks the end of each by a NUL. A failing command ends the shell, and so
/// does an unset variable, and an HTTP status of 400 and more.
const DRIVER: &str = r#"
set -euo pipefail
curl() { command curl --fail-with-body "$@"; }
exec 3<&0 </dev/null
while IFS= read -r -u 3 file; do
    . "$file"
    printf '\0'
done
"#;

/// A shell in a new folder inside the checkout, as the commands require.
pub(super) struct Shell {
    /// How long the output may differ from the page.
    pub(super) time_limit: Duration,
    folder: TempDir,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Killed when it is dropped.
    _process: Child,
}

impl Shell {
    pub(super) fn start() -> Result<Self> {
        let local = repository_root().join(".local");
        std::fs::create_dir_all(&local)?;
        let folder = tempfile::Builder::new()
            .prefix("pages-")
            .tempdir_in(&local)?;
        std::os::unix::fs::symlink(
            repository_root().join("events"),
            folder.path().join("events"),
        )?;
        let mut shell = Command::new("bash")
            .args(["-c", DRIVER])
            .current_dir(folder.path())
            .env("CISTERN_DATA_DIR", data_dir()?)
            // Variables that the page itself has to set.
            .env_remove("DATABASE_URL")
            .env_remove("URL")
            .env_remove("KEY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join("stderr"))?)
            .kill_on_drop(true)
            .spawn()
            .context("starting bash")?;
        Ok(Self {
            time_limit: ARRIVAL,
            folder,
            input: shell.stdin.take().context("a pipe")?,
            output: BufReader::new(shell.stdout.take().context("a pipe")?),
            _process: shell,
        })
    }

    /// Runs a block until its output matches the page.
    pub(super) async fn run_until_expected(&mut self, block: &Block) -> Result<()> {
        let deadline = Instant::now() + self.time_limit;
        loop {
            let output = self.run(&block.commands).await?;
            if block.is_expected(&output) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the page shows something else than\n{output}");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn run(&mut self, commands: &str) -> Result<String> {
        let program = program()?;
        let commands = commands.replace(PROGRAM, &program.to_string_lossy());
        let file = self.folder.path().join("commands.sh");
        std::fs::write(&file, commands)?;
        self.input
            .write_all(format!("{}\n", file.display()).as_bytes())
            .await?;
        let mut output = Vec::new();
        timeout(LIMIT, self.output.read_until(0, &mut output))
            .await
            .with_context(|| format!("it takes more than {LIMIT:?}"))??;
        let is_whole = output.pop() == Some(0);
        let text = String::from_utf8_lossy(&output).into_owned();
        if !is_whole {
            let errors = std::fs::read_to_string(self.folder.path().join("stderr"))?;
            bail!("a command failed:\n{text}\n{errors}");
        }
        Ok(text)
    }
}
