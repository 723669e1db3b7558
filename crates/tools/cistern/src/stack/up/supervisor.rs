//! The process that owns a data directory: starts, supervises and stops everything.

use anyhow::{Context as _, Result, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    Up, announcement, athena, destination,
    emulator::Emulator,
    ports::{self, Listening, Ports},
    postgres::Postgres,
    reverse_proxy::{ReverseProxy, UpstreamHandle},
    rollout::{self, DeployContext},
    sns,
};
use crate::{
    progress::Step,
    stack::{
        Secret, Stack,
        data_dir::{DirLock, Ownership},
        process::{self, Records, Service},
        tools::{self, Tools},
    },
};

/// Runs the stack until Ctrl-C, SIGTERM or the end of the terminal, then stops what it started.
pub(super) async fn run(up: &Up, _ownership: Ownership, lock: DirLock) -> Result<()> {
    let mut signals = StopSignals::listen()?;
    // Sent by `redeploy` to have dead processes restarted; ignored until the stack is up.
    let reload = signal(SignalKind::user_defined1()).context("listening to signals")?;
    let mut running = Running::begin(up).await?;

    let outcome = tokio::select! {
        outcome = running.live(up, lock, reload) => outcome,
        () = signals.received() => Ok(()),
    };

    let step = Step::start("stop");
    up.data_dir.remove_stack_json()?;
    let stopped = running.stop().await;
    step.done(stopped.join(", "));
    outcome
}

struct StopSignals([Signal; 3]);

impl StopSignals {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("listening to signals");
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn received(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// The services that have been started so far.
#[derive(Debug)]
struct Running {
    records: Records,
    ports: Ports,
    postgres: Option<Service>,
    emulator: Option<Service>,
}

impl Running {
    /// Stops what a crash left running.
    async fn begin(up: &Up) -> Result<Self> {
        up.data_dir.remove_stack_json()?;
        let leftovers = process::stop_leftovers(&up.data_dir).await?;
        if !leftovers.is_empty() {
            Step::start("clean up").done(format!("stopped {}", leftovers.join(", ")));
        }
        if up.options.fresh {
            up.data_dir.wipe()?;
        }
        Ok(Self {
            records: Records::begin(&up.data_dir)?,
            ports: Ports::of_last_time(&up.data_dir),
            postgres: None,
            emulator: None,
        })
    }

    /// Brings the stack up and watches it. Ends only with an error.
    async fn live(&mut self, up: &Up, lock: DirLock, reload: Signal) -> Result<()> {
        let proxy = ReverseProxy::on(match up.options.port {
            Some(port) => std::net::TcpListener::bind(("127.0.0.1", port))
                .with_context(|| format!("port {port} is taken"))?,
            None => ports::listen(self.ports.reverse_proxy)?,
        });
        self.ports.reverse_proxy = proxy.port()?;
        let base_url = format!("http://127.0.0.1:{}", proxy.port()?);
        let upstream = proxy.upstream();
        let serve = proxy.serve();
        let destination = Listening::on(self.ports.iterable)?;
        self.ports.iterable = destination.port();
        let iterable_url = destination.url();
        let take_events = destination::serve(destination);
        let athena = Listening::on(self.ports.athena)?;
        self.ports.athena = athena.port();
        let athena_url = athena.url();
        let answer_queries = athena::serve(athena, up.data_dir.clone());
        let sns = Listening::on(self.ports.sns)?;
        self.ports.sns = sns.port();
        let sns_url = sns.url();
        let confirm_subscriptions = sns::serve(sns);

        let start_and_watch = async {
            let step = Step::start("tools");
            let with_postgres = up.database_url.is_none();
            let tools = tools::install(&up.checkout, with_postgres, &step).await?;
            step.done(up.checkout.tools().display());

            let (postgres, database_url) = self.start_postgres(up, &tools).await?;
            let emulator_url = self.start_emulator(up, &tools).await?;
            self.ports.keep(&up.data_dir)?;
            let context = DeployContext {
                sam: tools.sam,
                python: tools.python,
                base_url,
                emulator_url,
                iterable_url,
                athena_url,
                sns_url,
                database_url,
            };
            let stack = rollout::run(up, &context).await?;
            upstream.switch_to(&stack).await?;
            rollout::wait_until_healthy(&stack).await?;
            stack.write(&up.data_dir.stack_json())?;
            announcement::print(&up.options, &up.data_dir, &stack)?;
            drop(lock);
            self.watch(up, postgres.as_ref(), &upstream, reload).await
        };
        tokio::select! {
            outcome = start_and_watch => outcome,
            outcome = serve => outcome,
            outcome = take_events => outcome,
            outcome = answer_queries => outcome,
            outcome = confirm_subscriptions => outcome,
        }
    }

    async fn start_postgres(
        &mut self,
        up: &Up,
        tools: &Tools,
    ) -> Result<(Option<Postgres>, Secret)> {
        let step = Step::start("postgres");
        let Some(bin) = &tools.postgres_bin else {
            let url = up
                .database_url
                .clone()
                .context("a Postgres is configured")?;
            step.done("DATABASE_URL");
            return Ok((None, url));
        };
        self.ports.postgres = ports::free(self.ports.postgres)?;
        let postgres = Postgres::prepare(bin, &up.data_dir, self.ports.postgres, &step).await?;
        self.run_postgres(&postgres).await?;
        postgres.create_database(&up.data_dir, &step).await?;
        postgres.create_sql_role(&up.data_dir, &step).await?;
        step.done(format!("port {}", self.ports.postgres));
        let url = postgres.url();
        Ok((Some(postgres), url))
    }

    /// Keeps the service before waiting for it, so that it is stopped even if the wait is cancelled.
    async fn run_postgres(&mut self, postgres: &Postgres) -> Result<()> {
        let service = self.postgres.insert(postgres.start()?);
        self.records.add(service)?;
        postgres.wait_until_ready(service).await
    }

    async fn start_emulator(&mut self, up: &Up, tools: &Tools) -> Result<String> {
        let step = Step::start("emulator");
        let last_time = self.ports.emulator;
        self.ports.emulator = ports::free(last_time)?;
        let emulator = Emulator::new(tools.ministack.clone(), &up.data_dir, self.ports.emulator);
        emulator.move_from(last_time)?;
        let service = self.emulator.insert(emulator.start()?);
        self.records.add(service)?;
        emulator.wait_until_ready(service).await?;
        step.done(emulator.url());
        Ok(emulator.url())
    }

    /// If Postgres ends, this is reported and the rest keeps running: batches are still stored, and loaded once Postgres runs again. If the
    /// emulator ends, the stack stops.
    async fn watch(
        &mut self,
        up: &Up,
        postgres: Option<&Postgres>,
        upstream: &UpstreamHandle,
        mut reload: Signal,
    ) -> Result<()> {
        loop {
            let emulator = self.emulator.as_mut().context("the emulator was started")?;
            tokio::select! {
                status = emulator.exited() => bail!(
                    "the emulator ended ({}); see {}",
                    status?,
                    up.data_dir.log("emulator").display()
                ),
                status = exited(&mut self.postgres) => {
                    eprintln!(
                        "postgres ended ({}); see {}. `cistern up` in another terminal starts it again",
                        status?,
                        up.data_dir.log("postgres").display()
                    );
                    self.postgres = None;
                }
                _ = reload.recv() => {
                    if let Err(error) = self.reload(up, postgres, upstream).await {
                        eprintln!("error: {error:#}");
                    }
                }
            }
        }
    }

    /// Restarts a Postgres that has ended, and switches to the newest deployment.
    async fn reload(
        &mut self,
        up: &Up,
        postgres: Option<&Postgres>,
        upstream: &UpstreamHandle,
    ) -> Result<()> {
        if let (None, Some(postgres)) = (&self.postgres, postgres) {
            self.run_postgres(postgres).await?;
            if let Some(mut stack) = Stack::read(&up.data_dir.stack_json())? {
                stack.pids = self.records.pids();
                stack.write(&up.data_dir.stack_json())?;
            }
        }
        if let Some(stack) = Stack::read(&up.data_dir.stack_json())? {
            upstream.switch_to(&stack).await?;
        }
        Ok(())
    }

    /// Stops everything, the database last. Returns the names.
    async fn stop(self) -> Vec<&'static str> {
        let mut names = Vec::new();
        for service in [self.emulator, self.postgres].into_iter().flatten() {
            names.push(service.name());
            service.stop().await;
        }
        self.records.remove();
        names
    }
}

/// Waits for the end of a service; for ever if there is none.
async fn exited(service: &mut Option<Service>) -> Result<std::process::ExitStatus> {
    match service {
        Some(service) => service.exited().await,
        None => std::future::pending().await,
    }
}
