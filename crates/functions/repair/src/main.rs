//! Starts the function.

use std::process::ExitCode;

use function_kit::{BoxError, Env};
use repair::{Config, Deps, ROUTES, router};
use time::OffsetDateTime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function_kit::init_tracing();
    function_kit::exit(run().await)
}

async fn run() -> Result<(), BoxError> {
    let config = Config::from_env(&Env::process())?;
    let deps = Deps::connect(config, OffsetDateTime::now_utc).await;
    function_kit::serve(router(deps), &ROUTES).await
}
