//! `cistern up`: runs all of Cistern on this machine.
//!
//! One process owns a data directory and runs the stack until it is told to stop ([`run`] in [`supervisor`]). Another `up` on the same
//! directory redeploys the running stack ([`redeploy`]). A lock keeps them from doing so at once, and both deploy in the same way
//! ([`rollout`]).

mod announcement;
mod athena;
mod build;
mod deploy;
mod destination;
mod detach;
mod emulator;
mod ports;
mod postgres;
mod redeploy;
mod reverse_proxy;
mod rollout;
mod sns;
mod supervisor;
mod template;

use std::{env, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::stack::{
    Secret, Stack,
    checkout::Checkout,
    data_dir::{DataDir, create_only_for_owner},
    down,
};

/// Options of `cistern up`.
#[derive(Clone, Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct Options {
    /// Run in the background and return as soon as the stack is ready
    #[arg(long)]
    detach: bool,

    /// Where the stack keeps its data [default: .local in the checkout]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Port of the origin of all routes [default: that of the last start, or any free one]
    #[arg(long)]
    port: Option<u16>,

    /// Stop a running stack, delete the stack's data, and start empty
    #[arg(long)]
    fresh: bool,

    /// Print the content of stack.json when ready
    #[arg(long)]
    json: bool,

    /// Detach from the terminal; set by --detach for the process that it starts
    #[arg(long, hide = true)]
    background: bool,
}

/// The inputs of `up`.
#[derive(Debug)]
struct Up {
    options: Options,
    checkout: Checkout,
    data_dir: DataDir,
    /// The Postgres to use instead of the bundled one.
    database_url: Option<Secret>,
}

/// Starts a stack in the background.
pub(crate) async fn in_background(data_dir: &DataDir, fresh: bool) -> Result<Stack> {
    let options = Options {
        detach: true,
        data_dir: Some(data_dir.path().to_owned()),
        port: None,
        fresh,
        json: false,
        background: false,
    };
    data_dir.create()?;
    detach::run(&options, data_dir).await
}

/// Starts the stack, or redeploys the running one.
pub(crate) async fn run(options: Options) -> Result<()> {
    let data_dir = DataDir::resolve(options.data_dir.as_deref())?;
    let checkout = Checkout::around_working_directory()?;
    create_only_for_owner();
    data_dir.create()?;
    if options.detach {
        let stack = detach::run(&options, &data_dir).await?;
        return announcement::print(&options, &data_dir, &stack);
    }
    if options.background {
        nix::unistd::setsid().context("detaching from the terminal")?;
    }
    if options.fresh {
        down::stop(&data_dir).await?;
    }
    let up = Up {
        options,
        checkout,
        data_dir,
        database_url: env::var("DATABASE_URL")
            .ok()
            .filter(|url| !url.is_empty())
            .map(Secret::new),
    };
    let lock = {
        let data_dir = up.data_dir.clone();
        tokio::task::spawn_blocking(move || data_dir.lock()).await??
    };
    match up.data_dir.try_own()? {
        Some(ownership) => supervisor::run(&up, ownership, lock).await,
        None => redeploy::run(&up, lock).await,
    }
}
