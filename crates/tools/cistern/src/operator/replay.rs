//! `cistern replay`: has stored objects processed again, and reports what became of them.

mod messages;
mod plan;
mod position;
mod records;
mod sending;

use std::{num::NonZeroU32, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result};
use aws_io::s3::listing::{self, Listed};
use serde::Serialize;

use self::{
    plan::{Aim, Plan},
    position::Position,
    records::Records,
    sending::Sender,
};
use crate::{
    operator::{
        moment::Moment,
        query,
        recorded::outcome::Outcome,
        resume::StateFile,
        target::{StackTarget, TargetArgs},
    },
    output::{line, still_running},
    plural::counted,
};

/// Time limit of one page of a listing.
const LIST_LIMIT: Duration = Duration::from_mins(1);

/// Options of `cistern replay`.
#[derive(Clone, Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Options {
    /// Prefix of the objects' keys, such as raw/sparkpost/ or raw/track/dt=2026-01-31/
    #[arg(value_name = "PREFIX")]
    prefix: String,

    /// Only objects that arrived at or after this time, by the day or hour in their keys: 2026-01-31, 2026-01-31T12:00, or an age, -7d
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = Moment::parse)]
    from: Option<Moment>,

    /// Only objects that arrived before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = Moment::parse)]
    to: Option<Moment>,

    /// What is made of them [default: postgres for raw/sparkpost/ and raw/email/, lake for product events]
    #[arg(long, value_enum)]
    into: Option<Aim>,

    /// Another bucket, which the function's role must be allowed to read [default: the stack's]
    #[arg(long)]
    bucket: Option<String>,

    /// Send the notifications (default: a dry run that prints what would be sent)
    #[arg(long)]
    run: bool,

    /// Print what would be sent, which is the default
    #[arg(long, conflicts_with = "run")]
    dry_run: bool,

    /// At most this many objects per second [default: as fast as they are processed]
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU32>,

    /// Parallel calls, each with ten notifications
    #[arg(long, default_value = "4")]
    parallel: NonZeroU32,

    /// Seconds to wait for the outcome while nothing changes; 0 only sends
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(..=crate::operator::MAX_WAIT_SECONDS))]
    wait: u64,

    /// Begin again, although an interrupted run could be continued
    #[arg(long)]
    restart: bool,

    #[command(flatten)]
    target: TargetArgs,

    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// The objects found, the notifications sent, and what became of the objects.
#[derive(Debug, Serialize)]
struct Summary {
    bucket: String,
    into: Aim,
    objects: usize,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_key: Option<String>,
    dry_run: bool,
    /// Notifications; of app events the messages.
    sent: usize,
    #[serde(flatten)]
    outcome: Outcome,
}

/// What distinguishes one replay from others that may be interrupted beside it.
#[derive(Debug, Serialize)]
struct Identity<'a> {
    stack: &'a str,
    bucket: &'a str,
    prefix: &'a str,
    into: Aim,
    from: Option<&'a str>,
    to: Option<&'a str>,
}

pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let at = |moment: &Option<Moment>| moment.as_ref().map(|moment| moment.at);
    let (from, to) = (at(&options.from), at(&options.to));
    let plan = Plan::new(&options.prefix, options.into, from, to)?;
    let target = options.target.find().await?;
    let bucket = match &options.bucket {
        Some(bucket) => bucket.clone(),
        None => target.output("EventsBucketName")?.to_owned(),
    };
    let objects = list(&target, &bucket, &plan).await?;
    let mut summary = Summary {
        into: plan.aim,
        objects: objects.len(),
        bytes: objects.iter().map(|object| object.size_bytes).sum(),
        first_key: objects.first().map(|object| object.key.clone()),
        last_key: objects.last().map(|object| object.key.clone()),
        dry_run: !options.run,
        sent: 0,
        outcome: Outcome::default(),
        bucket: bucket.clone(),
    };
    let records = Records::of(&target, plan.aim, &bucket, &options.prefix).await?;
    if options.run {
        let identity = Identity {
            stack: options.target.stack_name(),
            bucket: &bucket,
            prefix: &options.prefix,
            into: plan.aim,
            from: options.from.as_ref().map(|from| from.given.as_str()),
            to: options.to.as_ref().map(|to| to.given.as_str()),
        };
        let state = StateFile::of(&target, "replay", &identity)?;
        if options.restart {
            state.remove()?;
        }
        let mut position = begin(&state, &records, &objects).await?;
        let sender = Sender {
            target: &target,
            bucket: &bucket,
            plan: &plan,
            records: &records,
            state: &state,
            parallel: usize::try_from(options.parallel.get()).context("--parallel is too large")?,
            rate: options.rate,
        };
        sender.send(&objects, &mut position).await?;
        summary.sent = position.sent;
        let timeout = Duration::from_secs(options.wait);
        summary.outcome = records.outcome(&objects, &position, timeout).await?;
        state.remove()?;
    } else {
        summary.outcome = records.preview(&objects).await?;
    }

    still_running(if options.json {
        line!("{}", serde_json::to_string_pretty(&summary)?)
    } else {
        line!("{}", text(&summary))
    })?;
    Ok(summary.outcome.exit_code())
}

/// The objects, in the order of their keys.
async fn list(target: &StackTarget, bucket: &str, plan: &Plan) -> Result<Vec<Listed>> {
    let s3 = target.aws.s3();
    let mut objects = Vec::new();
    for prefix in plan.prefixes() {
        let listed = listing::list(&s3, bucket, &prefix, LIST_LIMIT).await?;
        objects.extend(listed.into_iter().filter(|object| plan.takes(object)));
    }
    objects.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(objects)
}

/// Where an interrupted run stopped, or the beginning.
async fn begin(state: &StateFile, records: &Records, objects: &[Listed]) -> Result<Position> {
    let position = match state.read::<Position>()? {
        Some(position) => {
            let done = position.done(objects);
            eprintln!(
                "continuing an interrupted replay: {done} of {} done (--restart begins again)",
                counted(objects.len(), "object")
            );
            position
        }
        None => records.beginning(objects).await?,
    };
    eprintln!(
        "if this is interrupted, the same command continues it ({})",
        state.path().display()
    );
    Ok(position)
}

fn text(summary: &Summary) -> String {
    let Summary {
        bucket,
        into,
        objects,
        bytes,
        sent,
        outcome,
        ..
    } = summary;
    let size = query::bytes(*bytes);
    let (Some(first), Some(last)) = (&summary.first_key, &summary.last_key) else {
        return format!("no matching objects in {bucket}");
    };
    let keys = format!("  first  {first}\n  last   {last}");
    let queue = into.queue();
    if summary.dry_run {
        return format!(
            "{} of {size} in {bucket} would go to the {queue}{}\n{keys}\nNothing is sent yet: add --run.",
            counted(*objects, "object"),
            outcome.preview()
        );
    }
    let noun = match into {
        Aim::Postgres | Aim::Lake => "notification",
        Aim::Destination => "message",
    };
    format!(
        "{} of {size} in {bucket}{}\n{keys}\n  {} went to the {queue}{}",
        counted(*objects, "object"),
        outcome.headline(),
        counted(*sent, noun),
        outcome.details()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dry_run_says_that_nothing_is_sent() {
        let mut summary = Summary {
            bucket: "events".to_owned(),
            into: Aim::Lake,
            objects: 2,
            bytes: 3_000,
            first_key: Some("raw/track/a".to_owned()),
            last_key: Some("raw/track/b".to_owned()),
            dry_run: true,
            sent: 0,
            outcome: Outcome {
                done_before: Some(1),
                ..Outcome::default()
            },
        };

        let dry = text(&summary);
        assert!(
            dry.starts_with("2 objects of 3.0 kB in events would go to the archive queue; 1 of them was processed before\n"),
            "{dry}"
        );
        assert!(dry.ends_with("Nothing is sent yet: add --run."));
        summary.dry_run = false;
        summary.sent = 2;
        summary.outcome.done = Some(1);
        let sent = text(&summary);
        assert!(
            sent.starts_with(
                "2 objects of 3.0 kB in events: 1 processed, 1 was processed before\n"
            ),
            "{sent}"
        );
        assert!(
            sent.contains("2 notifications went to the archive queue"),
            "{sent}"
        );
    }
}
