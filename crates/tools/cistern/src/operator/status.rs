//! `cistern status`: the state of a stack, local or in AWS.

mod pipelines;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, bail};
use aws_io::queue;
use serde::Serialize;
use serde_json::Value;

use self::pipelines::PipelineState;
use crate::{
    http,
    operator::{
        api::Api,
        events::span,
        target::{StackTarget, TargetArgs},
    },
    output::{line, still_running},
    queue::Queue,
    stack::{STARTING, Stack, data_dir::DataDir, process::Records},
    table::printable,
};

/// Options of `cistern status`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    target: TargetArgs,

    /// The time before now in which events are counted, such as 24h, 7d or 30d
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = span::parse)]
    since: Duration,

    /// Print everything as JSON, keys included
    #[arg(long)]
    json: bool,
}

/// The state of a stack.
#[derive(Debug, Default, Serialize)]
struct Status {
    running: bool,
    /// Whether it runs and has no description yet.
    starting: bool,
    healthy: bool,
    /// The response of `/healthz`, or why there is none.
    health: Option<Value>,
    /// Whether each process is alive.
    processes: BTreeMap<String, bool>,
    /// The messages of each queue.
    queues: BTreeMap<String, Depth>,
    /// What was received, stored and rejected of late; empty if the API does not answer.
    pipelines: Vec<PipelineState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipelines_error: Option<String>,
    /// The console's URL.
    console_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<Stack>,
}

/// Messages in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Depth {
    waiting: u64,
    /// Received, and neither deleted nor visible again.
    in_flight: u64,
}

impl From<queue::Depth> for Depth {
    fn from(depth: queue::Depth) -> Self {
        Self {
            waiting: depth.visible,
            in_flight: depth.in_flight,
        }
    }
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let status = match options.target.data_dir()? {
        Some(data_dir) => look_local(options, &data_dir).await?,
        None => look_deployed(options).await?,
    };
    let shown = if options.json {
        serde_json::to_string_pretty(&status)?
    } else {
        text(&status)
    };
    if !shown.is_empty() {
        // Whether the stack is healthy is the exit code.
        still_running(line!("{shown}"))?;
    }
    if !status.running {
        bail!("no stack is up: start one with `cistern up`, or name a deployed one with --stack");
    }
    if status.starting {
        bail!("{STARTING}");
    }
    if !status.healthy {
        let suffix = options.target.suffix();
        bail!("the stack is not healthy; `cistern logs{suffix}` shows what its functions log");
    }
    Ok(())
}

async fn look_local(options: &Options, data_dir: &DataDir) -> Result<Status> {
    let running = data_dir.is_owned()?;
    let stack = if running {
        Stack::read(&data_dir.stack_json())?
    } else {
        None
    };
    let mut status = Status {
        running,
        starting: running && stack.is_none(),
        processes: Records::read(data_dir)?.liveness(),
        ..Status::default()
    };
    if let Some(stack) = &stack {
        let target = options.target.find().await?;
        let health_url = format!("{}/healthz", stack.base_url);
        let queues = stack
            .queues
            .iter()
            .map(|(name, url)| (name.clone(), url.clone()));
        status
            .ask(options, &target, Some(&health_url), queues.collect())
            .await?;
        status.console_url = Some(format!("{}/console", stack.base_url));
    }
    status.stack = stack;
    Ok(status)
}

async fn look_deployed(options: &Options) -> Result<Status> {
    let target = options.target.find().await?;
    let queues = Queue::outputs()
        .filter_map(|(name, output)| Some((name, target.output(output).ok()?.to_owned())));
    let mut status = Status {
        running: true,
        console_url: target.output("ConsoleUrl").ok().map(str::to_owned),
        ..Status::default()
    };
    // Only a stack with email events has a database whose health is asked for.
    let health_url = target.output("HealthUrl").ok().map(str::to_owned);
    status
        .ask(options, &target, health_url.as_deref(), queues.collect())
        .await?;
    Ok(status)
}

impl Status {
    /// Asks the stack itself.
    async fn ask(
        &mut self,
        options: &Options,
        target: &StackTarget,
        health_url: Option<&str>,
        queues: BTreeMap<String, String>,
    ) -> Result<()> {
        let client = http::client(Duration::from_secs(35))?;
        (self.healthy, self.health) = match health_url {
            Some(url) => health(&client, url).await,
            None => (true, None),
        };
        let sqs = target.aws.sqs();
        for (name, url) in queues {
            // A queue whose depth cannot be read is left out; a dead emulator shows in `processes`.
            if let Ok(depth) = queue::depth(&sqs, &url).await {
                self.queues.insert(name, Depth::from(depth));
            }
        }
        let looked = match Api::of(target, "query").await {
            Ok(api) => pipelines::look(&api, options.since).await,
            Err(error) => Err(error),
        };
        match looked {
            Ok(states) => self.pipelines = states,
            // The rest of the state matters most when the API does not answer.
            Err(error) => self.pipelines_error = Some(format!("{error:#}")),
        }
        Ok(())
    }
}

async fn health(client: &reqwest::Client, url: &str) -> (bool, Option<Value>) {
    let answer = client.get(url).send().await;
    match answer {
        Ok(answer) => {
            let healthy = answer.status().is_success();
            let body = answer.json().await.ok();
            (healthy, body)
        }
        Err(error) => {
            let error = format!("{:#}", anyhow::Error::from(error));
            (false, Some(Value::String(error)))
        }
    }
}

fn text(status: &Status) -> String {
    let mut lines = Vec::new();
    for (name, alive) in &status.processes {
        let state = if *alive { "running" } else { "ended" };
        lines.push(format!("{name:<12}{state}"));
    }
    if let Some(health) = &status.health {
        lines.push(format!("{:<12}{health}", "health"));
    }
    for (name, depth) in &status.queues {
        let Depth { waiting, in_flight } = depth;
        // A dead-letter queue is empty while all is well.
        let attention = if name.ends_with("_dlq") && waiting + in_flight > 0 {
            "  ← docs/operations.md says what to do"
        } else {
            ""
        };
        lines.push(format!(
            "queue {name:<12}{waiting} waiting, {in_flight} in flight{attention}"
        ));
    }
    if let Some(stack) = &status.stack {
        lines.push(format!(
            "{:<12}{}",
            "sparkpost", stack.sparkpost_webhook_url
        ));
        lines.push(format!(
            "{:<12}{}",
            "mparticle", stack.mparticle_webhook_url
        ));
        lines.push(format!("{:<12}{}", "track", stack.track_url));
        lines.push(format!("{:<12}{}", "query", stack.query_url));
        lines.push(format!("{:<12}{}", "iterable", stack.iterable_url));
    }
    if let Some(url) = &status.console_url {
        lines.push(format!("{:<12}{url}", "console"));
    }
    if !status.pipelines.is_empty() {
        lines.push(format!("\n{}", pipelines::text(&status.pipelines)));
    }
    if let Some(error) = &status.pipelines_error {
        lines.push(format!(
            "\nthe pipelines cannot be counted: {}",
            printable(error)
        ));
    }
    lines.join("\n")
}
