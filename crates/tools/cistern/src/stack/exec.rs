//! `cistern exec`: runs a command with the stack in its environment.

use std::{env, ffi::OsString, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use aws_io::LOCAL_KEY;
use nix::sys::signal::Signal;
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use crate::stack::{
    Stack, checkout::Checkout, data_dir::DataDir, down, process::Identity, tools, up,
};

/// Options of `cistern exec`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the stack keeps its data [default: .local in the checkout]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Stop a running stack and start without any data
    #[arg(long)]
    fresh: bool,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let data_dir = DataDir::resolve(options.data_dir.as_deref())?;
    let was_running = data_dir.is_owned()? && !options.fresh;
    let running = if was_running {
        Stack::read(&data_dir.stack_json())?
    } else {
        None
    };
    let stack = match running {
        Some(stack) => stack,
        // No stack, or one that is not ready yet, for which this waits.
        None => up::in_background(&data_dir, options.fresh).await?,
    };
    let outcome = execute(options, &data_dir, &stack).await;
    if !was_running {
        down::stop(&data_dir).await?;
    }
    outcome
}

async fn execute(options: &Options, data_dir: &DataDir, stack: &Stack) -> Result<ExitCode> {
    let (program, arguments) = options
        .command
        .split_first()
        .context("clap asks for a command")?;
    let child = Command::new(program)
        .args(arguments)
        .env("PATH", path_with_postgres(data_dir)?)
        .env("CISTERN_STACK_JSON", data_dir.stack_json())
        .env("DATABASE_URL", stack.database_url.expose())
        .env("AWS_ENDPOINT_URL", &stack.aws_endpoint_url)
        .env("AWS_REGION", &stack.region)
        .env("AWS_DEFAULT_REGION", &stack.region)
        .env("AWS_ACCESS_KEY_ID", LOCAL_KEY)
        .env("AWS_SECRET_ACCESS_KEY", LOCAL_KEY)
        .env_remove("AWS_SESSION_TOKEN")
        .env_remove("AWS_PROFILE")
        .spawn()
        .with_context(|| format!("starting {}", program.to_string_lossy()))?;
    wait(child).await
}

/// Adds the programs of the bundled Postgres, such as `psql`.
fn path_with_postgres(data_dir: &DataDir) -> Result<OsString> {
    let bundled = Checkout::near(data_dir.path())
        .and_then(|checkout| tools::installed_postgres_bin(&checkout));
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(bundled.into_iter().chain(env::split_paths(&path)))
        .context("adding Postgres's programs to PATH")
}

/// Waits for the command even if signals arrive, since a stack may have to be stopped after it.
async fn wait(mut child: Child) -> Result<ExitCode> {
    let identity = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Identity::of);
    let mut interrupt = signal(SignalKind::interrupt()).context("listening to signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening to signals")?;
    loop {
        tokio::select! {
            status = child.wait() => {
                let code = status.context("waiting for the command")?.code();
                let code = code.and_then(|code| u8::try_from(code).ok());
                return Ok(code.map_or(ExitCode::FAILURE, ExitCode::from));
            }
            // The terminal sends it to the command as well.
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {
                if let Some(identity) = &identity {
                    identity.signal(Signal::SIGTERM);
                }
            }
        }
    }
}
