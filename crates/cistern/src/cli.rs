//! The commands and their options.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{down, exec, generate, send, status, tools, up};

/// Cistern on this machine: run it, look at it, feed it.
#[derive(Debug, Parser)]
#[command(name = "cistern", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the local stack up, or redeploy into the one that runs
    #[command(
        long_about = "Builds the functions, deploys template.yaml into an AWS emulator beside a real Postgres, and serves \
                      all routes on one origin. Over a running stack it redeploys. DATABASE_URL, when set, is used \
                      instead of the bundled Postgres.",
        after_help = "Examples:\n  cistern up\n  cistern up --detach --port 8080\n  cistern up --data-dir .local/second"
    )]
    Up(up::Options),
    /// Tell whether the stack answers, where, and what waits in its queues
    #[command(
        after_help = "Exit code 0 when the stack is up and healthy, 1 otherwise.\n\n\
                            Examples:\n  cistern status\n  cistern status --json | jq -r .stack.base_url"
    )]
    Status(status::Options),
    /// Stop what `cistern up` started, and nothing else
    #[command(after_help = "Data stays: the next `cistern up` goes on with it.\n\n\
                            Examples:\n  cistern down\n  cistern down --data-dir .local/second")]
    Down(down::Options),
    /// Run a command with the stack in its environment
    #[command(
        long_about = "Runs a command with DATABASE_URL, AWS_ENDPOINT_URL, AWS_REGION, credentials for the emulator and \
                      CISTERN_STACK_JSON set, and the bundled Postgres's programs on PATH. A stack that is not up is \
                      brought up for it and stopped afterwards. The exit code is that of the command.",
        after_help = "Examples:\n  cistern exec -- sh -c 'psql \"$DATABASE_URL\"'\n  \
                      cistern exec --data-dir .local/test --fresh -- cargo test --workspace"
    )]
    Exec(exec::Options),
    /// Install the pinned tools that the local stack needs
    #[command(
        long_about = "Installs the pinned tools that the local stack needs into .local/tools and prints where they are. \
                      `cistern up` does so by itself; when they are there, it needs no network.",
        after_help = "Examples:\n  cistern tools\n  $(cistern tools --json | jq -r .sam) validate --lint"
    )]
    Tools(tools::Options),
    /// Post files as SparkPost would
    #[command(
        long_about = "Posts each file as SparkPost would: as one webhook batch. A file that ends in .gz is sent with \
                      Content-Encoding: gzip. The batch's id is made of the file's bytes, so that sending a file twice \
                      is what a repeated delivery is.",
        after_help = "Examples:\n  cistern send events/sparkpost/*.json\n  \
                      cistern send batch.json --url https://…/webhooks/sparkpost --key KEY"
    )]
    Send(send::Options),
    /// Post made-up events
    #[command(subcommand)]
    Generate(generate::Command),
}

/// Does what the command line asks for.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Up(options) => up::run(options).await?,
        Command::Status(options) => status::run(&options).await?,
        Command::Down(options) => down::run(&options).await?,
        Command::Exec(options) => return exec::run(&options).await,
        Command::Tools(options) => tools::run(&options).await?,
        Command::Send(options) => send::run(&options).await?,
        Command::Generate(command) => generate::run(&command).await?,
    }
    Ok(ExitCode::SUCCESS)
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
