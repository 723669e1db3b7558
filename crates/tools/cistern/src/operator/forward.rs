//! `cistern forward`: runs the forwarder, or shows what it would do.

mod dry_run;
pub(crate) mod run_now;

use std::path::PathBuf;

use anyhow::Result;

/// Options of `cistern forward`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Show how the events of these files would be mapped, and send nothing
    #[arg(long, requires = "files")]
    dry_run: bool,

    /// Webhook bodies, with --dry-run
    #[arg(value_name = "FILE", requires = "dry_run")]
    files: Vec<PathBuf>,

    /// The mapping of events, like the forwarder's MAPPING [default: {}]
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    mapping: Option<PathBuf>,

    /// Age in hours from which events are too old to be sent
    #[arg(long, value_name = "HOURS", requires = "dry_run")]
    max_event_age_hours: Option<u32>,

    /// Where the local stack keeps its data [default: .local in the checkout]
    #[arg(long, value_name = "DIR", conflicts_with = "dry_run")]
    data_dir: Option<PathBuf>,

    /// Print one JSON object, or one per file
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    if options.dry_run {
        dry_run::show(options)
    } else {
        run_now::invoke(options).await
    }
}
