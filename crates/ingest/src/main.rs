//! Starts the function.

use std::process::ExitCode;

use boot::{BoxError, Env};
use ingest::{Config, Deps, ROUTES, router};
use time::OffsetDateTime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    boot::init_tracing();
    boot::exit(run().await)
}

async fn run() -> Result<(), BoxError> {
    let config = Config::from_env(&Env::process())?;
    let deps = Deps::connect(config, OffsetDateTime::now_utc).await;
    boot::serve(router(deps), &ROUTES).await
}
