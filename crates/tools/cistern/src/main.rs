//! Parses the command line and turns its outcome into an exit code.

use std::process::ExitCode;

use cistern::cli::{self, Cli};
use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            // It may quote what a sender sent.
            eprintln!("error: {}", cli::printable_error(&error));
            ExitCode::FAILURE
        }
    }
}
