//! `cistern down`: stops a stack.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;

use crate::output::line;
use crate::{
    progress::Step,
    stack::{
        data_dir::DataDir,
        process::{Records, stop_leftovers, wait_for},
    },
};

/// Longer than the time limit of each service's end.
const LIMIT: Duration = Duration::from_mins(1);

/// Options of `cistern down`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the stack keeps its data [default: .local in the checkout]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Print what was stopped as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let data_dir = DataDir::resolve(options.data_dir.as_deref())?;
    let step = Step::start("stop");
    let stopped = stop(&data_dir).await?;
    if stopped.is_empty() {
        step.done("nothing was running");
    } else {
        step.done(stopped.join(", "));
    }
    if options.json {
        line!("{}", serde_json::json!({ "stopped": stopped }))?;
    }
    Ok(())
}

/// Asks the owner to stop everything, or stops what a crashed owner left running. Then restricts the permissions of what remains.
pub(crate) async fn stop(data_dir: &DataDir) -> Result<Vec<String>> {
    if !data_dir.is_owned()? {
        let stopped = stop_leftovers(data_dir).await?;
        data_dir.restrict()?;
        return Ok(stopped);
    }
    let records = Records::read(data_dir)?;
    let owner = records
        .get("cistern")
        .context("the running stack has no record in processes.json")?;
    owner.signal(Signal::SIGTERM);
    wait_for("the stack to stop", LIMIT, async || {
        Ok((!data_dir.is_owned()?).then_some(()))
    })
    .await?;
    // The emulator writes its state when it ends.
    data_dir.restrict()?;
    Ok(records.pids().into_keys().collect())
}
