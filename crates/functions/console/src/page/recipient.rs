//! The history of one recipient: what was sent there, and what became of it.

use futures::try_join;
use maud::{Markup, html};

use super::{Page, Tab, Viewer, message, overview, parts, tally::Tally};
use crate::{
    answer::{Event, EventPage},
    api::{ApiFailure, Asking, SEARCH_PATH},
    buckets::Unit,
    config::Deps,
    family,
    range::Range,
    search::{Search, is_searchable},
    text::{cell, piece, without_hidden},
};

const TITLE: &str = "Recipient";
const PATH: &str = "/console/recipient";
/// Events that are looked through for messages.
const MOST_EVENTS: u32 = 300;
const MOST_MESSAGES: usize = 40;

/// The address of a person in an address of the console.
fn address(query: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(name, _)| name == "address")
        .map(|(_, value)| without_hidden(&value).trim().to_owned())
        .filter(|value| is_searchable(value))
}

pub(crate) async fn show(deps: &Deps, viewer: &Viewer, query: &str) -> Page {
    let Some(address) = address(query) else {
        let body = html! { h1 { (TITLE) } div.panel.problem { p { "The address of the page names no recipient: it ends in ?address= and one whole address of at most 100 bytes." } } };
        return Page {
            status: axum::http::StatusCode::BAD_REQUEST,
            ..Page::of(Tab::Events, TITLE, body)
        };
    };
    let (search, problems) = Search::parse(query, &["address"], viewer.now);
    let range = if search.range.is_open() && !query.contains("from=") {
        month(&search.range, viewer)
    } else {
        search.range
    };
    let search = Search::of(range).with("recipients", &address);
    let notes = parts::problems(&problems, &[]);
    match find(viewer.asking(deps), &search).await {
        Ok((tally, page)) => {
            let body = html! { h1 { (TITLE) " " (piece(&address, 100, 200)) } (notes) (body(&address, &tally, &page, &search))
            (parts::by_the_api(&viewer.origin, SEARCH_PATH, &search.params())) };
            Page::of(Tab::Events, TITLE, body)
        }
        Err(failure) => Page::failed(Tab::Events, TITLE, &failure),
    }
}

/// Thirty days where nothing is said: a person gets a few messages a month.
fn month(range: &Range, viewer: &Viewer) -> Range {
    Range::parse("-30d", "", &range.zone.name, viewer.now).0
}

async fn find(asking: Asking<'_>, search: &Search) -> Result<(Tally, EventPage), ApiFailure> {
    let params = search.page_params(MOST_EVENTS);
    try_join!(
        Tally::of(asking, search, Unit::plain_of(&search.range)),
        asking.search(&params)
    )
}

fn body(address: &str, tally: &Tally, page: &EventPage, search: &Search) -> Markup {
    let own = [("address", address)];
    let bare = Search::of(search.range.clone());
    html! {
        (parts::range_bar(&bare, PATH, &own))
        @if page.results.is_empty() {
            div.panel { p { "No event of this recipient is found in this range. Addresses are compared as a whole, in any case." } }
        } @else {
            section.panel {
                h2 { (parts::total(page)) ", by " (tally.buckets.unit.words()) }
                (tally.chart("history", "Events of this recipient by time and type", search))
            }
            section.panel {
                h2 { "Messages, newest first" }
                (messages(page, search))
                p { a href=(search.link("/console/events")) { "all events of this recipient" } }
            }
            section.panel { h2 { "Rates" } (overview::rates_table(&tally.totals())) }
        }
    }
}

/// A message with what it came to.
#[derive(Debug)]
struct Message<'a> {
    newest: &'a Event,
    furthest: &'a Event,
    count: usize,
}

/// The messages of events, in the order of their newest one. An event without a message is one of its own.
fn gathered(events: &[Event]) -> Vec<Message<'_>> {
    let mut messages: Vec<Message<'_>> = Vec::new();
    for event in events {
        let id = event.text("message_id");
        let known = messages
            .iter_mut()
            .find(|message| id.is_some() && message.newest.text("message_id") == id);
        match known {
            Some(message) => {
                message.count += 1;
                if family::progress(&event.kind()) > family::progress(&message.furthest.kind()) {
                    message.furthest = event;
                }
            }
            None => messages.push(Message {
                newest: event,
                furthest: event,
                count: 1,
            }),
        }
    }
    messages
}

fn messages(page: &EventPage, search: &Search) -> Markup {
    let messages = gathered(&page.results);
    html! {
        div.scroll tabindex="0" role="region" aria-label="Messages" {
            table {
                thead { tr {
                    th scope="col" { "Last event (" (piece(&search.range.zone.name, 40, 80)) ")" } th scope="col" { "Came to" } th scope="col" { "Subject" } th scope="col" { "Campaign" }
                    th scope="col" { "Why" } th.num scope="col" { "Events" } th scope="col" { "Journey" }
                } }
                tbody {
                    @for message in messages.iter().take(MOST_MESSAGES) {
                        tr {
                            td { (parts::time_link(message.newest, &search.range.zone)) }
                            td { (parts::kind(&message.furthest.kind())) }
                            td { (cell(message.newest.text("subject").as_deref().unwrap_or_default())) }
                            td { (cell(message.newest.text("campaign_id").as_deref().unwrap_or_default())) }
                            td { (parts::reason(message.furthest)) }
                            td.num { (message.count) }
                            td { @if let Some(link) = message::message_link(message.newest) { a href=(link) { "message" } } }
                        }
                    }
                }
            }
        }
        @let is_more = messages.len() > MOST_MESSAGES || page.next_cursor().is_some();
        @if is_more { p.note { "There are older messages: choose a range that ends before the last of these." } }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_come_to_their_furthest_event() {
        let event = |kind: &str, id: serde_json::Value| -> Event {
            serde_json::from_value(json!({ "type": kind, "message_id": id })).unwrap()
        };
        let events = [
            event("delivery", json!("b")),
            event("click", json!("a")),
            event("open", json!("a")),
            event("delivery", json!("a")),
            event("open", json!(null)),
            event("open", json!(null)),
        ];

        let found: Vec<_> = gathered(&events)
            .iter()
            .map(|message| (message.furthest.kind().into_owned(), message.count))
            .collect();

        let expected = [("delivery", 1), ("click", 3), ("open", 1), ("open", 1)]
            .map(|(kind, count)| (kind.to_owned(), count));
        assert_eq!(found, expected);
    }

    #[test]
    fn address_is_one() {
        assert_eq!(
            address("from=-7d&address=ada%40example.com").as_deref(),
            Some("ada@example.com")
        );
        for query in [
            "",
            "address=",
            "address=a,b",
            &format!("address={}", "a".repeat(101)),
        ] {
            assert_eq!(address(query), None, "{query}");
        }
    }
}
