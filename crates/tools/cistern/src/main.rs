//! Parses the command line and turns its outcome into an exit code.

use std::process::ExitCode;

use cistern::cli::{self, Cli};
use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    // The future holds the state of the largest command, which is too much for a stack.
    match Box::pin(cli::run(Cli::parse())).await {
        Ok(code) => code,
        // Such as `head`, which has seen enough.
        Err(error) if cli::is_reader_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // It may quote what a sender sent.
            eprintln!("error: {}", cli::printable_error(&error));
            ExitCode::FAILURE
        }
    }
}
