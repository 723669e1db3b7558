//! The report "Time to open" against SQL that was written apart from it, over generated messages: opened twice, by machines, before
//! their delivery, without one, or delivered twice.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sqlx::Row as _;
use time::{Duration, OffsetDateTime, macros::datetime};

use super::client::Client;
use crate::stack::{Stack, fresh_id};

/// Days in which no other test has events, and times in them: a range that begins and ends within a day, and one that has all.
const START: OffsetDateTime = datetime!(2019-06-01 00:00 UTC);
const RANGES: [(&str, &str); 3] = [
    ("2019-06-01T00:00:00Z", "2019-06-05T00:00:00Z"),
    ("2019-06-02T03:20:00Z", "2019-06-03T17:45:00Z"),
    ("2019-06-04T00:00:00Z", "2019-06-08T00:00:00Z"),
];
/// The report looks at the newest thousand opens.
const MESSAGES: u64 = 450;

/// The groups of the report, as seconds at which each but the first begins.
const LIMITS: &str = "array[60, 300, 900, 3600, 10800, 43200, 86400, 259200]";

const BY_GROUP: &str = "
    with opened as (
        select distinct on (message_id) message_id, ts,
            coalesce(event -> 'user_agent_parsed' ->> 'is_prefetched' = 'true', false) as by_machine
        from email_events
        where type in ('open', 'initial_open', 'amp_open', 'amp_initial_open')
            and ts >= $1::timestamptz and ts < $2::timestamptz
        order by message_id, ts
    ),
    delivered as (
        select message_id, min(ts) as ts
        from email_events
        where type = 'delivery' and ts >= $1::timestamptz - interval '30 days' and ts < $2::timestamptz
        group by message_id
    ),
    times as (
        select greatest(0, extract(epoch from opened.ts - delivered.ts))::int as seconds, by_machine
        from opened join delivered using (message_id)
    )";

#[tokio::test]
async fn times_to_open_are_those_of_the_database() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("opening");
    let events = messages(&id);
    let total = events.len();
    let accounts = stack
        .deliver_gzip(&id, &serde_json::to_vec(&events)?)
        .await?;
    ensure!(usize::try_from(accounts.received)? == total, "{accounts:?}");
    let client = Client::signed_in(&stack).await?;

    for (from, to) in RANGES {
        let query = format!("from={from}&to={to}");
        let sql = format!(
            "{BY_GROUP} select width_bucket(seconds, {LIMITS}), count(*), count(*) filter (where by_machine) from times group by 1"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(from)
            .bind(to)
            .fetch_all(&stack.db)
            .await?;
        let wanted: BTreeMap<usize, (i64, i64)> = rows
            .iter()
            .map(|row| {
                let group: i32 = row.try_get(0)?;
                Ok((usize::try_from(group)?, (row.try_get(1)?, row.try_get(2)?)))
            })
            .collect::<Result<_>>()?;
        ensure!(wanted.len() > 3, "{query} has few groups: {wanted:?}");

        let path = "/console/reports/time-to-open";
        let file = client.get(&format!("{path}?{query}&format=csv")).await?;
        let told: BTreeMap<usize, (i64, i64)> = file
            .body
            .lines()
            .skip(1)
            .enumerate()
            .map(|(group, line)| {
                let cells: Vec<&str> = line.split(',').collect();
                Ok((group, (cells[1].parse()?, cells[4].parse()?)))
            })
            .collect::<Result<_>>()?;
        let told_with_some: BTreeMap<_, _> = told
            .iter()
            .filter(|(_, (count, _))| *count > 0)
            .map(|(group, counts)| (*group, *counts))
            .collect();
        ensure!(told.len() == 9, "{}", file.body);
        ensure!(
            told_with_some == wanted,
            "{query}: the report has {told_with_some:?}, and the database {wanted:?}"
        );

        let sql = format!(
            "{BY_GROUP} select count(*), percentile_disc(0.5) within group (order by seconds), percentile_disc(0.9) within group (order by seconds) from times"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(from)
            .bind(to)
            .fetch_one(&stack.db)
            .await?;
        let (count, half, most): (i64, i32, i32) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let page = client.get(&format!("{path}?{query}")).await?.body;
        let sentence = page
            .split_once("Half of ")
            .context("the finding")?
            .1
            .split_once("</p>")
            .context("its end")?
            .0;
        let spans: Vec<&str> = sentence
            .split("<b>")
            .skip(1)
            .filter_map(|part| part.split("</b>").next())
            .collect();
        ensure!(
            sentence.starts_with(&format!("{count} ")) && spans.len() == 2,
            "{sentence}, not {count}"
        );
        for (span, seconds) in spans.iter().zip([half, most]) {
            ensure!(
                is_span_of(span, i64::from(seconds)),
                "{query}: {span} is not {seconds} s"
            );
        }
    }
    Ok(())
}

/// Whether words such as `2 h 5 min` are of so many seconds, as exactly as they tell it.
fn is_span_of(words: &str, seconds: i64) -> bool {
    let mut told = 0;
    let mut smallest = 1;
    let parts: Vec<&str> = words.split_whitespace().collect();
    for pair in parts.chunks(2) {
        let unit = match pair.get(1) {
            Some(&"d") => 86_400,
            Some(&"h") => 3_600,
            Some(&"min") => 60,
            Some(&"s") => 1,
            _ => return false,
        };
        let Ok(count) = pair[0].parse::<f64>() else {
            return false;
        };
        #[expect(clippy::cast_possible_truncation, reason = "a few days in seconds")]
        let part = (count * f64::from(unit)).round() as i64;
        told += part;
        smallest = i64::from(unit);
    }
    (told - seconds).abs() <= smallest
}

/// Messages whose times a small generator chooses, the same in each run. No two opens of a message are in one second.
fn messages(id: &str) -> Vec<Value> {
    let mut state = 0x5eed_u64;
    let mut next = |limit: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let mut events = Vec::new();
    let mut add = |kind: &str, message: u64, second: i64, machine: bool| {
        let time = START + Duration::seconds(second);
        events.push(json!({ "msys": { "track_event": {
            "type": kind, "event_id": format!("{id}-{}", events.len()), "message_id": format!("{id}-{message}"),
            "timestamp": time.unix_timestamp().to_string(), "rcpt_to": "reader@example.com",
            "user_agent_parsed": { "is_prefetched": machine, "is_proxy": false },
        } } }));
    };
    for message in 0..MESSAGES {
        let sent = i64::try_from(next(5 * 86_400)).unwrap_or(0);
        if next(8) > 0 {
            add("delivery", message, sent, false);
        }
        if next(10) == 0 {
            add("delivery", message, sent + 40, false);
        }
        let most = [
            50, 280, 850, 3_000, 10_000, 40_000, 80_000, 250_000, 400_000,
        ][usize::try_from(next(9)).unwrap_or(0)];
        let after = i64::try_from(next(most)).unwrap_or(0) - 3;
        add("open", message, sent + after, next(3) == 0);
        if next(2) == 0 {
            let again = after + 1 + i64::try_from(next(5_000)).unwrap_or(0);
            add("initial_open", message, sent + again, next(3) == 0);
        }
    }
    events
}
