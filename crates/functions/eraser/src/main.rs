//! Starts the function.

use std::process::ExitCode;

use eraser::{Config, Deps, handle};
use function_kit::{BoxError, Env};
use lambda_runtime::service_fn;
use time::OffsetDateTime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function_kit::init_tracing();
    function_kit::exit(run().await)
}

async fn run() -> Result<(), BoxError> {
    let config = Config::from_env(&Env::process())?;
    let deps = Deps::connect(config, OffsetDateTime::now_utc).await?;
    lambda_runtime::run(service_fn(|event| handle(&deps, event))).await
}
