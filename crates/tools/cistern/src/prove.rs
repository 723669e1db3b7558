//! `cistern prove`: shows that every acknowledged event is stored, once, whatever fails.
//!
//! It starts a fresh local stack with proxies between the functions and everything that they call, sends events with known ids, and
//! makes calls fail, kills processes and repeats notifications meanwhile, all by a plan that a seed repeats ([`plan`]). Then it waits until
//! everything has come to rest, and compares every id with what each store has ([`compare`]).

mod caller;
mod compare;
mod dice;
mod disturb;
mod erasure;
mod events;
mod functions;
mod ledger;
mod merkle;
mod outcomes;
mod person;
mod plan;
mod proxy;
mod quiet;
mod report;
mod rig;
mod run;
mod sender;
mod signing;
mod stored;

use std::{env, fs, num::NonZeroU32, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::Command;

use self::plan::{Plan, Sizes};
use crate::{
    output::{line, still_running},
    stack::{checkout::Checkout, data_dir::DataDir, down, up},
    table::printable_lines,
};

/// Options of `cistern prove`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Different email events of all senders
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    email_events: u64,

    /// How many of a hundred email events other senders than SparkPost send
    #[arg(long, value_name = "PERCENT", default_value_t = 33, value_parser = clap::value_parser!(u64).range(..=100))]
    other_senders: u64,

    /// Different app events, posted like mParticle's
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    app_events: u64,

    /// Different product events, posted to /track
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    product_events: u64,

    /// Processes of functions to kill
    #[arg(long, value_name = "N", default_value_t = 20)]
    kills: u64,

    /// Calls to make fail, in addition to the failures of the destination itself
    #[arg(long, value_name = "N", default_value_t = 120)]
    faults: u64,

    /// Seed of the plan; the same seed repeats events, order, faults and kills
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Events to send per second
    #[arg(long, value_name = "N", default_value = "400")]
    rate: NonZeroU32,

    /// Minutes to wait until everything has come to rest
    #[arg(long, value_name = "MINUTES", default_value = "20")]
    timeout: NonZeroU32,

    /// Write a receipt, JSON with a Merkle root over all ids, to this file
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,

    /// Where the stack keeps its data, which is removed first [default: .local/prove in the checkout]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Print the receipt instead of the report
    #[arg(long)]
    json: bool,
}

impl Options {
    fn sizes(&self) -> Sizes {
        Sizes {
            email_events: self.email_events,
            other_senders_percent: self.other_senders,
            app_events: self.app_events,
            product_events: self.product_events,
            kills: self.kills,
            faults: self.faults,
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout.get()) * 60)
    }
}

/// Runs a proof. The exit code is 1 if it does not hold.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    ensure!(
        env::var_os("DATABASE_URL").is_none_or(|url| url.is_empty()),
        "DATABASE_URL is set; unset it, because the proof needs a database that is empty at the start"
    );
    let checkout = Checkout::around_working_directory()?;
    let folder = match &options.data_dir {
        Some(folder) => folder.clone(),
        None => checkout.default_data_dir().join("prove"),
    };
    let data_dir = DataDir::resolve(Some(&folder))?;
    let plan = Plan::new(options.seed, options.sizes());
    let commit = commit(&checkout).await;

    let stack = up::in_background(&data_dir, true).await?;
    let outcome = tokio::select! {
        outcome = run::prove(options, &plan, &data_dir, stack, commit) => outcome,
        signal = tokio::signal::ctrl_c() => match signal {
            Ok(()) => bail_interrupted(),
            Err(error) => Err(error).context("listening to signals"),
        },
    };
    down::stop(&data_dir).await?;
    outcome
}

fn bail_interrupted() -> Result<ExitCode> {
    bail!("interrupted")
}

/// Writes the receipt and prints the result.
fn publish(options: &Options, report: &report::Report<'_>) -> Result<ExitCode> {
    let receipt = serde_json::to_string_pretty(&report.receipt())?;
    if let Some(path) = &options.receipt {
        fs::write(path, format!("{receipt}\n"))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    still_running(if options.json {
        line!("{receipt}")
    } else {
        // A reason quotes what was sent.
        line!("{}", printable_lines(&report.text()))
    })?;
    Ok(if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The version of the sources, with `-dirty` if they are changed; `None` outside a Git checkout.
async fn commit(checkout: &Checkout) -> Option<String> {
    let output = Command::new("git")
        .current_dir(checkout.root())
        .args([
            "describe",
            "--always",
            "--dirty",
            "--abbrev=40",
            "--exclude=*",
        ])
        .output()
        .await
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
