//! `cistern replay` of many objects: rows that were lost become the same rows, also when the replay is killed on its way.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aws_io::Aws;
use event_model::BatchKey;
use event_samples::sparkpost::{Generator, GeneratorOptions};
use serde_json::Value;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use super::{cistern, command};
use crate::stack::{ARRIVAL, Stack, distinct_events, eventually, fresh_id};

/// Batches of one test, whose objects share a prefix.
struct Batches {
    stack: Stack,
    prefix: String,
    keys: Vec<String>,
    /// The identities of all events.
    events: (Vec<OffsetDateTime>, Vec<Uuid>),
}

impl Batches {
    async fn deliver(stack: Stack, label: &str, bodies: &[Vec<u8>]) -> Result<Self> {
        let id = fresh_id(label);
        let day = OffsetDateTime::now_utc().date();
        let (mut keys, mut events) = (Vec::new(), std::collections::BTreeSet::new());
        for (index, body) in bodies.iter().enumerate() {
            let batch_id = format!("{id}-{index:03}");
            stack.deliver(&batch_id, body.clone()).await?;
            keys.push(BatchKey::new(Some(&batch_id), body).as_str().to_owned());
            events.extend(distinct_events(body));
        }
        // Batches that arrive around midnight are in two folders.
        ensure!(
            day == OffsetDateTime::now_utc().date(),
            "the day has changed: repeat the test"
        );
        Ok(Self {
            stack,
            prefix: format!("raw/sparkpost/dt={day}/{id}"),
            keys,
            events: events.into_iter().unzip(),
        })
    }

    /// All columns of the events in the order of their keys, as one sum; and how many there are.
    async fn checksum(&self) -> Result<(i64, Option<String>)> {
        let (times, keys) = &self.events;
        let row = sqlx::query_as(
            r"
            select count(*), md5(string_agg(email_events::text, e'\n' order by ts, event_key))
            from email_events
            join unnest($1::timestamptz[], $2::uuid[]) as sent (ts, event_key)
                using (ts, event_key)
            ",
        )
        .bind(times)
        .bind(keys)
        .fetch_one(&self.stack.db)
        .await?;
        Ok(row)
    }

    /// Sums of the batches: received, stored, rejected; and the rejections.
    async fn sums(&self) -> Result<(i64, i64, i64, Option<String>)> {
        let row = sqlx::query_as(
            r"
            select
                sum(events),
                sum(inserted),
                sum(rejected),
                (
                    select md5(string_agg(concat_ws(' ', batch_key, ordinal, reason, raw), e'\n' order by batch_key, ordinal))
                    from email_events_rejected
                    where batch_key = any($1)
                )
            from batches
            where batch_key = any($1)
            ",
        )
        .bind(&self.keys)
        .fetch_one(&self.stack.db)
        .await?;
        Ok(row)
    }

    /// As if the database had never had them.
    async fn forget(&self) -> Result<()> {
        let (times, keys) = &self.events;
        sqlx::query(
            r"
            delete from email_events
            using unnest($1::timestamptz[], $2::uuid[]) as sent (ts, event_key)
            where email_events.ts = sent.ts and email_events.event_key = sent.event_key
            ",
        )
        .bind(times)
        .bind(keys)
        .execute(&self.stack.db)
        .await?;
        for table in ["email_events_rejected", "batches"] {
            sqlx::query(sqlx::AssertSqlSafe(format!(
                "delete from {table} where batch_key = any($1)"
            )))
            .bind(&self.keys)
            .execute(&self.stack.db)
            .await?;
        }
        Ok(())
    }

    async fn loaded(&self) -> Result<i64> {
        let count = sqlx::query_scalar("select count(*) from batches where batch_key = any($1)")
            .bind(&self.keys)
            .fetch_one(&self.stack.db)
            .await?;
        Ok(count)
    }
}

fn generator(total: u64) -> Result<Generator> {
    let now = OffsetDateTime::now_utc();
    let options = GeneratorOptions {
        start: now - Duration::from_hours(72),
        span: Duration::from_hours(71),
        total,
    };
    Ok(Generator::new(
        u64::try_from(now.unix_timestamp_nanos() % i128::from(u64::MAX))?,
        options,
    ))
}

/// Batches of one event.
fn small_bodies(count: usize) -> Result<Vec<Vec<u8>>> {
    let mut generator = generator(u64::try_from(count)?)?;
    Ok((0..count).map(|_| generator.batch(1)).collect())
}

/// Several thousand events, a batch that repeats another one's events, and one with an event that is rejected.
#[tokio::test]
async fn events_that_are_rebuilt_from_raw_objects_are_the_same_row_for_row() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let mut generator = generator(5_000)?;
    let mut bodies: Vec<Vec<u8>> = (0..5).map(|_| generator.batch(1_000)).collect();
    bodies.push([b" ".as_slice(), &bodies[1]].concat());
    let mut broken = bodies[2].clone();
    broken.truncate(broken.len() - 1);
    broken.extend(
        br#",{"msys":{"message_event":{"type":"open","event_id":"1","timestamp":"planted"}}}]"#,
    );
    bodies.push(broken);
    let batches = Batches::deliver(stack, "rebuild", &bodies).await?;
    let (rows, sums) = (batches.checksum().await?, batches.sums().await?);
    ensure!(
        rows.0 == 5_000 && (sums.0, sums.2) == (7_001, 1),
        "{rows:?} {sums:?}"
    );
    batches.forget().await?;
    ensure!(batches.checksum().await?.0 == 0);

    let replayed = cistern(&["replay", &batches.prefix, "--run"]).await?;

    ensure!(batches.checksum().await? == rows, "{replayed}");
    ensure!(batches.sums().await? == sums, "{replayed}");
    ensure!(
        replayed["objects"] == 7 && replayed["done"] == 7 && replayed["done_before"] == 0,
        "{replayed}"
    );
    let events = &replayed["events"];
    ensure!(
        events["received"] == 7_001
            && events["stored"] == 5_000
            && events["duplicate"] == 2_000
            && events["rejected"] == 1,
        "{replayed}"
    );
    Ok(())
}

#[tokio::test]
async fn killed_replay_goes_on_where_it_stopped_and_counts_what_was_loaded_before() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let batches = Batches::deliver(stack, "resume", &small_bodies(30)?).await?;
    let all = batches.checksum().await?;
    batches.forget().await?;
    let arguments = ["replay", &batches.prefix, "--run"];

    let mut slow = command(&[&arguments[..], &["--rate", "3"]].concat())?
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let first = eventually("the first batches to be loaded", ARRIVAL, async || {
        let loaded = batches.loaded().await?;
        Ok((loaded >= 4).then_some(loaded))
    })
    .await?;
    slow.kill().await?;
    ensure!(first < 30, "the rate has no effect");

    let output = command(&arguments)?.output().await?;
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{notes}");
    let resumed: Value = serde_json::from_slice(&output.stdout)?;

    ensure!(
        notes.contains("continuing an interrupted replay"),
        "{notes}"
    );
    ensure!(batches.checksum().await? == all, "{resumed}");
    // All are of this replay, in both of its runs. At most the round that was being sent is sent twice.
    ensure!(
        resumed["objects"] == 30 && resumed["done"] == 30 && resumed["done_before"] == 0,
        "{resumed}"
    );
    let sent = resumed["sent"].as_i64().context("sent is a number")?;
    ensure!((27..=33).contains(&sent), "{resumed}");

    let again = cistern(&arguments).await?;

    ensure!(
        again["sent"] == 0 && again["done"] == 0 && again["done_before"] == 30,
        "{again}"
    );
    Ok(())
}

#[tokio::test]
async fn object_that_cannot_be_loaded_is_named_with_its_reason() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let batches = Batches::deliver(stack, "refused", &small_bodies(1)?).await?;
    let s3 = Aws::local(&batches.stack.file.aws_endpoint_url).await.s3();
    let plain = format!("{}-plain.json.gz", batches.prefix);
    s3.put_object()
        .bucket(&batches.stack.file.bucket)
        .key(&plain)
        .body(b"[]".to_vec().into())
        .send()
        .await?;

    let output = command(&["replay", &batches.prefix, "--run"])?
        .output()
        .await?;

    let replayed: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(output.status.code() == Some(3), "{replayed}");
    ensure!(
        replayed["done_before"] == 1 && replayed["done"] == 0,
        "{replayed}"
    );
    let rejected = &replayed["rejected"][0];
    ensure!(rejected["key"] == plain.as_str(), "{replayed}");
    let reason = rejected["reason"].as_str().context("a reason is a text")?;
    ensure!(reason.starts_with("not_gzip: "), "{replayed}");
    Ok(())
}

#[tokio::test]
async fn objects_that_are_in_the_lake_are_told_from_those_that_are_not() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("lake-replay");
    let s3 = Aws::local(&stack.file.aws_endpoint_url).await.s3();
    let day = OffsetDateTime::now_utc().date();
    let prefix = format!("raw/track/dt={day}/hour=00/{id}");
    let body = crate::stack::gzip(format!(r#"{{"id":"{id}","event":"replayed"}}"#).as_bytes())?;
    for name in ["a", "b"] {
        s3.put_object()
            .bucket(&stack.file.bucket)
            .key(format!("{prefix}-{name}.gz"))
            .body(body.clone().into())
            .send()
            .await?;
    }
    eventually("both objects to be archived", ARRIVAL, async || {
        let dry = cistern(&["replay", &prefix]).await?;
        Ok((dry["done_before"] == 2).then_some(()))
    })
    .await?;

    let replayed = cistern(&["replay", &prefix, "--run", "--wait", "60"]).await?;

    ensure!(
        replayed["sent"] == 2
            && replayed["done"] == 0
            && replayed["done_before"] == 2
            && replayed["without_rows"] == 0,
        "{replayed}"
    );
    Ok(())
}
