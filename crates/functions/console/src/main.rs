//! Starts the function.

use std::process::ExitCode;

use console::{Config, Deps, ROUTES, router};
use function_kit::{BoxError, Env};
use jiff::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function_kit::init_tracing();
    function_kit::exit(run().await)
}

async fn run() -> Result<(), BoxError> {
    let config = Config::from_env(&Env::process())?;
    let deps = Deps::connect(config, Timestamp::now).await?;
    function_kit::serve(router(deps), &ROUTES).await
}
