//! Rebuilding a database from raw objects, compared with loading the same batches from memory.

use std::{
    env,
    hash::{BuildHasher as _, RandomState},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use aws_io::{
    Aws, S3Client, gzip, notification,
    s3::{NewObject, ObjectRef, listing, put_new},
};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use event_model::{BatchKey, Pipeline, sparkpost::parse_batch};
use event_samples::sparkpost::{Generator, GeneratorOptions};
use function_kit::{capture::Capture, metrics::Metrics};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lambda_runtime::{Context, LambdaEvent};
use loader::{Deps, handle};
use serde_json::json;
use time::{OffsetDateTime, macros::datetime};

use crate::{
    database::Database,
    figure::{Better, Figure},
};

/// Number of events, unless `BENCH_EVENTS` says otherwise.
const EVENTS: usize = 1_000_000;
const BATCH_SIZE: usize = 1_000;
/// The speed of the rebuild, divided by that of loading from memory.
const SPEED_TARGET: f64 = 0.6;
const START: OffsetDateTime = datetime!(2024-06-03 0:00 UTC);
const NOW: OffsetDateTime = datetime!(2024-06-13 12:00 UTC);
const SPAN: Duration = Duration::from_hours(10 * 24);
const CALL_LIMIT: Duration = Duration::from_mins(1);
const UPLOADS: usize = 8;
/// As Lambda hands them to the loader.
const MESSAGES: usize = 10;
/// Every column of every row in the order of the keys, as one sum.
const CHECKSUM: &str = "select count(*), md5(string_agg(md5(email_events::text), '' order by ts, event_key)) from email_events";

pub(crate) async fn measure() -> Result<Vec<Figure>> {
    let events = match env::var("BENCH_EVENTS") {
        Ok(number) => number.parse().context("reading BENCH_EVENTS")?,
        Err(_) => EVENTS,
    };
    let endpoint_url = env::var("AWS_ENDPOINT_URL")
        .context("AWS_ENDPOINT_URL must name a local AWS endpoint; `cistern exec` sets it")?;
    let s3 = Aws::local(&endpoint_url).await.s3();
    let bucket = format!("rebuild-{:016x}", RandomState::new().hash_one(0));
    s3.create_bucket()
        .bucket(&bucket)
        .send()
        .await
        .context("creating a bucket")?;
    let original = Database::create("original").await?;
    let rebuilt = Database::create("rebuilt").await?;
    for database in [&original, &rebuilt] {
        database.make_weeks("2024-06-02", "2024-06-14")?;
    }

    let loading = load(&original, &s3, &bucket, events).await?;
    let rebuilding = rebuild(&rebuilt, &s3, &bucket).await?;

    let sums = [&original, &rebuilt].map(|database| database.psql().run(CHECKSUM));
    let [before, after] = sums;
    let (before, after) = (before?, after?);
    ensure!(
        before.starts_with(&format!("{events}|")),
        "not all events were loaded: {before}"
    );
    Ok(figures(events, loading, rebuilding, before == after))
}

/// Loads the batches from memory, one after the other on one connection, and stores each as a raw object, which is not measured.
async fn load(database: &Database, s3: &S3Client, bucket: &str, events: usize) -> Result<Duration> {
    let options = GeneratorOptions {
        start: START,
        span: SPAN,
        total: u64::try_from(events)?,
    };
    let mut generator = Generator::new(1, options);
    let store = database.store()?;
    let mut duration = Duration::ZERO;
    for first in (0..events).step_by(BATCH_SIZE * UPLOADS) {
        let mut objects = Vec::new();
        for start in (first..events).step_by(BATCH_SIZE).take(UPLOADS) {
            let body = generator.batch(BATCH_SIZE.min(events - start));
            let key = BatchKey::new(Some(&format!("b{start:09}")), &body);
            let started = Instant::now();
            store.load_batch(&key, &parse_batch(&body, NOW)).await?;
            duration += started.elapsed();
            objects.push(NewObject {
                name: ObjectRef {
                    bucket: bucket.to_owned(),
                    key: key.object_key(NOW.date()),
                },
                body: gzip::encode(&body).into(),
                content_type: "application/gzip",
                metadata: Vec::new(),
            });
        }
        stream::iter(&objects)
            .map(|object| put_new(s3, object, CALL_LIMIT))
            .buffer_unordered(UPLOADS)
            .try_collect::<Vec<_>>()
            .await?;
        eprintln!(
            "loaded {} of {events} events",
            (first + BATCH_SIZE * UPLOADS).min(events)
        );
    }
    Ok(duration)
}

/// What `cistern replay` causes: every object is listed, and its notification is processed by the loader.
async fn rebuild(database: &Database, s3: &S3Client, bucket: &str) -> Result<Duration> {
    let deps = Deps {
        bucket: bucket.to_owned(),
        s3: s3.clone(),
        erased: erasure::TombstoneList::new(s3.clone(), bucket),
        senders: sender_recipes::SenderList::new(s3.clone(), bucket),
        store: database.store()?,
        metrics: Metrics::to(Pipeline::EmailEvents, Capture::default()),
        clock: || NOW,
    };
    let started = Instant::now();
    let objects = listing::list(s3, bucket, Pipeline::EmailEvents.raw_prefix(), CALL_LIMIT).await?;
    for (round, chunk) in objects.chunks(MESSAGES).enumerate() {
        let records = chunk.iter().enumerate().map(|(index, object)| {
            let mut message = SqsMessage::default();
            message.message_id = Some(index.to_string());
            message.body = Some(notification::encode(&ObjectRef {
                bucket: bucket.to_owned(),
                key: object.key.clone(),
            }));
            message
        });
        let mut event = SqsEvent::default();
        event.records = records.collect();
        let mut context = Context::default();
        let deadline = NOW + CALL_LIMIT;
        context.deadline = u64::try_from(deadline.unix_timestamp())? * 1_000;
        let response = handle(&deps, LambdaEvent::new(event, context)).await?;
        ensure!(
            response.batch_item_failures.is_empty(),
            "objects were not loaded"
        );
        if round % 10 == 9 {
            eprintln!(
                "rebuilt {} of {} objects",
                (round + 1) * MESSAGES,
                objects.len()
            );
        }
    }
    Ok(started.elapsed())
}

fn figures(events: usize, loading: Duration, rebuilding: Duration, is_same: bool) -> Vec<Figure> {
    let speed = |duration: Duration| count(events) / duration.as_secs_f64();
    let detail = json!({
        "events": events,
        "loading_seconds": loading.as_secs_f64(),
        "rebuilding_seconds": rebuilding.as_secs_f64(),
    });
    vec![
        Figure::new(
            "rebuild.speed_ratio".to_owned(),
            speed(rebuilding) / speed(loading),
            "of loading",
            Better::Higher,
        )
        .target(SPEED_TARGET)
        .detail(detail),
        Figure::new(
            "rebuild.events_per_second".to_owned(),
            speed(rebuilding),
            "events/s",
            Better::Higher,
        )
        .detail(json!({ "loading": speed(loading) })),
        Figure::new(
            "rebuild.same_rows".to_owned(),
            f64::from(u8::from(is_same)),
            "1 if so",
            Better::Higher,
        )
        .target(1.0),
    ]
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a measurement are far below 2^52"
)]
fn count(number: usize) -> f64 {
    number as f64
}
