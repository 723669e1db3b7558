//! The functions that process notifications of objects: loader and archiver.

use anyhow::{Context, Result, ensure};
use aws_io::{Aws, S3Client, gzip};
use event_model::BatchKey;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgPool};
use time::OffsetDateTime;

use crate::{
    lambda::{Lambda, endpoint},
    shapes::{self, Shape},
};

/// The loader's memory in the template.
const LOADER_MIB: u64 = 256;
/// The archiver's memory in the template.
const ARCHIVER_MIB: u64 = 512;
const SMALL_BYTES: usize = 300_000;

pub(crate) struct Bucket {
    s3: S3Client,
    pub(crate) name: String,
}

impl Bucket {
    pub(crate) async fn new() -> Result<Self> {
        let s3 = Aws::local(&endpoint()?).await.s3();
        let time = OffsetDateTime::now_utc().unix_timestamp_nanos();
        let name = format!("junk-{time}");
        s3.create_bucket().bucket(&name).send().await?;
        Ok(Self { s3, name })
    }

    pub(crate) async fn put(&self, key: &str, object: Vec<u8>) -> Result<usize> {
        let size_bytes = object.len();
        let put = self.s3.put_object().bucket(&self.name).key(key);
        put.body(object.into()).send().await?;
        Ok(size_bytes)
    }

    pub(crate) async fn put_text(&self, key: &str, text: &str) -> Result<()> {
        self.put(key, text.as_bytes().to_vec()).await?;
        Ok(())
    }

    /// The keys under a prefix.
    pub(crate) async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let listed = aws_io::s3::listing::list(
            &self.s3,
            &self.name,
            prefix,
            std::time::Duration::from_secs(20),
        );
        Ok(listed.await?.into_iter().map(|object| object.key).collect())
    }

    /// The text of all objects under a prefix.
    pub(crate) async fn texts(&self, prefix: &str) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        for key in self.keys(prefix).await? {
            let object = self
                .s3
                .get_object()
                .bucket(&self.name)
                .key(key)
                .send()
                .await?;
            let bytes = object.body.collect().await?.into_bytes();
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        Ok(texts)
    }

    /// A message about one object.
    fn record(&self, index: usize, key: &str, size_bytes: usize) -> Value {
        let notification = json!({ "Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": { "bucket": { "name": self.name }, "object": { "key": key, "size": size_bytes } },
        }] });
        json!({
            "messageId": index.to_string(), "receiptHandle": "r", "body": notification.to_string(),
            "attributes": { "ApproximateReceiveCount": "1" }, "messageAttributes": {},
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:0:q", "awsRegion": "us-east-1",
        })
    }
}

/// Delivers an object of junk between two good ones; fails unless all of them are settled.
async fn deliver(
    bucket: &Bucket,
    function: &mut Lambda,
    objects: [(&str, Vec<u8>); 3],
) -> Result<()> {
    let mut records = Vec::new();
    for (index, (key, object)) in objects.into_iter().enumerate() {
        let size_bytes = bucket.put(key, object).await?;
        records.push(bucket.record(index, key, size_bytes));
    }
    let answer = function.invoke(&json!({ "Records": records })).await?;
    let failures = answer["batchItemFailures"]
        .as_array()
        .context("a list of failures")?;
    ensure!(failures.is_empty(), "not settled: {failures:?}");
    Ok(())
}

fn good_batch(id: &str) -> Vec<u8> {
    let timestamp = OffsetDateTime::now_utc().unix_timestamp().to_string();
    let event = json!({ "msys": { "message_event": {
        "type": "delivery", "event_id": id, "timestamp": timestamp, "rcpt_to": "a@example.com",
    } } });
    serde_json::to_vec(&[event]).unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn loader_lives_through_every_shape_and_loads_what_is_beside_it(pool: PgPool) -> Result<()> {
    let bucket = Bucket::new().await?;
    let database_url = pool.connect_options().to_url_lossy().to_string();
    let environment = [
        ("EVENTS_BUCKET", bucket.name.clone()),
        ("DATABASE_URL", database_url),
        ("DATABASE_LOGIN", "password".to_owned()),
    ];
    let mut loader = Lambda::start("loader", LOADER_MIB, &environment).await?;
    let day = OffsetDateTime::now_utc().date();
    let mut good_count = 0_i64;

    let of_sparkpost = shapes::bodies().into_iter().map(|shape| (None, shape));
    let of_senders = shapes::of_senders().into_iter();
    let all = of_sparkpost.chain(of_senders.map(|shape| (Some("mailgun"), shape)));
    for (number, (sender, Shape { name, body })) in all.enumerate() {
        let good = ["before", "after"].map(|position| {
            let body = good_batch(&format!("{number}-{position}"));
            (
                BatchKey::new(None, &body).object_key(day),
                gzip::encode(&body),
            )
        });
        good_count += 2;
        let junk_key = match sender {
            Some(sender) => BatchKey::of_sender(sender, Some("junk"), &body),
            None => BatchKey::new(Some("junk"), &body),
        };
        let junk_name = junk_key.object_key(day);
        let junk = gzip::encode(&body);
        drop(body);

        let [before, after] = good;
        let objects = [
            (&*before.0, before.1),
            (&*junk_name, junk),
            (&*after.0, after.1),
        ];
        deliver(&bucket, &mut loader, objects)
            .await
            .with_context(|| name)?;

        // Every item is accounted for, in the database or, if the whole object is unusable, in the bucket.
        let sums: Option<(i32, i32, i32)> =
            sqlx::query_as("select events, inserted, rejected from batches where batch_key = $1")
                .bind(junk_key.as_str())
                .fetch_optional(&pool)
                .await?;
        let rows: i64 =
            sqlx::query_scalar("select count(*) from email_events_rejected where batch_key = $1")
                .bind(junk_key.as_str())
                .fetch_one(&pool)
                .await?;
        let (events, inserted, rejected) = sums.with_context(|| name)?;
        ensure!(events >= inserted + rejected, "{name}: {sums:?}");
        ensure!(
            rows <= 2_002 && (rows > 0) == (rejected > 0),
            "{name}: {rows} rows for {rejected}"
        );
        println!(
            "loader, {name}: {events} = {inserted} + {rejected} in {rows} rows, peak {} MiB",
            loader.peak_mib()?
        );
    }

    let stored: i64 =
        sqlx::query_scalar("select count(*) from email_events where rcpt_to = 'a@example.com'")
            .fetch_one(&pool)
            .await?;
    ensure!(stored == good_count, "{stored} of {good_count}");
    Ok(())
}

/// The loader may receive an object that ingest never wrote.
#[sqlx::test(migrations = "../migrations")]
async fn loader_refuses_objects_of_other_forms_once_each(pool: PgPool) -> Result<()> {
    let bucket = Bucket::new().await?;
    let environment = [
        ("EVENTS_BUCKET", bucket.name.clone()),
        (
            "DATABASE_URL",
            pool.connect_options().to_url_lossy().to_string(),
        ),
        ("DATABASE_LOGIN", "password".to_owned()),
    ];
    let mut loader = Lambda::start("loader", LOADER_MIB, &environment).await?;
    let day = OffsetDateTime::now_utc().date();
    let tiny = gzip::encode(b"");
    let zeros = gzip::encode(&vec![0; 1 << 20]);
    let objects = [
        (
            "many-tiny-members",
            tiny.repeat((32 << 20) / tiny.len()),
            None,
        ),
        ("bomb", zeros.repeat(1_000), Some("too_large")),
        (
            "zstd",
            b"\x28\xb5\x2f\xfd\0\0\0\0".repeat(1_000),
            Some("is zstd, not gzip"),
        ),
        ("zip", b"PK\x03\x04".repeat(1_000), Some("is zip, not gzip")),
        (
            "utf-16",
            b"\xff\xfe[\0".to_vec(),
            Some("is UTF-16, not gzip"),
        ),
        ("plain", b"[1]".to_vec(), Some("not_gzip")),
    ];

    for (name, object, said) in objects {
        let good = good_batch(name);
        let good_name = BatchKey::new(None, &good).object_key(day);
        let junk_name = format!("raw/sparkpost/dt={day}/{name}.json.gz");
        let marker = format!("raw/sparkpost/dt={day}/_SUCCESS");
        let objects = [
            (&*junk_name, object),
            (&*good_name, gzip::encode(&good)),
            (&*marker, Vec::new()),
        ];
        deliver(&bucket, &mut loader, objects)
            .await
            .with_context(|| name)?;

        let lines = bucket.texts("rejected/email_events/").await?;
        let own: Vec<_> = lines
            .iter()
            .filter(|line| line.contains(&junk_name))
            .collect();
        match said {
            Some(said) => ensure!(own.len() == 1 && own[0].contains(said), "{name}: {own:?}"),
            None => ensure!(own.is_empty(), "{name}: {own:?}"),
        }
        println!("loader, {name}: peak {} MiB", loader.peak_mib()?);
    }
    let stored: i64 = sqlx::query_scalar("select count(*) from email_events")
        .fetch_one(&pool)
        .await?;
    ensure!(stored == 6, "{stored}");
    Ok(())
}

#[tokio::test]
async fn archiver_lives_through_every_shape_and_archives_what_is_beside_it() -> Result<()> {
    let bucket = Bucket::new().await?;
    let environment = [
        ("EVENTS_BUCKET", bucket.name.clone()),
        ("LAKE_FIRST_DAY", "2026-01-01".to_owned()),
    ];
    let mut archiver = Lambda::start("archiver", ARCHIVER_MIB, &environment).await?;
    let day = OffsetDateTime::now_utc().date();
    let mut delivered = 0;

    // Large ones in one pipeline, because the same code reads all three; small ones in the two that parse them first.
    let large = shapes::bodies().into_iter().map(|shape| ("track", shape));
    let small = ["sparkpost", "mparticle"].into_iter().flat_map(|pipeline| {
        shapes::scaled(SMALL_BYTES)
            .into_iter()
            .map(move |shape| (pipeline, shape))
    });
    for (number, (pipeline, Shape { name, body })) in large.chain(small).enumerate() {
        let junk = gzip::encode(&body);
        drop(body);
        let keys = ["a", "junk", "b"]
            .map(|part| format!("raw/{pipeline}/dt={day}/hour=00/{number}-{part}.gz"));
        let good = gzip::encode(match pipeline {
            "mparticle" => br#"{"mpid":1,"events":[{"event_type":"session_start"}]}"#.as_slice(),
            _ => br#"{"event":"good","userId":"u"}"#,
        });
        let [before, middle, after] = &keys;
        let objects = [
            (&**before, good.clone()),
            (&**middle, junk),
            (&**after, good),
        ];
        deliver(&bucket, &mut archiver, objects)
            .await
            .with_context(|| format!("{name} in {pipeline}"))?;
        delivered += 2;
        println!(
            "archiver, {name} in {pipeline}: peak {} MiB",
            archiver.peak_mib()?
        );
    }

    let parts = bucket.keys("lake/").await?.len();
    ensure!(
        parts >= delivered,
        "{parts} parts of {delivered} good objects"
    );
    Ok(())
}

#[tokio::test]
async fn archiver_lives_through_bodies_of_other_senders() -> Result<()> {
    let bucket = Bucket::new().await?;
    let environment = [
        ("EVENTS_BUCKET", bucket.name.clone()),
        ("LAKE_FIRST_DAY", "2026-01-01".to_owned()),
    ];
    let mut archiver = Lambda::start("archiver", ARCHIVER_MIB, &environment).await?;
    let day = OffsetDateTime::now_utc().date();

    let mut good_count = 0;
    for Shape { name, body } in shapes::of_senders() {
        let good = ["a", "b"].map(|id| {
            let body = good_batch(&format!("{name}-{id}"));
            (
                BatchKey::new(None, &body).object_key(day),
                gzip::encode(&body),
            )
        });
        let junk_name = BatchKey::of_sender("mailgun", Some("junk"), &body).object_key(day);
        let junk = gzip::encode(&body);
        drop(body);
        let [before, after] = good;
        let objects = [
            (&*before.0, before.1),
            (&*junk_name, junk),
            (&*after.0, after.1),
        ];
        deliver(&bucket, &mut archiver, objects)
            .await
            .with_context(|| name)?;
        good_count += 2;
        println!("archiver, {name}: peak {} MiB", archiver.peak_mib()?);
    }

    let parts = bucket.keys("lake/email_events/").await?.len();
    ensure!(parts >= good_count, "{parts} parts of {good_count}");
    Ok(())
}

/// A member of a batch is repeated in the row of each of its events.
#[tokio::test]
async fn archiver_lives_through_messages_that_say_much_of_many_events() -> Result<()> {
    let bucket = Bucket::new().await?;
    let environment = [
        ("EVENTS_BUCKET", bucket.name.clone()),
        ("LAKE_FIRST_DAY", "2026-01-01".to_owned()),
    ];
    let mut archiver = Lambda::start("archiver", ARCHIVER_MIB, &environment).await?;
    let day = OffsetDateTime::now_utc().date();
    let folder = format!("raw/mparticle/dt={day}/hour=00");
    let body = format!(
        r#"{{"user_attributes":{{"a":"{}"}},"events":[{}]}}"#,
        "x".repeat(500_000),
        vec!["{}"; 100_000].join(",")
    );
    let line = json!({ "messageId": "m", "sentAt": "2026-01-01T12:00:00Z", "body": body });
    let good = r#"{"messageId":"g","sentAt":"2026-01-01T12:00:00Z","body":"{\"mpid\":1,\"events\":[{\"event_type\":\"session_start\"}]}"}"#;
    let mut keys = ["a", "b", "c"].map(|name| format!("{folder}/{name}.ndjson.gz"));
    keys.sort();
    let [first, second, third] = &keys;
    let objects = [
        (&**first, gzip::encode(good.as_bytes())),
        (
            &**second,
            gzip::encode(format!("{line}\n{good}\n").as_bytes()),
        ),
        (&**third, gzip::encode(good.as_bytes())),
    ];

    deliver(&bucket, &mut archiver, objects).await?;

    ensure!(bucket.keys("lake/app_events/").await?.len() == 3);
    let rejected = bucket.texts("rejected/").await?;
    ensure!(
        rejected.len() == 1 && rejected[0].contains("its batch says"),
        "{}",
        rejected.len()
    );
    Ok(())
}
