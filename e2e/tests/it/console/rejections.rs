//! The page "Rejected" against SQL, over batches in which events are broken in several ways.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use sqlx::Row as _;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    client::Client,
    figures::{number, table},
};
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};

/// Pages of twenty items.
const MOST_PAGES: usize = 20;

#[tokio::test]
async fn rejected_items_are_those_of_the_database_by_reason() -> Result<()> {
    // Nobody else rejects anything meanwhile.
    let (stack, _weather) = Stack::exclusive().await?;
    let start = second_from_now().await?;
    for (n, broken) in [7_usize, 1, 23].into_iter().enumerate() {
        let id = fresh_id("console-rejected");
        let accounts = stack.deliver(&id, batch(&id, n, broken)).await?;
        ensure!(
            usize::try_from(accounts.rejected)? == broken,
            "{accounts:?}"
        );
    }
    let end = second_from_now().await?;
    let client = Client::signed_in(&stack).await?;

    let mut told = told_by_reason(&client, start, end).await?;

    let sql = "select reason, count(*) from email_events_rejected where rejected_at >= $1 and rejected_at < $2 group by reason";
    let rows = sqlx::query(sql)
        .bind(start)
        .bind(end)
        .fetch_all(&stack.db)
        .await?;
    let wanted: BTreeMap<String, u64> = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, u64::try_from(row.try_get::<i64, _>(1)?)?)))
        .collect::<Result<_>>()?;
    ensure!(
        wanted.len() >= 3 && wanted.values().sum::<u64>() == 31,
        "{wanted:?}"
    );
    // What other tests had rejected today is listed from the bucket, which knows days only.
    told.retain(|reason, _| reason.contains("timestamp"));
    ensure!(
        told == wanted,
        "the pages have {told:?}, and the database {wanted:?}"
    );
    Ok(())
}

/// The sums of the pages' own tables by reason.
async fn told_by_reason(
    client: &Client,
    start: OffsetDateTime,
    end: OffsetDateTime,
) -> Result<BTreeMap<String, u64>> {
    let mut path = format!(
        "/console/rejected?pipeline=email_events&from={}&to={}",
        start.format(&Rfc3339)?,
        end.format(&Rfc3339)?
    );
    let mut told: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..MOST_PAGES {
        let page = client.get(&path).await?;
        ensure!(page.status == 200, "{path}: {}", page.status);
        for row in &table(&page.body, "<h2>Reasons")?[1..] {
            let reason = row[0].replace("&quot;", "\"");
            *told.entry(reason).or_default() += number(&row[2]);
        }
        let next = page
            .body
            .split("href=\"")
            .filter_map(|rest| rest.split('"').next())
            .find(|link| link.contains("cursor="));
        match next {
            Some(next) => path = next.replace("&amp;", "&"),
            None => return Ok(told),
        }
    }
    Err(anyhow::anyhow!("more than {MOST_PAGES} pages"))
}

/// Good events, and some that are broken in turn.
fn batch(id: &str, first: usize, broken: usize) -> Vec<u8> {
    let bad = [
        r#"{"msys":{"message_event":{"type":"delivery","timestamp":"when"}}}"#,
        r#"{"msys":{"message_event":{"type":"open","timestamp":"never"}}}"#,
        r#"{"msys":{"message_event":{"type":"bounce"}}}"#,
    ];
    let good = (0..5).map(|n| {
        format!(r#"{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}-{n}","timestamp":"1790000000"}}}}}}"#)
    });
    let bad = (first..first + broken).map(|n| bad[n % bad.len()].to_owned());
    format!("[{}]", good.chain(bad).collect::<Vec<_>>().join(",")).into_bytes()
}

/// The beginning of the next second, once it has come.
async fn second_from_now() -> Result<OffsetDateTime> {
    let second = OffsetDateTime::now_utc()
        .replace_nanosecond(0)
        .context("a whole second")?
        + Duration::SECOND;
    eventually("the second to begin", ARRIVAL, async || {
        Ok((OffsetDateTime::now_utc() >= second).then_some(()))
    })
    .await?;
    Ok(second)
}
