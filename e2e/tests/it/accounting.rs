//! `received = stored + duplicate + rejected`, for every sample.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::stack::{
    ARRIVAL, Accounts, Stack, distinct_events, eventually, fresh_id, public_samples, samples,
};

/// Posts a file and checks its sum, by a naive count of its elements and by the stored rows.
async fn account_for(stack: &Stack, name: &str, body: &[u8]) -> Result<Accounts> {
    let batch_id = fresh_id("account");
    let accounts = stack.deliver(&batch_id, body.to_vec()).await?;

    if let Some(expected) = naive_event_count(body) {
        ensure!(
            accounts.received == expected,
            "{name}: {expected} events were sent, {accounts:?} were accounted for"
        );
    }
    let rejected_rows: i64 =
        sqlx::query_scalar("select count(*) from email_events_rejected where batch_key = $1")
            .bind(&accounts.batch_key)
            .fetch_one(&stack.db)
            .await?;
    ensure!(
        accounts.rejected == rejected_rows,
        "{name}: {accounts:?}, but {rejected_rows} rejected rows"
    );
    ensure!(
        accounts.inserted + accounts.rejected <= accounts.received,
        "{name}: {accounts:?}"
    );
    Ok(accounts)
}

/// Elements with an event, counted without Cistern's parser; `None` if the body is not a JSON array: then only the rows
/// are checked.
fn naive_event_count(body: &[u8]) -> Option<i64> {
    let elements: Vec<Value> = serde_json::from_slice(body).ok()?;
    let pings = elements
        .iter()
        .filter(|element| element.get("msys") == Some(&json!({})))
        .count();
    i64::try_from(elements.len() - pings).ok()
}

#[tokio::test]
async fn every_own_sample_is_accounted_for() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let files = samples()?;
    ensure!(
        files.len() >= 40,
        "one sample per type and quirk, found {}",
        files.len()
    );

    for (name, body) in files {
        account_for(&stack, &name, &body).await?;
    }
    Ok(())
}

#[tokio::test]
async fn every_public_sample_is_accounted_for() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;

    for (name, body) in public_samples()? {
        let accounts = account_for(&stack, &name, &body).await?;
        let stored = stack.stored_events_of(&body).await?;
        let sent = distinct_events(&body).len();
        ensure!(
            stored == sent,
            "{name}: {stored} rows of {sent} events, {accounts:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn validation_pings_store_and_reject_nothing() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;

    for body in [r#"[{"msys":{}}]"#, "[]"] {
        let accounts = stack.deliver(&fresh_id("ping"), body.into()).await?;

        ensure!(accounts.sum() == (0, 0, 0), "{body}: {accounts:?}");
    }
    Ok(())
}

/// SparkPost's "Send test batch": one event id and one second of 2016 for all types.
#[tokio::test]
async fn documented_test_batch_is_stored_once_however_often_it_is_sent() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let name = "quirk-many-types-one-event-id.json";
    let mut batches = vec![(name.to_owned(), sample(name)?)];
    batches.extend(
        public_samples()?
            .into_iter()
            .filter(|(name, _)| name == "go-sample-events.json"),
    );

    for (name, body) in batches {
        for _ in 0..3 {
            stack
                .deliver(&fresh_id("test-button"), body.clone())
                .await?;
        }

        let stored = stack.stored_events_of(&body).await?;
        ensure!(stored == 19, "{name}: {stored} rows instead of 19");
        let (status, answer) = stack
            .get("/api/v1/events/message?from=2016-02-01T00:00:00Z&to=2016-03-01T00:00:00Z&per_page=10000")
            .await?;
        ensure!(status == 200, "{status}: {answer}");
        let found = answer["results"].as_array().map_or(0, Vec::len);
        ensure!(found >= 19, "{name}: {found} results of February 2016");
    }
    Ok(())
}

/// One bad event among good ones is stored as rejected, with a reason, and costs no other event.
#[tokio::test]
async fn one_bad_event_is_rejected_alone() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let bad_events = [
        (
            "epoch of 1970",
            r#"{"msys":{"message_event":{"type":"delivery","event_id":"1","timestamp":"17"}}}"#,
        ),
        (
            "year 2100",
            r#"{"msys":{"message_event":{"type":"delivery","event_id":"1","timestamp":"4102444800"}}}"#,
        ),
        (
            "object for a string",
            r#"{"msys":{"message_event":{"type":"delivery","event_id":"1","timestamp":"1790000000","rcpt_to":{"a":1}}}}"#,
        ),
        ("not an object", "42"),
    ];

    for (label, bad) in bad_events {
        let id = fresh_id("poison");
        let good = |n: u8| {
            format!(
                r#"{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}-{n}","timestamp":"1790000000"}}}}}}"#
            )
        };
        let body = format!("[{},{bad},{}]", good(1), good(2));

        let accounts = stack.deliver(&id, body.clone().into_bytes()).await?;

        ensure!(accounts.sum() == (3, 2, 1), "{label}: {accounts:?}");
        let (reason, raw): (String, Vec<u8>) =
            sqlx::query_as("select reason, raw from email_events_rejected where batch_key like $1")
                .bind(format!("{id}%"))
                .fetch_one(&stack.db)
                .await?;
        ensure!(
            reason.len() > 10 && reason.contains(' '),
            "{label}: reason {reason:?}"
        );
        ensure!(raw == bad.as_bytes(), "{label}: the item's bytes are kept");
    }
    Ok(())
}

/// Text that Postgres cannot store has U+FFFD in its place.
#[tokio::test]
async fn nul_and_lone_surrogates_are_replaced_and_stored() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;

    for (label, escape) in [("nul", r"\u0000"), ("surrogate", r"\ud83d")] {
        let id = fresh_id(label);
        let body = format!(
            r#"[{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}","timestamp":"1790000000","subject":"a{escape}b"}}}}}}]"#
        );

        let accounts = stack.deliver(&id, body.clone().into_bytes()).await?;

        ensure!(accounts.sum() == (1, 1, 0), "{label}: {accounts:?}");
        let subject: String =
            sqlx::query_scalar("select subject from email_events where event ->> 'event_id' = $1")
                .bind(&id)
                .fetch_one(&stack.db)
                .await?;
        ensure!(subject == "a\u{fffd}b", "{label}: {subject:?}");
    }
    Ok(())
}

#[tokio::test]
async fn truncated_body_keeps_the_events_before_the_cut() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("cut");
    let event = |n: u8| {
        format!(
            r#"{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}-{n}","timestamp":"1790000000"}}}}}}"#
        )
    };
    let body = format!("[{},{},{}", event(1), event(2), &event(3)[..40]);

    let accounts = stack.deliver(&id, body.into_bytes()).await?;

    ensure!(accounts.sum() == (3, 2, 1), "{accounts:?}");
    Ok(())
}

fn sample(name: &str) -> Result<Vec<u8>> {
    let files = samples()?;
    let found = files.into_iter().find(|(file, _)| file == name);
    found
        .map(|(_, body)| body)
        .ok_or_else(|| anyhow::anyhow!("events/sparkpost/{name} is missing"))
}

/// A message that cannot be loaded is written to a file of rejections, and leaves the queue.
#[tokio::test]
async fn object_that_is_no_gzip_is_rejected_with_its_reason() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let label = fresh_id("no-gzip");
    let key = format!("raw/sparkpost/dt=2026-01-03/{label}-0123456789abcdef.json.gz");

    stack.put_raw(&key, b"no gzip".to_vec()).await?;

    // The archiver rejects it too, because it has no row.
    eventually("the loader to reject the object", ARRIVAL, async || {
        for rejected in stack.keys_under("rejected/email_events/").await? {
            let text = String::from_utf8(stack.object(&rejected).await?)?;
            let is_it = |line: &str| line.contains(&label) && line.contains("not_gzip");
            if text.lines().any(is_it) {
                return Ok(Some(()));
            }
        }
        Ok(None)
    })
    .await
}
