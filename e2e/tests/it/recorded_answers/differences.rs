//! Differences between responses and recorded ones.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::forms::{Difference, Forms};
use super::{Search, find, posted_events};
use crate::stack::{Stack, fresh_id};

/// Members in a recording must have its form; others the one in which they were posted. All events about a recipient
/// have the members that all recorded events have.
pub(super) async fn differing_fields(
    stack: &Stack,
    search: &Search,
    folder: &Path,
) -> Result<BTreeSet<Difference>> {
    let (mut recorded, mut always) = (Forms::default(), None::<BTreeSet<String>>);
    for file in search.recordings {
        let answer: Value = serde_json::from_slice(&std::fs::read(folder.join(file))?)?;
        // One was recorded without its envelope.
        let single = std::slice::from_ref(&answer);
        for event in answer["results"].as_array().map_or(single, Vec::as_slice) {
            recorded.add(event);
            let names: BTreeSet<_> = event
                .as_object()
                .context("an event")?
                .keys()
                .cloned()
                .collect();
            always = Some(match always {
                Some(always) => &always & &names,
                None => names,
            });
        }
    }

    recorded.add(&serde_json::from_str(search.stated)?);

    let mut differences = BTreeSet::new();
    for event in posted_events()? {
        let (mut posted, mut ours) = (Forms::default(), Forms::default());
        posted.add(&event);
        ours.add(&find(stack, search, &event).await?);
        let mut compare = |field: &str, theirs: String| {
            let ours = ours.of(field);
            if !theirs.split(" or ").any(|form| form == ours) {
                differences.insert(Difference {
                    search: search.name.to_owned(),
                    field: field.to_owned(),
                    theirs,
                    ours,
                });
            }
        };
        for (field, _) in ours.fields() {
            let reference = if recorded.has(field) {
                &recorded
            } else {
                &posted
            };
            compare(field, reference.of(field));
        }
        let expected = always.iter().flatten();
        for field in
            expected.filter(|field| posted.has(field) || is_made_by_the_api(field, &posted))
        {
            compare(field, recorded.of(field));
        }
    }
    Ok(differences)
}

fn is_made_by_the_api(field: &str, posted: &Forms) -> bool {
    match field {
        "tdate" => true,
        "recipient_domain" => posted.has("rcpt_to"),
        "sending_domain" => posted.has("friendly_from"),
        _ => false,
    }
}

/// Requests as recorded, and checks the links around three pages of one event.
pub(super) async fn differing_next_link(
    stack: &Stack,
    search: &Search,
) -> Result<Option<Difference>> {
    let Some(theirs) = search.next_link else {
        return Ok(None);
    };
    let label = fresh_id("links");
    let event = |n| {
        json!({"msys": {"track_event": {"type": "open", "event_id": format!("{label}-{n}"),
        "timestamp": "1770120000", "rcpt_to": format!("{label}@example.com")}}})
    };
    let batch = json!([event(1), event(2), event(3)]);
    stack
        .deliver(&label, batch.to_string().into_bytes())
        .await?;
    let zone = if theirs.contains("timezone") {
        "&timezone=UTC"
    } else {
        ""
    };
    let mut page = format!(
        "{}?per_page=1&from=2026-02-03T12:00:00&to=2026-02-03T13:00:00{zone}&recipients={label}@example.com",
        search.path
    );

    let (_, first) = stack.get(&page).await?;
    let next = next_link(&first).context("the first page has a next one")?;
    for _ in 0..2 {
        let (status, answer) = stack.get(&page).await?;
        ensure!(status == 200 && answer["total_count"] == 3, "{answer}");
        page = next_link(&answer).context("there is another page")?;
        ensure!(page.starts_with(&format!("{}?", search.path)), "{page}");
    }
    let (_, last) = stack.get(&page).await?;
    let (first_rels, last_rels) = match &first["links"] {
        Value::Array(_) => (rels(&first), rels(&last)),
        _ => (vec!["next"], vec![]),
    };
    match &last["links"] {
        Value::Array(_) => {
            ensure!(first_rels == ["next", "last"], "{first}");
            ensure!(last_rels == ["first", "previous"], "{last}");
        }
        links => ensure!(*links == json!({}), "{last}"),
    }

    // Not of the recorded requests, which had no filter.
    let names = parameter_names(&next);
    let ours = names
        .iter()
        .filter(|name| **name != "recipients")
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    Ok((ours != theirs).then(|| Difference {
        search: search.name.to_owned(),
        field: "parameters of the next link".to_owned(),
        theirs: theirs.to_owned(),
        ours,
    }))
}

fn next_link(answer: &Value) -> Option<String> {
    let next = match &answer["links"] {
        Value::Array(links) => &links.iter().find(|link| link["rel"] == "next")?["href"],
        links => &links["next"],
    };
    next.as_str().map(str::to_owned)
}

fn rels(answer: &Value) -> Vec<&str> {
    let links = answer["links"].as_array().into_iter().flatten();
    links.filter_map(|link| link["rel"].as_str()).collect()
}

fn parameter_names(link: &str) -> BTreeSet<&str> {
    let query = link.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&');
    pairs.filter_map(|pair| pair.split('=').next()).collect()
}
