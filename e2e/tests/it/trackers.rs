//! The trackers' published libraries, and a browser, with the snippets of docs/trackers.md.

mod browser;
mod relay;
mod snippet;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use axum::http::StatusCode;

use self::{
    relay::{Answers, Relay},
    snippet::{Language, Snippet},
};
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};

/// A library, as its snippet's heading names it, and the events that the snippet sends: names and times.
struct Library {
    heading: &'static str,
    language: Language,
    sends: [(&'static str, &'static str); 2],
}

const LIBRARIES: [Library; 6] = [
    Library {
        heading: "Segment, Node",
        language: Language::Node,
        sends: [
            ("Bought", "2026-01-05 10:00:00"),
            ("page", "2026-01-05 10:00:01"),
        ],
    },
    Library {
        heading: "Segment, Python",
        language: Language::Python,
        sends: [
            ("Bought", "2026-01-05 10:00:00"),
            ("identify", "2026-01-05 10:00:00"),
        ],
    },
    Library {
        heading: "RudderStack, Node",
        language: Language::Node,
        sends: [
            ("Bought", "2026-01-05 10:00:00"),
            ("screen", "2026-01-05 10:00:00"),
        ],
    },
    Library {
        heading: "RudderStack, Python",
        language: Language::Python,
        sends: [
            ("Bought", "2026-01-05 10:00:00"),
            ("page", "2026-01-05 10:00:00"),
        ],
    },
    Library {
        heading: "PostHog, Node",
        language: Language::Node,
        sends: [
            ("Bought", "2026-01-05 10:00:00"),
            ("Left", "2026-01-05 10:00:00"),
        ],
    },
    Library {
        heading: "PostHog, Python",
        language: Language::Python,
        sends: [
            ("Bought", "2026-01-05 10:00:00"),
            ("Left", "2026-01-05 10:00:00"),
        ],
    },
];

/// A row of the lake.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    event: String,
    time: String,
    id: String,
}

async fn rows_of(stack: &Stack, user: &str) -> Result<Vec<Row>> {
    let rows = stack
        .athena(&format!(
            "select event, cast(datetime as varchar), eventid from product_events where userid = '{user}'"
        ))
        .await?;
    rows.into_iter()
        .map(|row| {
            let cell = |index: usize| {
                let cell = row.get(index).cloned().flatten();
                cell.with_context(|| format!("NULL in {row:?}"))
            };
            Ok(Row {
                event: cell(0)?,
                time: cell(1)?.chars().take(19).collect(),
                id: cell(2)?,
            })
        })
        .collect()
}

#[tokio::test]
async fn libraries_send_each_event_once_though_the_answer_to_the_first_request_is_lost()
-> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let mut users = Vec::new();
    for library in &LIBRARIES {
        let user = fresh_id("tracker");
        let relay = Relay::before(&stack.file.base_url, Answers::FirstIsLost).await?;
        Snippet::under(library.heading, library.language)?
            .run(&relay.url, &stack.file.keys.track, &user)
            .await?;
        let statuses = relay.statuses();
        ensure!(
            statuses.len() >= 2 && statuses.iter().all(|status| *status == StatusCode::OK),
            "{}: {statuses:?}",
            library.heading
        );
        users.push((library, user));
    }
    for (library, user) in &users {
        let what = format!("events of {}, some twice", library.heading);
        eventually(&what, ARRIVAL, async || {
            let rows = rows_of(&stack, user).await?;
            let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
            let is_all = ids.len() >= library.sends.len() && rows.len() > ids.len();
            Ok(is_all.then_some(()))
        })
        .await?;
    }
    stack.archived(ARRIVAL).await?;

    stack.close_days(async || Ok(())).await?;

    for (library, user) in &users {
        let rows = rows_of(&stack, user).await?;
        let mut found: Vec<_> = rows
            .iter()
            .map(|row| (row.event.as_str(), row.time.as_str()))
            .collect();
        found.sort_unstable();
        ensure!(found == library.sends, "{}: {rows:?}", library.heading);
        let key = &stack.file.keys.track;
        let with_key = stack
            .athena(&format!(
                "select count(*) from product_events where userid = '{user}' and _extra like '%{key}%'"
            ))
            .await?;
        ensure!(with_key == [[Some("0".to_owned())]], "{}", library.heading);
    }
    Ok(())
}

#[tokio::test]
async fn libraries_take_a_wrong_key_for_final() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    for library in &LIBRARIES {
        let relay = Relay::before(&stack.file.base_url, Answers::AsTheyCome).await?;

        // It may end with or without an error.
        let snippet = Snippet::under(library.heading, library.language)?;
        let _ = snippet
            .run(&relay.url, "a-wrong-key", &fresh_id("wrong"))
            .await;

        let statuses = relay.statuses();
        ensure!(
            (1..=library.sends.len()).contains(&statuses.len())
                && statuses
                    .iter()
                    .all(|status| *status == StatusCode::UNAUTHORIZED),
            "{}: {statuses:?}",
            library.heading
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_page_posts_from_another_origin_while_it_is_open_and_when_it_is_left() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let user = fresh_id("page");
    let page = Snippet::under("Pages", Language::Html)?;
    let html = page.filled(&stack.file.base_url, &stack.file.keys.page, &user);
    let event = format!(r#"{{"event":"Asked","userId":"{user}","eventId":"{user}-1"}}"#);

    let visit = browser::visit(&stack, &html, &event).await?;

    ensure!(visit.said.status == 204, "{:?}", visit.said);
    ensure!(visit.said.complaints.is_empty(), "{:?}", visit.said);
    eventually("the page's events", ARRIVAL, async || {
        let rows = rows_of(&stack, &user).await?;
        let events: BTreeSet<&str> = rows.iter().map(|row| row.event.as_str()).collect();
        Ok((events == BTreeSet::from(["Asked", "Left", "Opened"])).then_some(()))
    })
    .await?;
    visit.end().await
}
