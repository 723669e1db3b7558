//! Pieces that several pages have.

use maud::{Markup, html};

use crate::{
    answer::{Event, EventPage},
    api::{self, ApiFailure, Params},
    bounce_class, chart,
    family::{self, Family},
    filter::FILTERS,
    range::{Problem, Range, Zone},
    search::{Search, is_searchable},
    text::{cell, grouped, piece, shell_word},
};

/// What went wrong, in words, and what the API says about it.
pub(crate) fn failure(failure: &ApiFailure) -> Markup {
    html! {
        div.panel.problem role="alert" {
            p { (failure.words()) }
            @for complaint in failure.complaints().iter().take(10) {
                p.note {
                    @if !complaint.param.is_empty() { b { (label(&complaint.param)) } ": " }
                    (piece(if complaint.description.is_empty() { &complaint.message } else { &complaint.description }, 400, 800))
                }
            }
        }
    }
}

/// What a person calls a parameter.
fn label(param: &str) -> Markup {
    let known = FILTERS
        .iter()
        .find(|filter| filter.name == param)
        .map(|filter| filter.label);
    html! { @if let Some(label) = known { (label) } @else { (cell(param)) } }
}

/// What is not understood of the address, and what is left out of the search for that.
pub(crate) fn problems(problems: &[Problem], ignored: &[String]) -> Markup {
    html! {
        @if !problems.is_empty() {
            div.panel.problem role="alert" {
                @for problem in problems { p { b { (label(problem.param)) } " " (problem.message) "." } }
            }
        }
        @if !ignored.is_empty() {
            p.warn {
                "Not a parameter of the search, and left out: "
                @for (index, name) in ignored.iter().take(5).enumerate() { @if index > 0 { ", " } (cell(name)) }
                "."
            }
        }
    }
}

const RANGES: [(&str, &str); 3] = [("-24h", "24 h"), ("-7d", "7 d"), ("-30d", "30 d")];

/// Ways to another range, and what this one is.
pub(crate) fn range_bar(search: &Search, path: &str, own: &[(&str, &str)]) -> Markup {
    let range = &search.range;
    let written = |from: &str| Range {
        written: (from.to_owned(), String::new()),
        ..range.clone()
    };
    html! {
        div.bar-row role="group" aria-label="Range of time" {
            @for (from, label) in RANGES {
                @let is_this = range.is_open() && range.written.0 == from;
                a href=(search.within(written(from)).link_with(path, own)) aria-current=[is_this.then_some("true")] { (label) }
            }
            a href=(search.within(range.before()).link_with(path, own)) { "◀ before" }
            @if !range.is_open() { a href=(search.within(range.after()).link_with(path, own)) { "after ▶" } }
            span.note {
                time datetime=(range.from) { (range.zone.second(range.from)) } " to "
                time datetime=(range.to) { (range.zone.second(range.to)) } " " (piece(&range.zone.name, 40, 80))
            }
            a href=(search.link_with(path, own)) { "refresh" }
        }
    }
}

/// A type: its colour and its name.
pub(crate) fn kind(kind: &str) -> Markup {
    html! {
        span.kind {
            svg viewBox="0 0 10 10" aria-hidden="true" { rect class=(Family::of(kind).class()) width="10" height="10" rx="2" {} }
            (piece(&family::words(kind), 40, 80))
        }
    }
}

/// When an event happened, as a link to it.
pub(crate) fn time_link(event: &Event, zone: &Zone) -> Markup {
    html! {
        a href=(event_link(event)) {
            @match event.time() {
                Some(time) => time datetime=(time) { (zone.second(time)) },
                None => (cell(event.text("timestamp").as_deref().unwrap_or("no time"))),
            }
        }
    }
}

/// Ids that are longer are of no sender that is known, and a page has room for many links.
pub(super) const LONGEST_ID: usize = 120;

/// The address of one event: by its id, and its type, as SparkPost's test batch has one id for many types. An event without an id
/// is found by its second, type and recipient.
pub(crate) fn event_link(event: &Event) -> String {
    let kind = event.kind().into_owned();
    let mut params = Vec::new();
    let second = |offset| jiff::Timestamp::from_second(event.time()?.as_second() + offset).ok();
    if let Some(id) = event.text("event_id").filter(|id| id.len() <= LONGEST_ID) {
        params.push(("id".to_owned(), id.into_owned()));
    } else {
        if let Some((from, to)) = second(0).zip(second(1)) {
            params.push(("from".to_owned(), from.to_string()));
            params.push(("to".to_owned(), to.to_string()));
        }
        let recipient = event
            .text("rcpt_to")
            .filter(|recipient| is_searchable(recipient));
        params.extend(recipient.map(|recipient| ("recipients".to_owned(), recipient.into_owned())));
    }
    if is_searchable(&kind) {
        params.push(("events".to_owned(), kind));
    }
    api::address("/console/event", &params)
}

/// A recipient, as a link to what was sent there.
pub(crate) fn recipient_link(event: &Event) -> Markup {
    let recipient = event.text("rcpt_to").unwrap_or_default();
    html! {
        @if is_searchable(&recipient) {
            a href=(api::address("/console/recipient", &[("address".to_owned(), recipient.to_string())])) { (cell(&recipient)) }
        } @else if recipient.is_empty() { span.note { "–" } } @else { (cell(&recipient)) }
    }
}

/// Who sent an event, if that is another provider than SparkPost.
pub(crate) fn provider(event: &Event) -> Markup {
    html! {
        @if let Some(provider) = event.text("provider") { span.note { " via " (piece(&provider, 20, 40)) } }
    }
}

/// How many events a search has, and whether there may be more.
pub(crate) fn total(page: &EventPage) -> Markup {
    html! {
        @if page.is_at_least() { "more than " }
        (grouped(page.total_count)) @if page.total_count == 1 { " event" } @else { " events" }
    }
}

/// Why an event happened, in words.
pub(crate) fn reason(event: &Event) -> Markup {
    let class = event.text("bounce_class").filter(|_| {
        matches!(
            Family::of(&event.kind()),
            Family::Bounce | Family::Delay | Family::Rejection
        )
    });
    html! {
        @if let Some(class) = class { (piece(&bounce_class::words(&class), 60, 120)) @if event.text("reason").is_some() { " · " } }
        @if let Some(reason) = event.text("reason").or_else(|| event.text("target_link_url")) { (cell(&reason)) }
    }
}

/// How many values of a dimension are counted for a facet, of which the first are shown.
pub(crate) const MOST_COUNTED: usize = 100;

/// What stands beside links to groups that find more than their group.
pub(crate) fn loose_note(search: &Search, parameter: &str) -> Markup {
    html! {
        @if search.is_loose_for(parameter) {
            p.note { "This search compares words, so a link finds longer names with the same words too. Set " b { "Compare" } " to exact to avoid that." }
        }
    }
}

/// Values of a dimension with their counts, as links that narrow the search to one.
pub(crate) fn facet(
    search: &Search,
    parameter: &'static str,
    title: &str,
    values: &[(Option<String>, u64)],
) -> Markup {
    const MOST: usize = 8;
    let most = values.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let words = |value: &str| match parameter {
        "events" => cell(&family::words(value)),
        "bounce_classes" => cell(&bounce_class::words(value)),
        _ => cell(value),
    };
    html! {
        div {
            h3 { (title) }
            @if values.is_empty() { p.note { "nothing to count" } }
            ul {
                @for (value, count) in values.iter().take(MOST) {
                    li {
                        @match value {
                            Some(value) if search.exactly(parameter, value).has_filters_of(search) => b { (words(value)) },
                            Some(value) if is_searchable(value) && search.is_short() => a href=(search.exactly(parameter, value).link("/console/events")) { (words(value)) },
                            Some(value) => (words(value)),
                            None => span.note { "none" },
                        }
                        span { (chart::bar("t-injection", *count, most)) " " span.num { (grouped(*count)) } }
                    }
                }
            }
            @if values.len() > MOST { p.note { "and " @if values.len() >= MOST_COUNTED { "at least " } (grouped(values.len().saturating_sub(MOST) as u64)) " more" } }
            (loose_note(search, parameter))
        }
    }
}

/// The line of a shell that asks the API the same, with a button that copies it.
pub(crate) fn curl_line(id: &'static str, origin: &str, path_and_query: &str) -> Markup {
    let line = format!(
        "curl -H \"Authorization: $KEY\" {}",
        shell_word(&format!("{origin}{path_and_query}"))
    );
    html! {
        (copyable(id, &html! { pre.line id=(id) { (line) } }))
        p.note { "$KEY is the key of the scope query; " code { "cistern env" } " exports it." }
    }
}

/// The section of a page with the request that asks the API the same.
pub(crate) fn by_the_api(origin: &str, path: &str, params: &Params) -> Markup {
    html! {
        section.panel { h2 { "The same by the API" } (curl_line("curl", origin, &api::address(path, params))) }
    }
}

/// Something with a button that copies it, which a script makes appear.
pub(crate) fn copyable(id: &'static str, content: &Markup) -> Markup {
    html! { (content) button type="button" hidden data-copy=(id) { "Copy" } }
}

/// What to do where nothing has arrived yet.
pub(crate) fn first_event(origin: &str) -> Markup {
    let body = r#"[{"msys":{"message_event":{"type":"delivery","event_id":"1","message_id":"first","rcpt_to":"ada@example.com","timestamp":"'$(date +%s)'"}}}]"#;
    let line = format!(
        "curl -H \"Authorization: $SPARKPOST_KEY\" -H 'Content-Type: application/json' {} -d '{body}'",
        shell_word(&format!("{origin}/webhooks/sparkpost"))
    );
    html! {
        div.panel data-wait {
            h2 { "No event has arrived yet" }
            p { "An email event comes by SparkPost's webhook. Point one at the address below, or post a first event yourself. $SPARKPOST_KEY is the key of the scope sparkpost; " code { "cistern env" } " exports it." }
            (copyable("first-event", &html! { pre.line id="first-event" { (line) } }))
            p { "It can be seen here a few seconds later. " a href="/console" { "Look again" } "." }
        }
    }
}
