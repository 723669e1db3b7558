//! The `psql` program: the loader is compared with it, and it reads the database from outside the store.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};

/// A database, accessed with `psql`.
#[derive(Clone, Debug)]
pub(crate) struct Psql {
    program: OsString,
    url: String,
}

impl Psql {
    /// The program in the variable `PSQL`, else `psql` in `PATH`.
    pub(crate) fn new(url: String) -> Self {
        let program = env::var_os("PSQL").unwrap_or_else(|| "psql".into());
        Self { program, url }
    }

    /// Runs statements and returns their output, columns separated by `|`.
    pub(crate) fn run(&self, sql: &str) -> Result<String> {
        let output = self.execute(["--tuples-only", "--no-align", "--command", sql])?;
        Ok(String::from_utf8(output.stdout)
            .context("reading the output of psql")?
            .trim()
            .to_owned())
    }

    /// Copies files into `email_events`, each in its own transaction, all on one connection.
    pub(crate) fn copy_into_events(&self, files: &[PathBuf], folder: &Path) -> Result<()> {
        let lines: Vec<_> = files
            .iter()
            .map(|file| {
                format!(
                    r"\copy email_events from '{}' (format binary)",
                    file.display()
                )
            })
            .collect();
        let script = folder.join("copy.sql");
        fs::write(&script, lines.join("\n")).context("writing the script for psql")?;
        self.execute(["--file".into(), script.into_os_string()])?;
        Ok(())
    }

    fn execute<A: Into<OsString>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Output> {
        let output = Command::new(&self.program)
            .args([
                "--no-psqlrc",
                "--quiet",
                "--set",
                "ON_ERROR_STOP=1",
                "--dbname",
            ])
            .arg(&self.url)
            .args(arguments.into_iter().map(Into::into))
            .output()
            .with_context(|| format!("running {}", self.program.display()))?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "psql failed: {}", complaint.trim());
        Ok(output)
    }
}
