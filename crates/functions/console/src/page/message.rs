//! The journey of one message: what happened to it, in order, with the times between.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{Page, Tab, Viewer, parts};
use crate::{
    answer::Event,
    api::{ApiFailure, Asking, SEARCH_PATH},
    config::Deps,
    family::{self, Family},
    range::{Range, Zone},
    search::{Search, is_searchable},
    text::piece,
};

const TITLE: &str = "Message";
/// What is older is not loaded.
const OLDEST: i64 = 1_262_304_000;
/// Nor what is later than this from now.
const LATEST_SECONDS: i64 = 2 * 86_400;
/// A message is opened a few times; robots open it often.
const MOST_EVENTS: u32 = 200;
const MOST_SHOWN: usize = 60;

pub(crate) async fn show(deps: &Deps, viewer: &Viewer, query: &str) -> Page {
    let (search, _) = Search::parse(query, &["id"], viewer.now);
    let id = super::event::id(query).filter(|id| is_searchable(id));
    let Some(id) = id else {
        let body = html! { h1 { (TITLE) } div.panel.problem { p { "The address names no message: it ends in ?id= and the message's id." } } };
        return Page {
            status: axum::http::StatusCode::BAD_REQUEST,
            ..Page::of(Tab::Events, TITLE, body)
        };
    };
    let zone = &search.range.zone;
    match events_of(viewer.asking(deps), &id, zone).await {
        Ok(events) => Page::of(Tab::Events, TITLE, body(&id, &events, zone, viewer)),
        Err(failure) => Page::failed(Tab::Events, TITLE, &failure),
    }
}

/// All times that events may have.
pub(super) fn ever(now: Timestamp, zone: &Zone) -> Range {
    let time = |second| Timestamp::from_second(second).unwrap_or(now);
    let (from, to) = (time(OLDEST), time(now.as_second() + LATEST_SECONDS));
    Range {
        from,
        to,
        zone: zone.clone(),
        written: (from.to_string(), to.to_string()),
    }
}

/// The events of a message, the first one first.
pub(super) async fn events_of(
    asking: Asking<'_>,
    id: &str,
    zone: &Zone,
) -> Result<Vec<Event>, ApiFailure> {
    let search = Search::of(ever(asking.now, zone)).with("messages", id);
    let mut events = asking
        .search(&search.uncounted_params(MOST_EVENTS))
        .await?
        .results;
    in_order(&mut events);
    Ok(events)
}

/// By time, and within a second by how far a message can have come: a webhook knows no more than the second.
fn in_order(events: &mut [Event]) {
    events.sort_by_key(|event| {
        (
            event.time().map(Timestamp::as_second),
            family::progress(&event.kind()),
            // The picture at the top of a message is loaded before the one at its end.
            !event.kind().contains("initial"),
        )
    });
}

fn body(id: &str, events: &[Event], zone: &Zone, viewer: &Viewer) -> Markup {
    let asked = Search::of(ever(viewer.now, zone))
        .with("messages", id)
        .params();
    html! {
        h1 { (TITLE) " " (piece(id, 100, 200)) }
        @match events.first() {
            None => div.panel { p { "No event of this message is stored. It may be older than what is kept, or its id is misspelt." } },
            Some(event) => {
                p { (parts::recipient_link(event)) @if let Some(subject) = event.text("subject") { " · " (piece(&subject, 200, 400)) } }
                section.panel { h2 { "Journey" } (journey(events, None, zone)) }
                (parts::by_the_api(&viewer.origin, SEARCH_PATH, &asked))
            },
        }
    }
}

/// The events of a message in order, of which one may be the page's own.
pub(super) fn journey(events: &[Event], this: Option<&Event>, zone: &Zone) -> Markup {
    let starts = events.first().is_some_and(|event| {
        matches!(
            Family::of(&event.kind()),
            Family::Injection | Family::Rejection | Family::Relay
        )
    });
    html! {
        @if !starts {
            p.note { "No injection is stored: it came before what is kept, or the webhook does not send injections." }
        }
        ol.journey {
            @for (index, event) in events.iter().enumerate().take(MOST_SHOWN) {
                @let before = index.checked_sub(1).and_then(|before| events.get(before)).and_then(Event::time);
                li aria-current=[(this == Some(event)).then_some("true")] {
                    (parts::kind(&event.kind())) " " (parts::time_link(event, zone)) " "
                    @if let (Some(before), Some(time)) = (before, event.time()) { span.note { "+" (span(time.as_second() - before.as_second())) } }
                    div { (parts::reason(event)) }
                }
            }
        }
        @if events.len() > MOST_SHOWN { p.note { "and " (events.len() - MOST_SHOWN) " more events" } }
        @if let Some(link) = this.and_then(message_link) { p { a href=(link) { "the message's own page" } } }
    }
}

/// The address of a message's page.
pub(super) fn message_link(event: &Event) -> Option<String> {
    let id = event.text("message_id").filter(|id| is_searchable(id))?;
    Some(crate::api::address(
        "/console/message",
        &[("id".to_owned(), id.into_owned())],
    ))
}

/// How long, in the two units that matter.
pub(super) fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{} s", seconds.max(0)),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn journey_is_in_the_order_of_what_can_have_happened() {
        let event = |kind: &str, second: u32| -> Event {
            serde_json::from_value(
                json!({ "type": kind, "timestamp": format!("2026-11-21T12:00:{second:02}.000Z") }),
            )
            .unwrap()
        };
        let mut events = vec![
            event("click", 9),
            event("open", 9),
            event("delivery", 1),
            event("injection", 1),
            event("initial_open", 8),
        ];

        in_order(&mut events);

        let kinds: Vec<_> = events
            .iter()
            .map(|event| event.kind().into_owned())
            .collect();
        assert_eq!(
            kinds,
            ["injection", "delivery", "initial_open", "open", "click"]
        );
    }

    #[test]
    fn times_between_have_two_units() {
        let table = [
            (-1, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (10_800, "3 h 0 min"),
            (90_000, "1 d 1 h"),
        ];
        for (seconds, text) in table {
            assert_eq!(span(seconds), text);
        }
    }
}
