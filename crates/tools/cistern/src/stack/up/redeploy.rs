//! `cistern up` over a running stack: it is redeployed, and dead processes are restarted.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;

use super::{
    Up, announcement,
    rollout::{self, DeployContext},
};
use crate::{
    progress::Step,
    stack::{
        Stack,
        data_dir::DirLock,
        process::{Identity, Records, wait_for},
        tools,
    },
};

/// Includes recovery after a crash.
const POSTGRES_LIMIT: Duration = Duration::from_mins(1);

pub(super) async fn run(up: &Up, _lock: DirLock) -> Result<()> {
    let records = Records::read(&up.data_dir)?;
    let supervisor = records
        .get("cistern")
        .context("the running stack has no record in processes.json")?;
    let Some(running) = Stack::read(&up.data_dir.stack_json())? else {
        bail!(
            "process {} owns {} but has not finished its start",
            supervisor.pid(),
            up.data_dir.path().display()
        );
    };
    if let Some(port) = up.options.port {
        ensure!(
            running.base_url.ends_with(&format!(":{port}")),
            "the stack runs on {}; stop it with `cistern down` to change its port",
            running.base_url
        );
    }

    let step = Step::start("running");
    supervisor.signal(Signal::SIGUSR1);
    wait_for("Postgres to run", POSTGRES_LIMIT, async || {
        let records = Records::read(&up.data_dir)?;
        let ready = records.get("postgres").is_none_or(Identity::is_alive);
        Ok(ready.then_some(()))
    })
    .await?;
    step.done(format!("process {}", supervisor.pid()));

    let step = Step::start("tools");
    let tools = tools::install(&up.checkout, false, &step).await?;
    step.done("");

    let context = DeployContext {
        sam: tools.sam,
        python: tools.python,
        base_url: running.base_url,
        emulator_url: running.aws_endpoint_url,
        iterable_url: running.iterable_url,
        athena_url: running.athena_url,
        sns_url: running.sns_url,
        database_url: up.database_url.clone().unwrap_or(running.database_url),
    };
    let stack = rollout::run(up, &context).await?;
    stack.write(&up.data_dir.stack_json())?;
    supervisor.signal(Signal::SIGUSR1);
    rollout::wait_until_healthy(&stack).await?;
    announcement::print(&up.options, &up.data_dir, &stack)
}
