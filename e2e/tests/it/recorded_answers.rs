//! The samples are found on both paths: with the values that were posted, and in the form of responses recorded from
//! SparkPost, except for the differences that docs/known-differences.md lists.

mod differences;
mod expected;
mod forms;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use time::Duration;

use self::differences::{differing_fields, differing_next_link};
use self::expected::{as_event, as_message_event, iso, time_of};
use self::forms::documented_differences;
use crate::stack::{Stack, fresh_id, repository_root, samples, shared_data};

/// One comparison: a path of the search with SparkPost's recorded responses.
struct Search {
    /// In docs/known-differences.md.
    name: &'static str,
    path: &'static str,
    recordings: &'static [&'static str],
    /// One more event, with members that no recording has, in the forms of SparkPost's guide: "Changes to Response
    /// Data" in <https://support.sparkpost.com/docs/tech-resources/events-api-integration>.
    stated: &'static str,
    /// The name of its next link in the recordings, if they have one.
    next_link: Option<&'static str>,
}

const EVENTS: Search = Search {
    name: "Events API, recorded",
    path: "/api/v1/events/message",
    recordings: &["ui-200-get.json", "ui-200-get-1-result.json"],
    stated: r#"{"subaccount_id": 101}"#,
    next_link: Some("cursor, from, per_page, to"),
};
/// Its documentation has an example that contradicts the guide and the recordings.
const DOCUMENTED_EVENTS: Search = Search {
    name: "Events API, documented",
    path: EVENTS.path,
    recordings: &["docs-search-response.json"],
    stated: "{}",
    next_link: None,
};
const MESSAGE_EVENTS: Search = Search {
    name: "Message Events API, recorded",
    path: "/api/v1/message-events",
    recordings: &[
        "go-message-events-200.json",
        "go-message-events-200-page1.json",
        "go-message-events-200-page3.json",
        "hireclub-bounce-2017.json",
    ],
    stated: r#"{"geo_ip": {"zip": "21046"}}"#,
    next_link: Some("from, page, per_page, timezone, to"),
};

/// The inner objects of the samples, one of each type.
fn posted_events() -> Result<Vec<Value>> {
    let mut events = Vec::new();
    for (name, body) in samples()? {
        if name.starts_with("quirk-") || name.starts_with("ping-") {
            continue;
        }
        let batch: Value = serde_json::from_slice(&body).context(name)?;
        let classes = batch[0]["msys"].as_object().context("one event")?;
        events.extend(classes.values().cloned());
    }
    ensure!(events.len() == 27, "{} samples of types", events.len());
    Ok(events)
}

async fn deliver_samples(stack: &Stack) -> Result<()> {
    for (name, body) in samples()? {
        if !name.starts_with("quirk-") {
            stack.deliver(&fresh_id("sample"), body).await?;
        }
    }
    Ok(())
}

/// Finds the one event of its type at its second.
async fn find(stack: &Stack, search: &Search, posted: &Value) -> Result<Value> {
    let (event_type, at) = (&posted["type"], time_of(posted)?);
    let (from, to) = (iso(at, "Z"), iso(at + Duration::SECOND, "Z"));
    let event_type = event_type.as_str().context("a type")?;
    let (status, answer) = stack
        .get(&format!(
            "{}?events={event_type}&from={from}&to={to}",
            search.path
        ))
        .await?;
    ensure!(status == 200, "{answer}");
    let results = answer["results"].as_array().context("results")?;
    let found = results
        .iter()
        .find(|event| event["event_id"] == posted["event_id"]);
    found
        .cloned()
        .with_context(|| format!("{}: {event_type} is not in {answer}", search.path))
}

#[tokio::test]
async fn samples_come_back_with_every_value_on_both_paths() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    deliver_samples(&stack).await?;

    for posted in posted_events()? {
        let found = find(&stack, &EVENTS, &posted).await?;
        let expected = as_event(&posted)?;
        ensure!(found == expected, "{found:#} instead of {expected:#}");

        let found = find(&stack, &MESSAGE_EVENTS, &posted).await?;
        let expected = as_message_event(&posted)?;
        ensure!(found == expected, "{found:#} instead of {expected:#}");
    }
    Ok(())
}

/// Compares with the recordings if they are beside the checkout.
#[tokio::test]
async fn answers_differ_from_recorded_ones_only_as_documented() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    deliver_samples(&stack).await?;
    let Some(folder) = shared_data().map(|folder| folder.join("sparkpost/events-api")) else {
        return Ok(());
    };

    let mut differences = BTreeSet::new();
    for search in [&EVENTS, &DOCUMENTED_EVENTS, &MESSAGE_EVENTS] {
        differences.extend(differing_fields(&stack, search, &folder).await?);
        differences.extend(differing_next_link(&stack, search).await?);
    }

    let document = std::fs::read_to_string(repository_root().join("docs/known-differences.md"))?;
    let documented = documented_differences(&document)?;
    let unknown: Vec<_> = differences.difference(&documented).collect();
    let outdated: Vec<_> = documented.difference(&differences).collect();
    ensure!(
        unknown.is_empty() && outdated.is_empty(),
        "not in the document: {unknown:#?}\nno longer so: {outdated:#?}"
    );
    Ok(())
}
