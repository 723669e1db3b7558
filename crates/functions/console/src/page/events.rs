//! The whole search: a form, a plot, counts of values, a list, and ways to take it elsewhere.

use std::time::Duration;

use futures::join;
use maud::{Markup, html};
use serde_json::json;
use tokio::time::timeout;

use super::{Page, Tab, Viewer, export, parts, tally::Tally};
use crate::{
    answer::{EventPage, Group},
    api::{self, ApiFailure, Asking, Groups, SEARCH_PATH},
    buckets::Unit,
    config::Deps,
    filter::{FILTERS, Filter, USUAL},
    range::Problem,
    search::{Search, is_searchable},
    text::{cell, grouped, piece},
};

pub(crate) const PATH: &str = "/console/events";
const TITLE: &str = "Events";
/// Rows of a page. With all that a hostile sender puts into them, a page stays below 100 KB.
const PER_PAGE: u32 = 40;

/// Values of a dimension and what narrows to one.
const FACETS: [(&str, &str, &str); 4] = [
    ("campaign", "campaigns", "Campaign"),
    ("recipient_domain", "recipient_domains", "Recipient domain"),
    ("bounce_class", "bounce_classes", "Bounce class"),
    ("provider", "provider", "Provider"),
];

/// What the page tells. What cannot be counted leaves the list as it is.
struct Found {
    page: Result<EventPage, ApiFailure>,
    tally: Result<Tally, ApiFailure>,
    facets: [Result<Vec<Group>, ApiFailure>; 4],
}

/// The list is what a person waits for. Counts of a busy range may take longer, and are left out then.
const PLOT_LIMIT: Duration = Duration::from_secs(8);
const FACET_LIMIT: Duration = Duration::from_secs(4);

impl Found {
    async fn of(asking: Asking<'_>, search: &Search) -> Self {
        let params = search.params();
        let page_params = search.page_params(PER_PAGE);
        let unit = Unit::plain_of(&search.range);
        let facet = async |dimension: &'static str| {
            let largest = Groups::Largest(parts::MOST_COUNTED);
            within(FACET_LIMIT, asking.counts(&[dimension], &params, largest)).await
        };
        let [first, second, third, fourth] = FACETS.map(|(dimension, _, _)| facet(dimension));
        let (page, tally, first, second, third, fourth) = join!(
            asking.search(&page_params),
            within(PLOT_LIMIT, Tally::of(asking, search, unit)),
            first,
            second,
            third,
            fourth
        );
        Self {
            page,
            tally,
            facets: [first, second, third, fourth],
        }
    }
}

/// Values of a parameter that its field suggests, the most frequent first.
type Suggested = (&'static str, Vec<(String, u64)>);

/// A list that is longer is not read, and neither are longer values.
const MOST_SUGGESTED: usize = 12;
const LONGEST_SUGGESTED: usize = 48;

impl Found {
    fn suggestions(&self) -> Vec<Suggested> {
        let kinds = self.tally.as_ref().map(|tally| ("events", by_count(tally)));
        let facets = FACETS
            .iter()
            .zip(&self.facets)
            .filter_map(|(facet, groups)| {
                let named = groups
                    .as_ref()
                    .ok()?
                    .iter()
                    .filter_map(|group| Some((group.key(0)?.to_owned(), group.count)));
                Some((facet.1, named.collect()))
            });
        kinds.into_iter().chain(facets).collect()
    }
}

/// Types, the most frequent first.
fn by_count(tally: &Tally) -> Vec<(String, u64)> {
    let totals = tally.totals().into_iter();
    let mut kinds: Vec<_> = totals
        .map(|(kind, count)| (kind.to_owned(), count))
        .collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    kinds
}

async fn within<T>(
    limit: Duration,
    asked: impl Future<Output = Result<T, ApiFailure>>,
) -> Result<T, ApiFailure> {
    timeout(limit, asked).await.unwrap_or(Err(ApiFailure::Late))
}

pub(crate) async fn show(deps: &Deps, viewer: &Viewer, query: &str) -> Page {
    let (search, problems) = Search::parse(query, &[], viewer.now);
    if !problems.is_empty() {
        let body = head(&search, &problems, &[]);
        return Page {
            status: axum::http::StatusCode::BAD_REQUEST,
            ..Page::of(Tab::Events, TITLE, body)
        };
    }
    let found = Found::of(viewer.asking(deps), &search).await;
    match &found.page {
        Ok(page) => {
            let body = html! { (head(&search, &problems, &found.suggestions())) (list(page, &found, &search, viewer)) };
            Page::of(Tab::Events, TITLE, body)
        }
        // The form stays, so that what is wrong can be changed.
        Err(failure) => {
            Page::failed_below(Tab::Events, TITLE, &head(&search, &problems, &[]), failure)
        }
    }
}

/// How many events came since a page was made, for its script.
pub(crate) async fn count_new(
    asking: Asking<'_>,
    query: &str,
) -> Result<serde_json::Value, ApiFailure> {
    let (search, _) = Search::parse(query, &[], asking.now);
    let groups = asking
        .counts(&["type"], &search.params(), Groups::All)
        .await?;
    Ok(json!({ "count": groups.iter().map(|group| group.count).fold(0_u64, u64::saturating_add) }))
}

fn head(search: &Search, problems: &[Problem], suggestions: &[Suggested]) -> Markup {
    html! {
        h1 { (TITLE) }
        (parts::range_bar(search, PATH, &[]))
        (form(search, suggestions))
        (chips(search))
        (parts::problems(problems, &search.ignored))
    }
}

/// The search as a form, whose fields are the parameters of the address.
fn form(search: &Search, suggestions: &[Suggested]) -> Markup {
    let (usual, more) = FILTERS.split_at(USUAL);
    let more = more
        .iter()
        .filter(|filter| !matches!(filter.name, "timezone" | "cursor"));
    let is_open = more
        .clone()
        .any(|filter| !search.value(filter.name).is_empty());
    html! {
        form.search.panel method="get" action=(PATH) role="search" {
            @for filter in usual { (field(filter, search, suggestions)) }
            div { label for="f-from" { "From" } input id="f-from" name="from" value=(search.range.written.0) aria-describedby="times"; }
            div { label for="f-to" { "To" } input id="f-to" name="to" value=(search.range.written.1) placeholder="now" aria-describedby="times"; }
            div.end { button.main type="submit" { "Search" } }
            details.more open[is_open] {
                summary { "More filters" }
                div {
                    @for filter in more { (field(filter, search, suggestions)) }
                    div { label for="f-timezone" { "Time zone" } input id="f-timezone" name="timezone" value=(search.range.zone.name); }
                }
                p.note id="times" { "Several values are separated by commas and are alternatives. Words match whole, in any case; metadata is searched by keys that have an index. Times are -24h, -7d or -4w before now, a date like 2026-11-21, or 2026-11-21T09:30." }
            }
            @for (parameter, values) in suggestions {
                datalist id={ "d-" (parameter) } {
                    @for (value, count) in values.iter().filter(|(value, _)| is_searchable(value) && value.len() <= LONGEST_SUGGESTED).take(MOST_SUGGESTED) { option value=(value) { (grouped(*count)) } }
                }
            }
        }
    }
}

fn field(filter: &Filter, search: &Search, suggestions: &[Suggested]) -> Markup {
    // What has been narrowed by a key is a chip; the field adds another.
    let value = search.value(filter.name);
    let id = format!("f-{}", filter.name);
    let is_suggested = suggestions
        .iter()
        .any(|(parameter, _)| *parameter == filter.name);
    html! {
        div {
            label for=(id) { (filter.label) }
            input id=(id) name=(filter.name) value=(value) placeholder=(filter.hint) list=[is_suggested.then(|| format!("d-{}", filter.name))] autocomplete="off" spellcheck="false";
        }
    }
}

/// What narrows the search now, each with a way out.
fn chips(search: &Search) -> Markup {
    const MOST: usize = 12;
    let cleared = Search {
        filters: Vec::new(),
        ..search.within(search.range.clone())
    };
    html! {
        @if !search.filters.is_empty() {
            ul.chips aria-label="Filters" {
                @for (index, (name, value)) in search.filters.iter().enumerate().take(MOST) {
                    @let label = FILTERS.iter().find(|filter| filter.name == name).map_or(name.as_ref(), |filter| filter.label);
                    li { (piece(label, 60, 120)) ": " (cell(value)) " " a href=(search.without(index).link(PATH)) aria-label={ "Remove the filter " (index + 1) } { "×" } }
                }
                @if search.filters.len() > MOST { li { "and " (search.filters.len() - MOST) " more" } }
                li { a href=(cleared.link(PATH)) { "clear all" } }
            }
        }
    }
}

fn list(page: &EventPage, found: &Found, search: &Search, viewer: &Viewer) -> Markup {
    let is_empty = page.results.is_empty() && search.cursor.is_none();
    html! {
        @if is_empty { (nothing(search, viewer)) } @else {
            (plot(&found.tally, search))
            section.panel {
                h2 { (parts::total(page)) }
                (news(search, viewer))
                (table(page, search))
                (pages(page, search))
            }
            (facets(found, search))
        }
        (elsewhere(page, search, viewer))
    }
}

fn plot(tally: &Result<Tally, ApiFailure>, search: &Search) -> Markup {
    html! {
        section.panel {
            @match tally {
                Ok(tally) => {
                    h2 { "By " (tally.buckets.unit.words()) " and type" }
                    (tally.chart("found", "Events of this search by time and type", search))
                },
                Err(failure) => p.warn { "There is no plot of this search: " (failure.words()) },
            }
        }
    }
}

fn news(search: &Search, viewer: &Viewer) -> Markup {
    let since = search.within(search.range.other(viewer.now, viewer.now));
    let Some(address) = search.range.is_open().then(|| since_address(&since)) else {
        return html! {};
    };
    html! { p hidden data-new=(address) aria-live="polite" { a href=(search.within(search.range.clone()).link(PATH)) {} } }
}

/// Without an end: what comes later counts.
fn since_address(search: &Search) -> String {
    let mut range = search.range.clone();
    range.written = (search.range.from.to_string(), String::new());
    Search {
        range,
        ..search.clone()
    }
    .link("/console/events/new")
}

fn table(page: &EventPage, search: &Search) -> Markup {
    let zone = &search.range.zone;
    html! {
        div.scroll tabindex="0" role="region" aria-label="Events" {
            table {
                thead { tr {
                    th scope="col" { "Time (" (piece(&zone.name, 40, 80)) ")" } th scope="col" { "Type" } th scope="col" { "Recipient" }
                    th scope="col" { "Subject" } th scope="col" { "Campaign" } th scope="col" { "Reason or link" }
                } }
                tbody {
                    @for event in &page.results {
                        tr {
                            td { (parts::time_link(event, zone)) }
                            td { (parts::kind(&event.kind())) (parts::provider(event)) }
                            td { (parts::recipient_link(event)) }
                            td { (cell(event.text("subject").as_deref().unwrap_or_default())) }
                            td { (cell(event.text("campaign_id").as_deref().unwrap_or_default())) }
                            td { (parts::reason(event)) }
                        }
                    }
                }
            }
        }
    }
}

fn pages(page: &EventPage, search: &Search) -> Markup {
    html! {
        div.bar-row {
            @if search.cursor.is_some() {
                a href=(Search { cursor: None, ..search.clone() }.link(PATH)) { "← newest" }
            }
            @if let Some(cursor) = page.next_cursor() { a rel="next" href=(search.at(cursor).link(PATH)) { "older →" } }
        }
    }
}

fn facets(found: &Found, search: &Search) -> Markup {
    let kinds = found.tally.as_ref().map(|tally| {
        let kinds = by_count(tally).into_iter();
        kinds
            .map(|(kind, count)| (Some(kind), count))
            .collect::<Vec<_>>()
    });
    html! {
        section.panel {
            h2 { "What these events have in common" }
            div.facets {
                @if let Ok(kinds) = &kinds { (parts::facet(search, "events", "Type", kinds)) }
                @for ((_, parameter, title), groups) in FACETS.into_iter().zip(&found.facets) {
                    @match groups {
                        // Where there is no other sender it would say nothing.
                        Ok(groups) if is_sparkpost_alone(parameter, groups) => {},
                        Ok(groups) => {
                            @let values: Vec<_> = groups.iter().map(|group| (group.key(0).map(str::to_owned), group.count)).collect();
                            (parts::facet(search, parameter, title, &values))
                        },
                        Err(failure) => div { h3 { (title) } p.note { "not counted: " (failure.words()) } },
                    }
                }
            }
        }
    }
}

fn is_sparkpost_alone(parameter: &str, groups: &[Group]) -> bool {
    parameter == "provider" && groups.iter().all(|group| group.key(0) == Some("sparkpost"))
}

/// The same search for other programs.
fn elsewhere(page: &EventPage, search: &Search, viewer: &Viewer) -> Markup {
    let fixed = Search {
        cursor: None,
        ..search.within(search.range.fixed())
    };
    let is_partial = page.total_count > u64::from(export::MOST_EXPORTED);
    html! {
        section.panel {
            h2 { "Take it elsewhere" }
            p {
                a href=(fixed.link_with("/console/export", &[("format", "csv")])) { "CSV for spreadsheets" } " · "
                a href=(fixed.link_with("/console/export", &[("format", "ndjson")])) { "NDJSON, exact" } " · "
                a href=(fixed.link(PATH)) { "link with fixed times" }
            }
            p.note {
                "In the CSV an apostrophe stands before texts that a spreadsheet would execute."
                @if is_partial { " Files hold the newest " (grouped(u64::from(export::MOST_EXPORTED))) " events; a shorter range gives the others." }
            }
            h3 { "The same by the API" }
            (parts::curl_line("curl", &viewer.origin, &api::address(SEARCH_PATH, &search.params())))
        }
    }
}

fn nothing(search: &Search, viewer: &Viewer) -> Markup {
    html! {
        div.panel data-wait[search.range.is_open() && search.filters.is_empty()] {
            h2 { "No event is found" }
            @if search.filters.is_empty() {
                p { "None happened in this range. A longer one may hold some: " a href=(month(search).link(PATH)) { "the last 30 days" } "." }
                p { "If nothing was ever posted to " code { (viewer.origin) "/webhooks/sparkpost" } ", the " a href="/console" { "overview" } " shows how to post a first event." }
            } @else {
                p { "Every filter narrows the search. Without one of them:" }
                ul {
                    @for (index, (name, value)) in search.filters.iter().enumerate().take(5) {
                        li { a href=(search.without(index).link(PATH)) { "without " (piece(name, 60, 120)) " " (cell(value)) } }
                    }
                    li { a href=(month(search).link(PATH)) { "the same in the last 30 days" } }
                }
            }
        }
    }
}

fn month(search: &Search) -> Search {
    let mut range = search.range.clone();
    range.written = ("-30d".to_owned(), String::new());
    search.within(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_takes_too_long_is_left_out() {
        let never = std::future::pending::<Result<(), ApiFailure>>();
        let late = within(Duration::from_millis(1), never).await.unwrap_err();

        assert!(late.words().starts_with("The search took too long"));
        assert!(within(FACET_LIMIT, async { Ok(1) }).await.is_ok());
    }
}
