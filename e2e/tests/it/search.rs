//! Posted events are found through the search API, page after page.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

use crate::stack::{Stack, fresh_id};

fn open_events(label: &str, count: usize) -> Vec<u8> {
    let events: Vec<String> = (0..count)
        .map(|n| {
            format!(
                r#"{{"msys":{{"track_event":{{"type":"open","event_id":"{label}-{n}","timestamp":"{}","rcpt_to":"{label}@example.com"}}}}}}"#,
                1_780_000_000 + n / 3
            )
        })
        .collect();
    format!("[{}]", events.join(",")).into_bytes()
}

/// From POST to the query's response: the whole path of an event.
#[tokio::test]
async fn posted_event_is_found_by_its_recipient() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let label = fresh_id("found");
    stack.deliver(&label, open_events(&label, 1)).await?;

    let (status, answer) = stack
        .get(&format!(
            "/api/v1/events/message?recipients={label}@example.com&events=open&from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z"
        ))
        .await?;

    ensure!(status == 200, "{answer}");
    ensure!(answer["total_count"] == 1, "{answer}");
    ensure!(answer["links"] == serde_json::json!({}), "{answer}");
    let event = &answer["results"][0];
    ensure!(
        event["event_id"] == format!("{label}-0").as_str(),
        "{event}"
    );
    ensure!(event["timestamp"] == "2026-05-28T20:26:40.000Z", "{event}");
    ensure!(event["recipient_domain"] == "example.com", "{event}");
    Ok(())
}

#[tokio::test]
async fn pages_follow_the_next_link_without_gap_or_duplicate() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let label = fresh_id("pages");
    stack.deliver(&label, open_events(&label, 500)).await?;

    let mut next = Some(format!(
        "/api/v1/events/message?recipients={label}@example.com&per_page=77&from=2026-01-01T00:00&to=2026-12-31T00:00"
    ));
    let mut seen = BTreeSet::new();
    let mut times = Vec::new();
    while let Some(page) = next {
        let (status, answer) = stack.get(&page).await?;
        ensure!(status == 200, "{page}: {answer}");
        ensure!(answer["total_count"] == 500, "{answer}");
        for event in answer["results"].as_array().context("results")? {
            let id = event["event_id"].as_str().context("event_id")?;
            ensure!(seen.insert(id.to_owned()), "{id} was returned twice");
            times.push(event["timestamp"].as_str().context("timestamp")?.to_owned());
        }
        next = answer["links"]["next"].as_str().map(str::to_owned);
    }

    ensure!(seen.len() == 500, "{} of 500 events came", seen.len());
    ensure!(times.is_sorted_by(|a, b| a >= b), "newest first");
    Ok(())
}
