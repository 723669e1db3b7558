//! `cistern generate`: posts generated events at a given rate.

mod post;
mod story;

use std::num::{NonZeroU32, NonZeroU64};

use anyhow::{Result, ensure};
use event_model::Pipeline;
use event_samples::{
    mparticle,
    sparkpost::{self, GeneratorOptions},
    track,
};
use time::OffsetDateTime;

use self::post::{Plan, Summary, post_all};
use crate::operator::{moment, number, webhook::Target};
use crate::output::{line, still_running};
use crate::plural::counted;

/// What to generate.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Email events, in batches like SparkPost's
    #[command(
        long_about = "Posts generated email events of a realistic mix, in batches like SparkPost's. The same seed, \
                      start, count and sizes give the same bytes.",
        after_help = "Examples:\n  cistern generate sparkpost\n  \
                      cistern generate sparkpost --count 1000000 --rate 5000 --hours 240\n  \
                      cistern generate sparkpost --seed 7 --start 2026-01-01T00:00:00Z --json"
    )]
    Sparkpost(Options),
    /// App events, in batches like mParticle's
    #[command(
        long_about = "Posts generated app events of a realistic mix, in batches like mParticle's, each with the events of \
                      one user. The same seed, start, count and sizes give the same bytes.",
        after_help = "Examples:\n  cistern generate mparticle && cistern forward\n  \
                      cistern generate mparticle --count 20000 --rate 500\n  \
                      cistern generate mparticle --seed 7 --start 2026-01-01T00:00:00Z --batch-size 1 --json"
    )]
    Mparticle(Options),
    /// Product events, posted to /track
    #[command(
        long_about = "Posts generated product events, one per line and a hundred per request. They look like those of the \
                      published load generator (LOGIN events of 210 people) or like a shop's click stream. The same seed, \
                      start, count, sizes and number of people give the same bytes.",
        after_help = "Examples:\n  cistern generate track\n  \
                      cistern generate track --shape click --count 1000000 --rate 2000\n  \
                      cistern generate track --batch-size 1 --people 50000 --hours 720 --json"
    )]
    Track(TrackOptions),
    /// Thirty days of a tea shop, in all three pipelines
    #[command(
        long_about = "Posts thirty days of a tea shop to the local stack, and ends with what to look at: newsletters, a sale and order \
                      confirmations; a mailbox provider that blocks one newsletter; a tracker that loses its fields for two days; \
                      customers of whom fewer and fewer come back; an app in its first ten days. Then waits until everything is loaded \
                      and runs the forwarder. The same seed and end give the same events, so repeating it changes nothing in Postgres.",
        after_help = "Examples:\n  cistern generate story\n  cistern generate story --seed 7 --json\n  \
                      cistern generate story --end 2026-11-29T21:00:00Z"
    )]
    Story(story::Options),
}

/// Options of `cistern generate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Events to post
    #[arg(long, value_name = "N", default_value = "10000", value_parser = number::whole::<NonZeroU64>)]
    count: NonZeroU64,

    /// Events per batch [default: 1000 for sparkpost, 10 for mparticle, 100 for track]
    #[arg(long, value_name = "N", value_parser = number::whole::<NonZeroU32>)]
    batch_size: Option<NonZeroU32>,

    /// Events per second [default: no limit]
    #[arg(long, value_name = "N", value_parser = number::whole::<NonZeroU32>)]
    rate: Option<NonZeroU32>,

    /// Concurrent requests
    #[arg(long, default_value = "4")]
    parallel: NonZeroU32,

    /// Seed of the generator; another seed gives other events
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Hours over which the events are spread
    #[arg(long, default_value = "1")]
    hours: NonZeroU32,

    /// Time of the first event, such as 2026-01-01 or 2026-01-01T12:00 [default: chosen so that the last event happens now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = moment::parse)]
    start: Option<OffsetDateTime>,

    #[command(flatten)]
    target: Target,

    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// Options of `cistern generate track`.
#[derive(Debug, clap::Args)]
pub(crate) struct TrackOptions {
    /// Kind of events
    #[arg(long, value_enum, default_value = "article")]
    shape: Shape,

    /// Number of different users [default: 210 for article, two million for click]
    #[arg(long, value_name = "N", value_parser = number::whole::<NonZeroU64>)]
    people: Option<NonZeroU64>,

    #[command(flatten)]
    all: Options,
}

/// [`track::Shape`] on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shape {
    /// The published generator: LOGIN, a name, a time
    Article,
    /// A shop's click stream: ids, pages, devices, places
    Click,
}

pub(crate) async fn run(command: &Command) -> Result<()> {
    match command {
        Command::Story(options) => story::run(options).await,
        Command::Sparkpost(options) => {
            let mut generator = sparkpost::Generator::new(options.seed, options.generator());
            let batch = |size| generator.batch(size);
            options.post(Pipeline::EmailEvents, 1_000, batch).await
        }
        Command::Mparticle(options) => {
            let mut generator = mparticle::Generator::new(options.seed, options.generator());
            let batch = |size| generator.batch(size);
            options.post(Pipeline::AppEvents, 10, batch).await
        }
        Command::Track(options) => {
            let mut generator = track::Generator::new(options.all.seed, options.generator());
            let batch = |size| generator.batch(size);
            options.all.post(Pipeline::ProductEvents, 100, batch).await
        }
    }
}

impl Options {
    fn generator(&self) -> GeneratorOptions {
        let span = time::Duration::hours(self.hours.get().into());
        GeneratorOptions {
            start: self
                .start
                .unwrap_or_else(|| OffsetDateTime::now_utc().saturating_sub(span)),
            span: span.unsigned_abs(),
            total: self.count.get(),
        }
    }

    /// Posts the bodies that `batch` makes of a number of events, and prints a summary.
    async fn post(
        &self,
        pipeline: Pipeline,
        default_batch_size: u32,
        batch: impl FnMut(usize) -> Vec<u8>,
    ) -> Result<()> {
        let webhook = self.target.webhook(pipeline)?;
        let plan = Plan {
            count: self.count,
            batch_size: self.batch_size.map_or(default_batch_size, NonZeroU32::get),
            rate: self.rate,
            parallel: self.parallel,
        };
        let summary = post_all(&webhook, &plan, batch).await?;
        self.print(&summary)
    }

    fn print(&self, summary: &Summary) -> Result<()> {
        still_running(if self.json {
            line!("{}", serde_json::to_string_pretty(summary)?)
        } else {
            line!("{summary}")
        })?;
        ensure!(
            summary.refused == 0,
            "{} of {} were refused, the first because: {}",
            summary.refused,
            counted(summary.batches, "batch"),
            summary.first_refusal.as_deref().unwrap_or("unknown")
        );
        Ok(())
    }
}

impl TrackOptions {
    fn generator(&self) -> track::GeneratorOptions {
        let GeneratorOptions { start, span, total } = self.all.generator();
        let shape = match self.shape {
            Shape::Article => track::Shape::Article,
            Shape::Click => track::Shape::Click,
        };
        track::GeneratorOptions {
            shape,
            people: self.people.unwrap_or(shape.default_people()),
            start,
            span,
            total,
        }
    }
}
