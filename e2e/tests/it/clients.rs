//! SparkPost's own clients, unmodified, pointed at the stack by its base URL and key alone.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};
use crate::walker::{Client, Walker};

/// The events that exist when the walks begin.
const EVENTS: u32 = 25_000;
/// The events of one batch that arrives meanwhile.
const ARRIVING: u32 = 100;

/// The hour of the searches, from 2026-03-01T12:00:00Z.
const HOUR_BEGINS: u32 = 1_772_366_400;
const HOUR_SECONDS: u32 = 3_600;

/// A campaign of this test run, whose events are named after their source.
struct Campaign(String);

impl Campaign {
    /// Opens and clicks over a period of time, several per second and so with the same time.
    fn batch(&self, source: &str, count: u32, begins: u32) -> Vec<u8> {
        let events: Vec<String> = (0..count)
            .map(|n| {
                let event_type = ["open", "click"][usize::from(n % 2 == 0)];
                let timestamp = u64::from(begins) + u64::from(n) * u64::from(HOUR_SECONDS) / u64::from(count);
                let campaign = &self.0;
                format!(
                    r#"{{"msys":{{"track_event":{{"type":"{event_type}","event_id":"{campaign}/{source}-{n}","timestamp":"{timestamp}","campaign_id":"{campaign}","rcpt_to":"r{n}@example.com"}}}}}}"#
                )
            })
            .collect();
        format!("[{}]", events.join(",")).into_bytes()
    }

    /// Posts the events that the walks must find, each exactly once.
    async fn deliver(&self, stack: &Stack) -> Result<BTreeSet<String>> {
        let batches = 5;
        let count = EVENTS / batches;
        for n in 0..batches {
            let body = self.batch(&format!("first-{n}"), count, HOUR_BEGINS);
            let accounts = stack.deliver_gzip(&fresh_id("walk"), &body).await?;
            ensure!(accounts.inserted == i64::from(count), "{accounts:?}");
        }
        let id = |batch, n| format!("{}/first-{batch}-{n}", self.0);
        Ok((0..batches)
            .flat_map(|batch| (0..count).map(move |n| id(batch, n)))
            .collect())
    }
}

/// Loads one batch after the other, and counts them, for as long as it is polled.
async fn keep_loading(
    stack: &Stack,
    campaign: &Campaign,
    begins: u32,
    loaded: &AtomicU32,
) -> Result<()> {
    loop {
        let source = fresh_id("late");
        let body = campaign.batch(&source, ARRIVING, begins);
        stack.deliver(&source, body).await?;
        loaded.fetch_add(1, Ordering::SeqCst);
    }
}

/// Walks to the end and returns the results, in order. Halfway, waits until more has been loaded.
async fn walk(
    stack: &Stack,
    client: Client,
    parameters: &Value,
    loaded: &AtomicU32,
) -> Result<Vec<String>> {
    let mut walker = Walker::start(stack, client, parameters)?;
    let first = walker.page().await?;
    let before = loaded.load(Ordering::SeqCst);
    let (total_count, mut is_last) = (first.total_count, first.is_last);
    ensure!(
        total_count.is_none_or(|total| total >= EVENTS.into()),
        "{client:?}: {total_count:?} in all"
    );
    let mut came = first.event_ids;
    let mut has_waited = false;
    while !is_last {
        if !has_waited && came.len() > EVENTS as usize / 2 {
            eventually(
                "a batch to be loaded during the walk",
                ARRIVAL,
                async || {
                    // The event being posted may have been stored before the first page was requested.
                    Ok((loaded.load(Ordering::SeqCst) > before + 1).then_some(()))
                },
            )
            .await?;
            has_waited = true;
        }
        walker.turn().await?;
        let page = walker.page().await?;
        ensure!(
            page.total_count == total_count,
            "{client:?}: {total_count:?} in all became {:?}",
            page.total_count
        );
        is_last = page.is_last;
        came.extend(page.event_ids);
    }
    walker.finish().await?;
    ensure!(has_waited, "{client:?} got only {} events", came.len());
    Ok(came)
}

/// The walk returned every event that existed at its start, and none of them twice.
fn check(client: Client, came: &[String], there: &BTreeSet<String>) -> Result<()> {
    let distinct: BTreeSet<&String> = came.iter().collect();
    ensure!(
        distinct.len() == came.len(),
        "{client:?}: {} events came again",
        came.len() - distinct.len()
    );
    let missing = there.iter().filter(|id| !distinct.contains(id)).count();
    ensure!(missing == 0, "{client:?}: {missing} events did not come");
    Ok(())
}

/// Both searches of the Node client by their links, and the Python client by cursor. Events that arrive meanwhile are
/// in the same hour, before and after the current page.
#[tokio::test]
async fn own_clients_walk_25000_events_while_others_arrive_among_them() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let campaign = Campaign(fresh_id("walk"));
    let there = campaign.deliver(&stack).await?;
    let loaded = AtomicU32::new(0);
    let range = |mut parameters: Value| {
        parameters["from"] = json!("2026-03-01T12:00");
        parameters["to"] = json!("2026-03-01T13:00");
        parameters["per_page"] = json!(1_000);
        parameters["total_count"] = json!("exact");
        parameters
    };
    let events = range(json!({"campaigns": [campaign.0], "events": ["open", "click"]}));
    let message_events = range(json!({"campaign_ids": [campaign.0], "events": ["open", "click"]}));
    let python = range(json!({"campaigns": campaign.0, "events": "open,click"}));

    let walks = async {
        for (client, parameters) in [
            (Client::NodeEvents, &events),
            (Client::NodeMessageEvents, &message_events),
            (Client::PythonByCursor, &python),
        ] {
            let came = walk(&stack, client, parameters, &loaded).await?;
            check(client, &came, &there)?;
            // The walks go back in time, and every page is older than the one before.
            let late = came.iter().filter(|id| !there.contains(*id)).count();
            ensure!(late > 0, "{client:?} saw nothing of what arrived");
        }
        Ok(())
    };
    tokio::select! {
        outcome = walks => outcome,
        outcome = keep_loading(&stack, &campaign, HOUR_BEGINS, &loaded) => outcome,
    }
}

/// The Python client loses the links, so its users count pages. That is stable as long as arriving events are newer
/// than the range, which holds if `to` is in the past.
#[tokio::test]
async fn python_client_counts_pages_while_newer_events_arrive() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let campaign = Campaign(fresh_id("count"));
    let there = campaign.deliver(&stack).await?;
    let loaded = AtomicU32::new(0);
    let parameters = json!({
        "campaigns": campaign.0,
        "from": "2026-03-01T12:00:00Z",
        "to": "2026-03-01T13:00:00Z",
        "per_page": 2_500,
    });

    let client = Client::PythonByPageNumber;
    let counting = async {
        let came = walk(&stack, client, &parameters, &loaded).await?;
        check(client, &came, &there)?;
        ensure!(came.len() == there.len(), "{} events came", came.len());
        Ok(())
    };
    tokio::select! {
        outcome = counting => outcome,
        outcome = keep_loading(&stack, &campaign, HOUR_BEGINS + HOUR_SECONDS, &loaded) => outcome,
    }
}
