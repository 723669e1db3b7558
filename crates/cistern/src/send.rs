//! `cistern send`: posts files as SparkPost would.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::webhook::{Answer, Body, Target};

/// What `cistern send` is asked to do.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Webhook bodies
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    target: Target,

    /// Print one JSON object a file
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let webhook = options.target.webhook()?;
    let mut refused = 0_usize;
    for file in &options.files {
        let answer = webhook.post(read(file)?).await?;
        report(options, file, answer);
        if !answer.is_accepted() {
            refused += 1;
        }
    }
    ensure!(
        refused == 0,
        "{refused} of {} files were refused",
        options.files.len()
    );
    Ok(())
}

fn read(file: &Path) -> Result<Body> {
    let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let is_gzip = file.extension().is_some_and(|extension| extension == "gz");
    Ok(Body { bytes, is_gzip })
}

fn report(options: &Options, file: &Path, answer: Answer) {
    let Answer { status, time } = answer;
    let duration_ms = time.as_millis();
    if options.json {
        let line = json!({
            "file": file,
            "status": status.as_u16(),
            "duration_ms": u64::try_from(duration_ms).unwrap_or(u64::MAX),
        });
        println!("{line}");
    } else {
        println!(
            "{} {duration_ms:>5} ms  {}",
            status.as_u16(),
            file.display()
        );
    }
}
