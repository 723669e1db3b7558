//! `cistern backfill`: fetches events that no webhook brought.

mod events_api;
mod fetching;
mod hours;
mod page;
mod sparkpost;

use std::process::ExitCode;

use anyhow::Result;

/// Where to fetch events from.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// From SparkPost's Events API
    #[command(
        long_about = "Fetches the events of a time range from SparkPost's Events API, hour by hour, and stores them as raw objects in the \
                      form of a webhook's batches, so that the stack loads and archives them. Events that the webhook brought are \
                      duplicates and change nothing, whatever the form of their times. Then waits until they are loaded, and prints \
                      how many were new. SparkPost keeps events for ten days, and its API has no relay, A/B test and ingest events.\n\n\
                      The key comes from the variable SPARKPOST_API_KEY or, with --key-stdin, from stdin, and needs SparkPost's \
                      permission \"Events Search: Read-only\". An interrupted backfill is continued by the same command. Exits \
                      with 3 if events were rejected, 4 if some are not loaded in time.",
        after_help = "Examples:\n  cistern backfill sparkpost --from 2026-01-30T22:00:00Z --to 2026-01-31T02:00:00Z --dry-run\n  \
                      SPARKPOST_API_KEY=… cistern backfill sparkpost --from 2026-01-30 --to 2026-01-31 --stack cistern\n  \
                      pass show sparkpost | cistern backfill sparkpost --from 2026-01-30 --key-stdin --url https://api.eu.sparkpost.com"
    )]
    Sparkpost(sparkpost::Options),
}

pub(crate) async fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Sparkpost(options) => sparkpost::run(options).await,
    }
}
