//! Starts the function.

use std::process::ExitCode;

use boot::{BoxError, Env};
use lambda_runtime::service_fn;
use master_login::{Config, Deps, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    boot::init_tracing();
    boot::exit(run().await)
}

async fn run() -> Result<(), BoxError> {
    let config = Config::from_env(&Env::process())?;
    let deps = Deps::connect(config).await?;
    lambda_runtime::run(service_fn(|event| handle(&deps, event))).await
}
