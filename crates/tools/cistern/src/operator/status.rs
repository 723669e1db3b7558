//! `cistern status`: the state of a stack.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use aws_io::{Aws, queue};
use serde::Serialize;
use serde_json::Value;

use crate::{
    http,
    stack::{Stack, data_dir::DataDir, process::Records},
};

/// Options of `cistern status`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the stack keeps its data [default: .local in the checkout]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Print everything as JSON, keys included
    #[arg(long)]
    json: bool,
}

/// The state of a stack.
#[derive(Debug, Serialize)]
struct Status {
    running: bool,
    healthy: bool,
    /// The response of `/healthz`, or why there is none.
    health: Option<Value>,
    /// Whether each process is alive.
    processes: BTreeMap<String, bool>,
    /// The messages of each queue.
    queues: BTreeMap<String, Depth>,
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
    let data_dir = DataDir::resolve(options.data_dir.as_deref())?;
    let status = look(&data_dir).await?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        println!("{}", text(&status));
    }
    if !status.running {
        bail!("no stack runs in {}", data_dir.path().display());
    }
    if !status.healthy {
        bail!(
            "the stack is not healthy; its logs are in {}",
            data_dir.logs().display()
        );
    }
    Ok(())
}

async fn look(data_dir: &DataDir) -> Result<Status> {
    let running = data_dir.is_owned()?;
    let records = Records::read(data_dir)?;
    let stack = if running {
        Stack::read(&data_dir.stack_json())?
    } else {
        None
    };
    let client = http::client(Duration::from_secs(35))?;
    let (healthy, health) = match &stack {
        Some(stack) => health(&client, stack).await,
        None => (false, None),
    };
    let mut queues = BTreeMap::new();
    if let Some(stack) = &stack {
        let sqs = Aws::local(&stack.aws_endpoint_url).await.sqs();
        for (name, url) in &stack.queues {
            // A queue whose depth cannot be read is left out; a dead emulator shows in `processes`.
            if let Ok(depth) = queue::depth(&sqs, url).await {
                queues.insert(name.clone(), Depth::from(depth));
            }
        }
    }
    Ok(Status {
        running,
        healthy,
        health,
        processes: records.liveness(),
        queues,
        stack,
    })
}

async fn health(client: &reqwest::Client, stack: &Stack) -> (bool, Option<Value>) {
    let answer = client
        .get(format!("{}/healthz", stack.base_url))
        .send()
        .await;
    match answer {
        Ok(answer) => {
            let healthy = answer.status().is_success();
            let body = answer.json().await.ok();
            (healthy, body)
        }
        Err(error) => (false, Some(Value::String(error.to_string()))),
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
        lines.push(format!(
            "queue {name:<12}{waiting} waiting, {in_flight} in flight"
        ));
    }
    if let Some(stack) = &status.stack {
        lines.push(format!("{:<12}{}", "webhook", stack.sparkpost_webhook_url));
        lines.push(format!("{:<12}{}", "query", stack.query_url));
        lines.push(format!("{:<12}{}", "webhook", stack.mparticle_webhook_url));
        lines.push(format!("{:<12}{}", "iterable", stack.iterable_url));
    }
    lines.join("\n")
}
