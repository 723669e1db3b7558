//! `cistern generate story`: a month of a company, to look at.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use aws_io::{Aws, queue};
use event_model::Pipeline;
use event_samples::story::{BLOCKING_PROVIDER, Body as Generated, DAYS, Story};
use serde_json::json;
use time::{OffsetDateTime, UtcOffset};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    operator::{
        forward::run_now::run_forwarder,
        moment,
        webhook::{Body, Target, Webhook},
    },
    output::line,
    plural::counted,
    progress::{self, Step},
    shell,
    stack::{Stack, data_dir::DataDir},
};

/// Concurrent requests.
const PARALLEL: usize = 6;
/// How long queues may take to become empty after the last request.
const LOAD_TIMEOUT: Duration = Duration::from_mins(3);
const PAUSE: Duration = Duration::from_millis(500);
/// The queues whose messages were posted here. What waits for the forwarder waits for its next run.
const QUEUES: [&str; 2] = ["load", "archive"];

/// Options of `cistern generate story`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Seed of the people; another seed gives other ones
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// When the story ends, such as 2026-11-29T21:00 [default: at the last full hour]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = moment::parse)]
    end: Option<OffsetDateTime>,

    /// Where the local stack keeps its data [default: .local in the checkout]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// How many events were posted, by pipeline.
#[derive(Debug, Default)]
struct Posted {
    email: u64,
    app: u64,
    product: u64,
}

impl Posted {
    fn of(&mut self, pipeline: Pipeline) -> &mut u64 {
        match pipeline {
            Pipeline::EmailEvents => &mut self.email,
            Pipeline::AppEvents => &mut self.app,
            Pipeline::ProductEvents => &mut self.product,
        }
    }
}

/// The webhook of each pipeline.
#[derive(Clone, Debug)]
struct Webhooks {
    email: Webhook,
    app: Webhook,
    product: Webhook,
}

impl Webhooks {
    fn of(&self, pipeline: Pipeline) -> &Webhook {
        match pipeline {
            Pipeline::EmailEvents => &self.email,
            Pipeline::AppEvents => &self.app,
            Pipeline::ProductEvents => &self.product,
        }
    }
}

pub(super) async fn run(options: &Options) -> Result<()> {
    let data_dir = DataDir::resolve(options.data_dir.as_deref())?;
    let stack =
        Stack::running(&data_dir)?.context("no stack is up: start one with `cistern up`")?;
    let suffix = shell::data_dir_option(options.data_dir.as_deref());
    let target = Target::local(options.data_dir.as_deref());
    let webhooks = Webhooks {
        email: target.webhook(Pipeline::EmailEvents)?,
        app: target.webhook(Pipeline::AppEvents)?,
        product: target.webhook(Pipeline::ProductEvents)?,
    };
    let end = options.end.unwrap_or_else(last_full_hour);
    let story = Story::new(options.seed, end);
    let started = Instant::now();
    let posted = post(&story, &webhooks).await?;
    let step = Step::start("forward");
    run_forwarder(&stack).await?;
    step.done("app events are forwarded and archived");
    wait_until_loaded(&stack, &suffix).await?;
    let seconds = started.elapsed().as_secs_f64();
    if options.json {
        line!("{:#}", members(&story, &posted, seconds))
    } else {
        line!("{}", summary(&story, &posted, seconds, &suffix))
    }
}

/// A repeated story within the hour is the same one.
fn last_full_hour() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc().to_offset(UtcOffset::UTC);
    now - Duration::from_secs(u64::from(now.minute()) * 60 + u64::from(now.second()))
}

/// Posts day after day, several requests at once.
async fn post(story: &Story, webhooks: &Webhooks) -> Result<Posted> {
    let step = (!progress::is_drawn()).then(|| Step::start("post").reported());
    let bar = progress::bar(u64::from(DAYS), "days");
    let mut posted = Posted::default();
    let mut on_their_way = JoinSet::new();
    for day in 0..DAYS {
        if let Some(step) = &step {
            step.note(format!("day {} of {DAYS}", day + 1));
        }
        let of_the_day = story.clone();
        let bodies = tokio::task::spawn_blocking(move || of_the_day.day(day))
            .await
            .context("generating a day")?;
        for body in bodies {
            *posted.of(body.pipeline) += u64::from(body.events);
            if on_their_way.len() >= PARALLEL
                && let Some(outcome) = on_their_way.join_next().await
            {
                outcome.context("posting")??;
            }
            on_their_way.spawn(post_one(webhooks.of(body.pipeline).clone(), body));
        }
        bar.inc(1);
    }
    while let Some(outcome) = on_their_way.join_next().await {
        outcome.context("posting")??;
    }
    bar.finish_and_clear();
    if let Some(step) = step {
        step.done(format!("{DAYS} days"));
    }
    Ok(posted)
}

async fn post_one(webhook: Webhook, body: Generated) -> Result<()> {
    let response = webhook
        .post(Body {
            bytes: body.bytes,
            is_gzip: false,
        })
        .await?;
    match response.refusal {
        Some(why) => bail!(
            "a batch of {} was refused: {why}; run the command again, what is stored already counts once",
            body.pipeline.name()
        ),
        None => Ok(()),
    }
}

/// Waits for the queues rather than for a time.
async fn wait_until_loaded(stack: &Stack, suffix: &str) -> Result<()> {
    let step = Step::start("load").reported();
    let sqs = Aws::local(&stack.aws_endpoint_url).await.sqs();
    let deadline = Instant::now() + LOAD_TIMEOUT;
    loop {
        let mut waiting = 0;
        for (_, url) in stack
            .queues
            .iter()
            .filter(|(name, _)| QUEUES.contains(&name.as_str()))
        {
            let depth = queue::depth(&sqs, url)
                .await
                .context("counting waiting messages")?;
            waiting += depth.visible + depth.in_flight;
        }
        if waiting == 0 {
            step.done("the queues are empty");
            return Ok(());
        }
        step.note(format!("waiting for {}", counted(waiting, "message")));
        ensure!(
            Instant::now() < deadline,
            "{} still to be loaded; `cistern status{suffix}` shows them, `cistern logs{suffix}` why",
            counted(waiting, "message")
        );
        sleep(PAUSE).await;
    }
}

fn members(story: &Story, posted: &Posted, seconds: f64) -> serde_json::Value {
    let date = |day| story.date(day).to_string();
    json!({
        "email_events": posted.email,
        "app_events": posted.app,
        "product_events": posted.product,
        "from": date(0),
        "to": date(DAYS - 1),
        "blocked_day": date(story.blocked_day()),
        "blocked_campaign": story.blocked_campaign(),
        "blocking_provider": BLOCKING_PROVIDER,
        "broken_tracker_days": story.broken_days().map(date),
        "seconds": seconds,
    })
}

fn summary(story: &Story, posted: &Posted, seconds: f64, suffix: &str) -> String {
    let Posted {
        email,
        app,
        product,
    } = posted;
    let date = |day| story.date(day).to_string();
    let (from, to) = (date(0), date(DAYS - 1));
    let blocked = date(story.blocked_day());
    let campaign = story.blocked_campaign();
    let [first_broken, last_broken] = story.broken_days().map(date);
    format!(
        r#"{email} email events, {product} product events and {app} app events, {from} to {to}, in {seconds:.0} s

What to look at:
  {BLOCKING_PROVIDER} blocked the newsletter of {blocked}:
    cistern events --type bounce --campaign {campaign} --from {blocked} --columns rcpt_to,mailbox_provider,bounce_class,reason{suffix}
  A relay wrote milliseconds on that day, and 25 events were rejected:
    cistern rejected list{suffix}
  The shop's tracker lost its fields from {first_broken} to {last_broken}:
    cistern query "select dt, count(*) as events, count(userid) as with_user from product_events group by dt order by dt"{suffix}
  Of the people who sign up, fewer and fewer come back; and where buyers are lost:
    cistern query --named retention{suffix}
    cistern query --named funnel{suffix}
  The same as pictures:
    cistern open{suffix}"#
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_summary_names_the_days_that_are_worth_a_look() {
        let story = Story::new(1, datetime!(2026-11-29 21:00 UTC));
        let posted = Posted {
            email: 3,
            app: 2,
            product: 1,
        };

        let text = summary(&story, &posted, 61.4, "");

        for part in [
            "2026-10-31 to 2026-11-29, in 61 s",
            "newsletter of 2026-11-17",
            "from 2026-11-23 to 2026-11-24",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(members(&story, &posted, 1.0)["blocked_day"], "2026-11-17");
    }

    #[test]
    fn a_story_ends_at_a_full_hour() {
        let end = last_full_hour();

        assert_eq!((end.minute(), end.second()), (0, 0));
        assert!(end <= OffsetDateTime::now_utc());
    }
}
