//! `cistern redrive`: lists the messages of dead-letter queues, and sends them back.

mod dead_letter;
mod moving;
mod seen;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use self::{
    dead_letter::{DeadLetter, text},
    moving::Moving,
};
use crate::{
    operator::{
        logs::Reasons,
        target::{StackTarget, TargetArgs},
    },
    output::{line, still_running},
    plural::counted,
    queue::Queue,
};

/// Options of `cistern redrive`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// The queue whose dead letters are meant [default: each queue of the stack]
    #[arg(value_enum)]
    queue: Option<Queue>,

    /// Only the message of this id, as listed; may be given several times
    #[arg(long = "message", value_name = "ID")]
    messages: Vec<String>,

    /// Send the messages back (default: a dry run that lists them)
    #[arg(long)]
    run: bool,

    /// List the messages, which is the default
    #[arg(long, conflicts_with = "run")]
    dry_run: bool,

    /// At most this many messages of each queue
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    limit: usize,

    #[command(flatten)]
    target: TargetArgs,

    /// Print the messages as JSON
    #[arg(long)]
    json: bool,
}

/// What was found, and what became of it.
#[derive(Debug, Default, Serialize)]
struct Summary {
    dry_run: bool,
    sent: usize,
    /// About how many messages were not looked at.
    unseen: u64,
    messages: Vec<DeadLetter>,
    /// What is appended to commands, so that they mean the same stack.
    #[serde(skip)]
    suffix: String,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    ensure!(options.limit > 0, "--limit must be at least 1");
    let target = options.target.find().await?;
    let mut summary = Summary {
        dry_run: !options.run,
        suffix: target.suffix.clone(),
        ..Summary::default()
    };
    let mut failed = 0;
    for queue in queues(&target, options.queue)? {
        // No message is in two queues.
        let only = missing(&options.messages, &summary);
        if only.is_empty() && !options.messages.is_empty() {
            break;
        }
        let moving = Moving {
            sqs: &target.aws.sqs(),
            queue,
            url: target.output(queue.output())?,
            dead_letter_url: target.output(queue.dead_letter_output())?,
            only: &only,
            limit: options.limit,
        };
        let moved = if options.run {
            moving.run().await?
        } else {
            moving.list().await?
        };
        summary.sent += moved.sent;
        summary.unseen += moved.unseen;
        failed += moved.failed;
        let messages = with_reasons(moved.messages, queue, &target, options).await;
        summary.messages.extend(messages);
    }
    // Whether messages failed is the exit code.
    still_running(if options.json {
        line!("{}", serde_json::to_string_pretty(&summary)?)
    } else {
        line!("{}", text(&summary))
    })?;
    if summary.unseen > 0 {
        eprintln!(
            "note: about {} more not looked at: because of --limit, or because a long queue returned messages again",
            counted(summary.unseen, "dead letter")
        );
    }
    ensure!(
        failed == 0,
        "{} could not be sent back, or not be deleted afterwards; what failed is still in the dead-letter queue: try again",
        counted(failed, "message")
    );
    let missing = missing(&options.messages, &summary);
    ensure!(
        missing.is_empty(),
        "no message {} was found in a dead-letter queue: its id is listed without --run, and one that was listed a moment ago is visible \
         again after a minute",
        missing.join(", ")
    );
    Ok(())
}

/// The messages, with why each failed. They can be sent back without it.
async fn with_reasons(
    mut messages: Vec<DeadLetter>,
    queue: Queue,
    target: &StackTarget,
    options: &Options,
) -> Vec<DeadLetter> {
    let oldest = messages.iter().map(|message| message.sent_at_ms).min();
    let Some(since_ms) = oldest else {
        return messages;
    };
    let stack = options.target.stack_name();
    match Reasons::read(target, stack, queue.function(), since_ms).await {
        Ok(reasons) => {
            for message in &mut messages {
                let names = [&message.id].into_iter().chain(&message.keys);
                message.why = reasons.of(names.map(String::as_str)).map(str::to_owned);
            }
        }
        Err(error) => eprintln!(
            "note: the log of the {} cannot be read: {error:#}",
            queue.function()
        ),
    }
    messages
}

/// The named queue, or those that the stack has: a pipeline may be disabled.
fn queues(target: &StackTarget, named: Option<Queue>) -> Result<Vec<Queue>> {
    let has = |queue: &Queue| target.output(queue.dead_letter_output());
    match named {
        Some(queue) => {
            has(&queue).with_context(|| format!("the {queue}"))?;
            Ok(vec![queue])
        }
        None => Ok(Queue::ALL
            .into_iter()
            .filter(|queue| has(queue).is_ok())
            .collect()),
    }
}

/// Those of the named messages that were not found yet.
fn missing(named: &[String], summary: &Summary) -> Vec<String> {
    let found: BTreeSet<&str> = summary
        .messages
        .iter()
        .map(|message| message.id.as_str())
        .collect();
    named
        .iter()
        .filter(|id| !found.contains(id.as_str()))
        .cloned()
        .collect()
}
