//! The commands and their options.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{
    operator::{cost, env, forward, generate, keys, query, replay, send, status},
    stack::{down, exec, tools, up},
    table,
};

/// Runs Cistern on this machine, sends events to it, and operates deployed stacks.
#[derive(Debug, Parser)]
#[command(name = "cistern", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the local stack, or redeploy the running one
    #[command(
        long_about = "Builds the functions, deploys template.yaml into an AWS emulator beside a real Postgres, and serves \
                      all routes on one origin. A running stack is redeployed. If DATABASE_URL is set, that database is used \
                      instead of the bundled Postgres.",
        after_help = "Examples:\n  cistern up\n  cistern up --detach --port 8080\n  cistern up --data-dir .local/second"
    )]
    Up(up::Options),
    /// Show whether the stack responds, its addresses, and the messages in its queues
    #[command(
        after_help = "Exit code 0 if the stack is up and healthy, 1 otherwise.\n\n\
                            Examples:\n  cistern status\n  cistern status --json | jq -r .stack.base_url"
    )]
    Status(status::Options),
    /// Stop what `cistern up` started, and nothing else
    #[command(after_help = "The data is kept for the next `cistern up`.\n\n\
                            Examples:\n  cistern down\n  cistern down --data-dir .local/second")]
    Down(down::Options),
    /// Print the local stack's URLs and keys as shell variables
    #[command(
        long_about = "Prints `export` lines for a POSIX shell: URL, KEY (of searches), SPARKPOST_KEY, MPARTICLE_KEY, TRACK_KEY, \
                      ITERABLE_URL and DATABASE_URL.",
        after_help = "Examples:\n  eval \"$(cistern env)\"\n  eval \"$(cistern env --data-dir .local/second)\""
    )]
    Env(env::Options),
    /// Run a command with the stack in its environment
    #[command(
        long_about = "Runs a command with DATABASE_URL, AWS_ENDPOINT_URL, AWS_REGION, credentials for the emulator and \
                      CISTERN_STACK_JSON set, and the programs of the bundled Postgres on PATH. If no stack is up, one is \
                      started for the command and stopped afterwards. The exit code is that of the command.",
        after_help = "Examples:\n  cistern exec -- sh -c 'psql \"$DATABASE_URL\"'\n  \
                      cistern exec --data-dir .local/test --fresh -- cargo test --workspace"
    )]
    Exec(exec::Options),
    /// Install the pinned tools that the local stack needs
    #[command(
        long_about = "Installs the pinned tools that the local stack needs into .local/tools and prints their paths. \
                      `cistern up` does this itself; once they are installed, it needs no network.",
        after_help = "Examples:\n  cistern tools\n  $(cistern tools --json | jq -r .sam) validate --lint"
    )]
    Tools(tools::Options),
    /// Post files like SparkPost or mParticle
    #[command(
        long_about = "Posts each file like SparkPost, as one webhook batch. A file that ends in .gz is sent with \
                      Content-Encoding: gzip. The batch id is the hash of the file, so sending a file twice is a repeated \
                      delivery. Then waits until the local stack has loaded it, and prints how many of its events are stored and \
                      why others are rejected. With --mparticle, posts each file like mParticle. \
                      Exits with 0 if everything is loaded, 1 if something was refused, 3 if events were rejected, 4 if \
                      something is not loaded in time.",
        after_help = "Examples:\n  cistern send events/sparkpost/*.json\n  \
                      cistern send --mparticle events/mparticle/one-screen-view.json\n  \
                      cistern send batch.json --url https://…/webhooks/sparkpost --key KEY"
    )]
    Send(send::Options),
    /// Post generated events
    #[command(subcommand)]
    Generate(generate::Command),
    /// Run the forwarder now, or show how app events would be forwarded
    #[command(
        long_about = "Runs the stack's forwarder now instead of on schedule, and prints its report. With --dry-run, \
                      sends nothing and needs no stack: shows the request of each event in the files, or why the event \
                      would not be sent. A file is a webhook body, one body per line, or an archived object of raw/mparticle/.",
        after_help = "Examples:\n  cistern forward\n  cistern forward --dry-run events/mparticle/purchase.json\n  \
                      cistern forward --dry-run batch.json --mapping mapping.json --json | jq .rejected"
    )]
    Forward(forward::Options),
    /// Query the lake with SQL
    #[command(
        long_about = "Runs one statement over the lake (tables product_events, email_events, app_events) and prints its result, \
                      the bytes read and their price. In AWS it runs in Athena, in the stack's workgroup \
                      and within its limit; for the local stack in DuckDB, over the same tables and the same views that \
                      shows each event once.",
        after_help = "Examples:\n  cistern query \"select event, count(*) as n from product_events group by event\"\n  \
                      cistern query --list\n  cistern query --named top_events --stack cistern\n  \
                      cistern query --json \"select max(datetime) from product_events\" | jq -r '.rows[0][0]'"
    )]
    Query(query::Options),
    /// Process stored objects again
    #[command(
        long_about = "Sends notifications about stored objects to the queue that S3 notified when they arrived: the loader \
                      loads them into Postgres, the archiver converts them to Parquet. Events already stored are unchanged, so \
                      replaying twice is safe. Without --run it only prints what it would send. Objects in the plain \
                      layout of older buckets (analytics_raw/YYYY/MM/DD/HH/) are included; the archiver accepts none from \
                      before its first day (LakeFirstDay).",
        after_help = "Examples:\n  cistern replay raw/sparkpost/ --from 2026-01-01 --to 2026-02-01\n  \
                      cistern replay raw/track/ --from 2026-01-31T12:00:00Z --run\n  \
                      cistern replay analytics_raw/2025/ --bucket old-analytics --stack cistern --run"
    )]
    Replay(replay::Options),
    /// Print the key of each scope, or create new ones
    #[command(
        long_about = "Prints the key of each scope, which senders and clients present. `rotate` creates new keys.",
        after_help = "Examples:\n  cistern keys\n  cistern keys --stack cistern --json | jq -r .current.query\n  \
                      cistern keys rotate --stack cistern"
    )]
    Keys(keys::Options),
    /// Compute what a month costs, by item
    #[command(
        long_about = "Computes the cost of a month in US dollars at list prices: what the stack uses for the given events, \
                      requests and queries, beside the published design that product events follow. The defaults are \
                      that design's month. This command also writes docs/cost.md, which explains the figures.",
        after_help = "Examples:\n  cistern cost\n  cistern cost --events 2B --events-per-request 10 --shape click\n  \
                      cistern cost --events 0 --email-events 5M --database small\n  \
                      cistern cost --json | jq .total_usd"
    )]
    Cost(cost::Options),
}

/// Runs the command.
///
/// # Errors
/// The command failed.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Up(options) => up::run(options).await?,
        Command::Status(options) => status::run(&options).await?,
        Command::Down(options) => down::run(&options).await?,
        Command::Env(options) => env::run(&options)?,
        Command::Exec(options) => return exec::run(&options).await,
        Command::Tools(options) => tools::run(&options).await?,
        Command::Send(options) => return send::run(&options).await,
        Command::Generate(command) => generate::run(&command).await?,
        Command::Forward(options) => forward::run(&options).await?,
        Command::Query(options) => query::run(&options).await?,
        Command::Replay(options) => replay::run(&options).await?,
        Command::Keys(options) => keys::run(&options).await?,
        Command::Cost(options) => cost::run(&options)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// An error with its causes, safe to print on a terminal.
pub fn printable_error(error: &anyhow::Error) -> String {
    table::printable_lines(&format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
