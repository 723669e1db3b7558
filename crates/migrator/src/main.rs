//! Starts the function.

use std::process::ExitCode;

use boot::{BoxError, Env};
use lambda_runtime::service_fn;
use migrator::{Deps, handle};
use time::OffsetDateTime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    boot::init_tracing();
    boot::exit(run().await)
}

async fn run() -> Result<(), BoxError> {
    let deps = Deps::from_env(&Env::process(), OffsetDateTime::now_utc)?;
    lambda_runtime::run(service_fn(|event| handle(&deps, event))).await
}
