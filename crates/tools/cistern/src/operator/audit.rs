//! `cistern audit`: counts what arrived on a day on both sides of each pipeline, and names what is missing.

mod page;
mod store;

use std::{collections::BTreeSet, process::ExitCode, time::Duration};

use anyhow::Result;
use audit::{ApiStore, Audit, Report, Side};
use aws_io::{notification, queue, s3::ObjectRef};
use lake_schema::{FirstDay, Table, layout::parse_day};
use serde_json::json;
use time::{Date, OffsetDateTime};

use self::store::StackApi;
use crate::{
    operator::target::{StackTarget, TargetArgs},
    output::{line, still_running},
    plural::counted,
    queue::Queue,
};

/// The template's default of `LakeFirstDay`.
const LAKE_FIRST_DAY: Date = FirstDay::DEFAULT.0;

/// Options of `cistern audit`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// The UTC day on which raw objects arrived [default: yesterday]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    day: Option<Date>,

    /// How many minutes an object may wait before it counts as missing
    #[arg(long, value_name = "MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u64).range(..=20_160))]
    settle: u64,

    /// The stack's `LakeFirstDay`, if it is not the template's default
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, default_value_t = LAKE_FIRST_DAY)]
    lake_first_day: Date,

    /// Put the notification of each object that was not processed, or not completely, back into its queue
    #[arg(long)]
    send: bool,

    #[command(flatten)]
    target: TargetArgs,

    /// Print the report as JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,

    /// Print the report as a page of Markdown, to hand over
    #[arg(long)]
    markdown: bool,
}

/// Days before and after the given one are looked at too, so it cannot be the first or last one of the calendar.
fn day(text: &str) -> Result<Date, String> {
    parse_day(text)
        .filter(|day| (1970..2200).contains(&day.year()))
        .ok_or_else(|| "expected a day such as 2026-01-31".to_owned())
}

/// 0 if both sides agree, 3 if they differ.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let target = options.target.find().await?;
    let now = OffsetDateTime::now_utc();
    let bucket = target.output("EventsBucketName")?;
    let s3 = target.aws.s3();
    let (senders, _) = sender_recipes::read(&s3, bucket).await?;
    let audit = Audit {
        senders: &senders,
        s3: &s3,
        bucket,
        day: options
            .day
            .unwrap_or_else(|| now.date().previous_day().unwrap_or(Date::MIN)),
        now,
        settle: Duration::from_secs(options.settle.saturating_mul(60)),
        lake_first_day: options.lake_first_day,
    };
    // A pipeline that is switched off has no queue.
    let store = match target.output(Queue::Load.output()) {
        Ok(_) => Some(ApiStore(StackApi::of(&target).await?)),
        Err(_) => None,
    };
    let tables = match target.output(Queue::Archive.output()) {
        Ok(_) => Table::all().to_vec(),
        Err(_) => Vec::new(),
    };
    let report = audit.run(&tables, store.as_ref()).await?;
    let sent = if options.send {
        send(&target, bucket, &report).await?
    } else {
        0
    };

    let is_clean = report.is_clean();
    still_running(if options.json {
        line!(
            "{:#}",
            json!({ "is_clean": is_clean, "sent": sent, "report": report })
        )
    } else if options.markdown {
        line!("{}", page::markdown(&report, now))
    } else {
        line!("{}", page::text(&report))
    })?;
    if options.send && !options.json {
        eprintln!(
            "{} went back into their queues",
            counted(sent, "notification")
        );
    }
    if is_clean {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{} differs: {}", report.day, page::summary(&report));
    Ok(ExitCode::from(3))
}

/// Sends what may come back by being processed again. Returns how many notifications were sent.
async fn send(target: &StackTarget, bucket: &str, report: &Report) -> Result<usize> {
    let sqs = target.aws.sqs();
    let again = report
        .findings
        .iter()
        .filter(|finding| finding.may_be_sent_again());
    let objects: BTreeSet<(Side, &str)> = again
        .map(|finding| (finding.side, finding.object.as_str()))
        .collect();
    for (side, key) in &objects {
        let queue = match side {
            Side::Postgres => Queue::Load,
            Side::Lake => Queue::Archive,
        };
        let queue_url = target.output(queue.output())?;
        let body = notification::encode(&ObjectRef {
            bucket: bucket.to_owned(),
            key: (*key).to_owned(),
        });
        queue::send(&sqs, queue_url, &body).await?;
    }
    Ok(objects.len())
}
