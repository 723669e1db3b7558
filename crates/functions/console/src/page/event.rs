//! One event in full, beside the journey of its message.

use maud::{Markup, html};
use serde_json::Value;

use super::{Page, Tab, Viewer, message, parts};
use crate::{
    answer::Event,
    api::{self, ApiFailure, Asking, event_path},
    bounce_class,
    config::Deps,
    range::{Range, Zone},
    search::{Search, is_searchable},
    text::{beginning, piece, visible},
};

const TITLE: &str = "Event";
/// SparkPost documents 73 fields; what has more is in the file.
const MOST_FIELDS: usize = 100;
/// Of all fields, and of the JSON, so that a page stays below 100 KB whatever an event holds.
const FIELDS_BYTES: usize = 24_000;
const JSON_BYTES: usize = 36_000;

/// Which event: by its id, or the first of a search.
pub(crate) async fn show(deps: &Deps, viewer: &Viewer, query: &str) -> Page {
    let asking = viewer.asking(deps);
    let (search, problems) = Search::parse(query, &["id"], viewer.now);
    let id = id(query);
    if id.is_none() && !problems.is_empty() {
        let body = html! { h1 { (TITLE) } (parts::problems(&problems, &[])) };
        return Page {
            status: axum::http::StatusCode::BAD_REQUEST,
            ..Page::of(Tab::Events, TITLE, body)
        };
    }
    let found = match &id {
        Some(id) => asking.event(id).await,
        None => asking.search(&search.page_params(20)).await,
    };
    let events = match found {
        Ok(page) => page.results,
        Err(failure) => return Page::failed(Tab::Events, TITLE, &failure),
    };
    let kind = search.value("events");
    let Some(event) = events
        .iter()
        .find(|event| event.kind() == kind.as_str())
        .or_else(|| events.first())
    else {
        let body = html! { h1 { (TITLE) } div.panel { p { "There is no such event. It may be older than what is kept." } } };
        return Page {
            status: axum::http::StatusCode::NOT_FOUND,
            ..Page::of(Tab::Events, TITLE, body)
        };
    };
    let journey = journey(asking, event, &search.range.zone).await;
    Page::of(
        Tab::Events,
        TITLE,
        body(event, &events, journey.as_ref(), &search.range, viewer),
    )
}

/// The id in an address.
pub(crate) fn id(query: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(name, value)| name == "id" && !value.is_empty())
        .map(|(_, id)| id.into_owned())
}

async fn journey(
    asking: Asking<'_>,
    event: &Event,
    zone: &Zone,
) -> Option<Result<Vec<Event>, ApiFailure>> {
    let id = event.text("message_id").filter(|id| is_searchable(id))?;
    Some(message::events_of(asking, &id, zone).await)
}

fn body(
    event: &Event,
    same: &[Event],
    journey: Option<&Result<Vec<Event>, ApiFailure>>,
    range: &Range,
    viewer: &Viewer,
) -> Markup {
    let zone = &range.zone;
    let id = event
        .text("event_id")
        .filter(|id| id.len() <= parts::LONGEST_ID);
    html! {
        h1 { (parts::kind(&event.kind())) @if let Some(time) = event.time() { " " time datetime=(time) { (zone.second(time)) } " " (piece(&zone.name, 40, 80)) } }
        p { (parts::recipient_link(event)) (parts::provider(event)) @if let Some(subject) = event.text("subject") { " · " (piece(&subject, 200, 400)) } }
        @if let Some(class) = event.text("bounce_class") {
            @let known = bounce_class::of(&class);
            p { b { (piece(&bounce_class::words(&class), 60, 120)) } ": " (known.kind.meaning()) "." }
        }
        @if same.len() > 1 && id.is_some() { (others(event, same, zone)) }
        div.two {
            section.panel { h2 { "Fields" } (fields(event)) }
            section.panel {
                h2 { "This message" }
                @match journey {
                    Some(Ok(events)) => (message::journey(events, Some(event), zone)),
                    Some(Err(failure)) => p.warn { "Its journey cannot be told: " (failure.words()) },
                    None => p.note { "The event names no message." },
                }
                (neighbours(event, range))
            }
        }
        section.panel {
            h2 { "JSON" }
            (json(event))
            @if let Some(id) = &id {
                p { a href=(api::address("/console/event/json", &[("id".to_owned(), id.to_string())])) { "as a file, exact" } }
                h3 { "The same by the API" }
                (parts::curl_line("curl", &viewer.origin, &event_path(id)))
            }
        }
    }
}

/// Events that share an id: a sender's test batch has one for all of its types.
fn others(event: &Event, same: &[Event], zone: &Zone) -> Markup {
    html! {
        section.panel {
            h2 { "Events with this id" }
            ul.chips {
                @for other in same.iter().take(30) {
                    li aria-current=[(other == event).then_some("true")] { (parts::kind(&other.kind())) " " (parts::time_link(other, zone)) }
                }
            }
        }
    }
}

fn fields(event: &Event) -> Markup {
    let mut room = FIELDS_BYTES;
    let mut rows = Vec::new();
    for (name, value) in event.0.iter().take(MOST_FIELDS) {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let row = html! { dt { (piece(name, 60, 120)) } dd { (value_markup(&text)) } }
            .into_string()
            .len();
        if row > room {
            break;
        }
        room -= row;
        rows.push((name, text));
    }
    html! {
        dl { @for (name, text) in &rows { dt { (piece(name, 60, 120)) } dd { (value_markup(text)) } } }
        @if rows.len() < event.0.len() { p.note { "and " (event.0.len() - rows.len()) " more, in the file" } }
    }
}

/// A value: 200 characters, and the rest behind a click. A link of a stranger is text.
fn value_markup(text: &str) -> Markup {
    let (begin, is_cut) = beginning(text, 200, 600);
    let (more, is_cut_again) = beginning(&text[begin.len()..], 2_000, 4_000);
    html! {
        bdi { (visible(begin)) }
        @if is_cut { details { summary { "the rest" } bdi { (visible(more)) @if is_cut_again { "…" } } } }
    }
}

fn json(event: &Event) -> Markup {
    // An object of texts and numbers is always JSON.
    let pretty = serde_json::to_string_pretty(&event.0).unwrap_or_default();
    let (begin, is_cut) = beginning(&pretty, usize::MAX, JSON_BYTES);
    html! {
        (parts::copyable("json", &html! { pre id="json" tabindex="0" { (visible(begin)) } }))
        @if is_cut { p.note { "This is the beginning; the file has all." } }
    }
}

/// What happened around it.
fn neighbours(event: &Event, range: &Range) -> Markup {
    let around = event.time().and_then(|time| {
        let second = |offset| jiff::Timestamp::from_second(time.as_second() + offset).ok();
        Some(Search::of(range.other(second(-30)?, second(30)?)))
    });
    let around_day = event.time().and_then(|time| {
        let second = |offset| jiff::Timestamp::from_second(time.as_second() + offset).ok();
        Some(Search::of(range.other(second(-43_200)?, second(43_200)?)))
    });
    let link = |search: &Option<Search>, parameter: &'static str, member: &str| {
        let value = event.text(member).filter(|value| is_searchable(value))?;
        Some(
            search
                .as_ref()?
                .exactly(parameter, &value)
                .link("/console/events"),
        )
    };
    html! {
        h3 { "Around it" }
        p {
            @if let Some(around) = &around { a href=(around.link("/console/events")) { "the same minute" } " · " }
            @if let Some(link) = link(&around_day, "campaigns", "campaign_id") { a href=(link) { "its campaign that day" } " · " }
            @if let Some(link) = link(&around_day, "transmissions", "transmission_id") { a href=(link) { "its transmission" } " · " }
            @if let Some(link) = link(&around_day, "recipient_domains", "recipient_domain") { a href=(link) { "its domain that day" } }
        }
    }
}
