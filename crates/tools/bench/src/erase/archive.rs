//! The same events in raw objects, in Postgres and in the lake.

use std::{
    hash::{BuildHasher as _, RandomState},
    io::{Cursor, sink},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use aws_io::{
    S3Client, gzip,
    s3::{NewObject, ObjectRef, put_new},
};
use event_model::{BatchKey, sparkpost::parse_batch};
use event_samples::sparkpost::{Generator, GeneratorOptions};
use lake_files::{Source, convert};
use lake_schema::Table;
use time::{
    OffsetDateTime,
    macros::{date, datetime},
};

use super::CALL_LIMIT;
use crate::database::Database;

/// Events of a raw object.
const BATCH_SIZE: usize = 1_000;
/// Events from which a day's file of the lake is made, and of which each day has its part.
const LAKE_BATCH_SIZE: usize = 50_000;
const START: OffsetDateTime = datetime!(2024-06-11 0:00 UTC);
const NOW: OffsetDateTime = datetime!(2024-06-13 12:00 UTC);
const SPAN: Duration = Duration::from_hours(2 * 24);

/// Buckets, each with one place.
pub(super) struct Archive {
    pub(super) raw: String,
    pub(super) lake: String,
    pub(super) empty: String,
}

impl Archive {
    pub(super) async fn fill(s3: &S3Client, database: &Database, events: usize) -> Result<Self> {
        database.make_weeks("2024-06-02", "2024-06-14")?;
        let archive = Self {
            raw: create(s3, "raw").await?,
            lake: create(s3, "lake").await?,
            empty: create(s3, "empty").await?,
        };
        let store = database.store()?;
        let mut generator = generator(events)?;
        for first in (0..events).step_by(BATCH_SIZE) {
            let body = generator.batch(BATCH_SIZE.min(events - first));
            let key = BatchKey::new(Some(&format!("b{first:09}")), &body);
            store.load_batch(&key, &parse_batch(&body, NOW)).await?;
            let object_key = key.object_key(NOW.date());
            put(s3, &archive.raw, object_key, gzip::encode(&body)).await?;
        }
        archive.fill_lake(s3, events).await?;
        let stored = database.event_count()?;
        ensure!(stored == events, "{stored} of {events} events were loaded");
        Ok(archive)
    }

    async fn fill_lake(&self, s3: &S3Client, events: usize) -> Result<()> {
        let table = Table::email_events();
        let mut generator = generator(events)?;
        for first in (0..events).step_by(LAKE_BATCH_SIZE) {
            let body = generator.batch(LAKE_BATCH_SIZE.min(events - first));
            let key = BatchKey::new(Some(&format!("l{first:09}")), &body).object_key(NOW.date());
            let source = Source {
                key: &key,
                arrival: NOW,
                first_day: date!(2024 - 01 - 01),
                delivery: None,
            };
            let converted = convert(&table, source, Cursor::new(body), sink())?;
            for part in converted.parts {
                put(s3, &self.lake, part.file.key(table.name()), part.bytes).await?;
            }
        }
        Ok(())
    }
}

fn generator(events: usize) -> Result<Generator> {
    let options = GeneratorOptions {
        start: START,
        span: SPAN,
        total: u64::try_from(events)?,
    };
    Ok(Generator::new(1, options))
}

async fn create(s3: &S3Client, purpose: &str) -> Result<String> {
    let bucket = format!("erase-{purpose}-{:016x}", RandomState::new().hash_one(0));
    s3.create_bucket()
        .bucket(&bucket)
        .send()
        .await
        .context("creating a bucket")?;
    Ok(bucket)
}

async fn put(s3: &S3Client, bucket: &str, key: String, body: Vec<u8>) -> Result<()> {
    let object = NewObject {
        name: ObjectRef {
            bucket: bucket.to_owned(),
            key,
        },
        body: body.into(),
        content_type: "application/octet-stream",
        metadata: Vec::new(),
    };
    put_new(s3, &object, CALL_LIMIT).await?;
    Ok(())
}
