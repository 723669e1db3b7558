//! What could not be used, of all pipelines: why, when, where it is, and what to do.

mod repair;

use std::collections::BTreeMap;

use maud::{Markup, html};
use url::form_urlencoded;

pub(crate) use self::repair::{REPAIR_PATH, repair};

use self::repair::Draft;

use super::{Page, Tab, Viewer, accounts, parts};
use crate::{
    answer::{RejectedItem, RejectedPage},
    api::{ApiFailure, Asking, Params, REJECTED_PATH},
    config::Deps,
    range::{Problem, Range},
    search::Search,
    text::{beginning, grouped, piece, visible, without_hidden},
};

pub(crate) const PATH: &str = "/console/rejected";
const TITLE: &str = "Rejected";
const STATUSES: [(&str, &str); 4] = [
    ("open", "open"),
    ("retried", "sent again"),
    ("settled", "settled"),
    ("all", "all"),
];
const PER_PAGE: u32 = 20;
/// Characters of all items of a page, so that it stays below 100 KB whatever they are; the API has the first 4 KiB of each.
const MOST_SHOWN: usize = 7_500;
const MOST_SHOWN_OF_ONE: usize = 2_000;
const PIPELINES: [(&str, &str); 3] = [
    ("email_events", "Email events"),
    ("app_events", "App events"),
    ("product_events", "Product events"),
];
/// Nothing is rejected on most days, so a week is looked at where nothing is said.
const DEFAULT_FROM: &str = "-7d";

/// What is looked for.
#[derive(Clone, Debug)]
struct Wanted {
    range: Range,
    pipeline: Option<&'static str>,
    reason: String,
    status: &'static str,
    cursor: Option<String>,
}

impl Wanted {
    fn parse(query: &str, now: jiff::Timestamp) -> (Self, Vec<Problem>) {
        let value = |wanted: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            let found = pairs.find(|(name, value)| name == wanted && !value.trim().is_empty());
            found.map(|(_, value)| without_hidden(&value).trim().to_owned())
        };
        let text = |name| value(name).unwrap_or_default();
        let from = value("from").unwrap_or_else(|| DEFAULT_FROM.to_owned());
        let (range, mut problems) = Range::parse(&from, &text("to"), &text("timezone"), now);
        let pipeline = text("pipeline");
        let known = PIPELINES.iter().find(|(name, _)| *name == pipeline);
        if known.is_none() && !pipeline.is_empty() {
            problems.push(Problem {
                param: "pipeline",
                message: "is email_events, app_events or product_events",
            });
        }
        let mut reason = text("reason");
        if reason.len() > 200 {
            problems.push(Problem {
                param: "reason",
                message: "is too long: a part of it is enough",
            });
            reason.clear();
        }
        let status = text("status");
        let known_status = STATUSES.iter().find(|(name, _)| *name == status);
        if known_status.is_none() && !status.is_empty() {
            problems.push(Problem {
                param: "status",
                message: "is open, retried, settled or all",
            });
        }
        let wanted = Self {
            range,
            pipeline: known.map(|(name, _)| *name),
            reason,
            status: known_status.map_or(STATUSES[0].0, |(name, _)| *name),
            cursor: value("cursor"),
        };
        (wanted, problems)
    }

    /// The parameters of the page, or of the API, which has the same names.
    fn filters(&self) -> Vec<(&str, &str)> {
        let mut filters = Vec::new();
        filters.extend(self.pipeline.map(|pipeline| ("pipeline", pipeline)));
        if !self.reason.is_empty() {
            filters.push(("reason", self.reason.as_str()));
        }
        filters.push(("status", self.status));
        filters
    }

    fn params(&self) -> Params {
        let mut params = Search::of(self.range.clone()).params();
        let filters = self.filters().into_iter();
        params.extend(filters.map(|(name, value)| (name.to_owned(), value.to_owned())));
        params
    }

    /// The query of the page's address.
    fn query(&self) -> String {
        let mut own = self.filters();
        own.extend(self.cursor.iter().map(|cursor| ("cursor", cursor.as_str())));
        let link = link(&self.range, &own);
        link.split_once('?')
            .map_or_else(String::new, |(_, query)| query.to_owned())
    }

    fn page_params(&self) -> Params {
        let mut params = self.params();
        params.push(("per_page".to_owned(), PER_PAGE.to_string()));
        let cursor = self.cursor.iter();
        params.extend(cursor.map(|cursor| ("cursor".to_owned(), cursor.clone())));
        params
    }
}

/// The address of the page for a range, with parameters of the page.
fn link(range: &Range, own: &[(&str, &str)]) -> String {
    Search::of(range.clone()).link_with(PATH, own)
}

/// One page of rejected items, for other pages too.
pub(super) async fn newest(
    asking: Asking<'_>,
    range: &Range,
    pipeline: &'static str,
) -> Result<RejectedPage, ApiFailure> {
    let wanted = Wanted {
        range: range.clone(),
        pipeline: Some(pipeline),
        reason: String::new(),
        status: STATUSES[0].0,
        cursor: None,
    };
    asking.rejected(&wanted.page_params()).await
}

pub(crate) async fn show(deps: &Deps, viewer: &Viewer, query: &str) -> Page {
    show_with(deps, viewer, query, &Draft::default()).await
}

/// The page with what somebody has filled in, and what is wrong with it.
async fn show_with(deps: &Deps, viewer: &Viewer, query: &str, draft: &Draft<'_>) -> Page {
    let (wanted, problems) = Wanted::parse(query, viewer.now);
    let search = Search::of(wanted.range.clone());
    let head = html! {
        h1 { (TITLE) }
        (parts::range_bar(&search, PATH, &wanted.filters()))
        (parts::problems(&problems, &[]))
        @if let Some(problem) = draft.problem { div.panel.problem role="alert" { p { (problem) } } }
        (form(&wanted))
    };
    match viewer.asking(deps).rejected(&wanted.page_params()).await {
        Ok(page) => Page::of(
            Tab::Rejected,
            TITLE,
            html! { (head) (body(&page, &wanted, draft, viewer)) },
        ),
        Err(failure) => Page::failed_below(Tab::Rejected, TITLE, &head, &failure),
    }
}

fn form(wanted: &Wanted) -> Markup {
    let (from, to) = &wanted.range.written;
    html! {
        section.panel {
            form.search method="get" action=(PATH) {
                div {
                    label for="pipeline" { "Pipeline" }
                    select id="pipeline" name="pipeline" {
                        option value="" { "all" }
                        @for (name, label) in PIPELINES { option value=(name) selected[wanted.pipeline == Some(name)] { (label) } }
                    }
                }
                div {
                    label for="status" { "Status" }
                    select id="status" name="status" {
                        @for (name, label) in STATUSES { option value=(name) selected[wanted.status == name] { (label) } }
                    }
                }
                div { label for="reason" { "Part of the reason" } input id="reason" name="reason" value=(wanted.reason) maxlength="200"; }
                div { label for="from" { "From" } input id="from" name="from" value=(from); }
                div { label for="to" { "To" } input id="to" name="to" value=(to) placeholder="now"; }
                @if wanted.range.zone.name != "UTC" { input type="hidden" name="timezone" value=(wanted.range.zone.name); }
                div.end { button.main type="submit" { "Search" } }
            }
        }
    }
}

fn body(page: &RejectedPage, wanted: &Wanted, draft: &Draft<'_>, viewer: &Viewer) -> Markup {
    html! {
        @if !page.stores.iter().any(|store| store == "s3") {
            p.warn { "This stack's API may not read rejected items in S3, so only those of Postgres are listed: events of email batches that the loader refused." }
        }
        @if page.results.is_empty() {
            div.panel {
                h2 { @if wanted.status == "open" { "Nothing is rejected and open" } @else { "Nothing was rejected" } }
                p { "An item that cannot be used never blocks others: it is kept with a reason, and would be listed here. "
                    @if !wanted.reason.is_empty() || wanted.pipeline.is_some() { a href=(link(&wanted.range, &[])) { "Look in all pipelines, for every reason" } "." } }
            }
        } @else {
            section.panel {
                h2 { @if page.next_cursor().is_some() || wanted.cursor.is_some() { "Reasons on this page" } @else { "Reasons" } }
                (reasons(&page.results, wanted))
            }
            section.panel {
                h2 { (grouped(page.results.len() as u64)) @if page.results.len() == 1 { " item" } @else { " items" } @if page.next_cursor().is_some() { ", and more" } }
                @let shown = (MOST_SHOWN / page.results.len().max(1)).min(MOST_SHOWN_OF_ONE);
                form method="post" action=(REPAIR_PATH) {
                    // Enter in a field presses the first button, which must not be one that writes.
                    button type="submit" hidden disabled {}
                    @for item in &page.results { (one(item, wanted, draft, shown)) }
                    (repair::controls(&page.results, &wanted.query(), draft, viewer))
                }
                (pages(page, wanted))
            }
        }
        (parts::by_the_api(&viewer.origin, REJECTED_PATH, &wanted.params()))
    }
}

/// Items that failed alike, the most frequent first.
pub(super) fn by_reason(items: &[RejectedItem]) -> Vec<((&str, &str), u64)> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for item in items {
        *counts.entry((&item.pipeline, &item.reason)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

fn reasons(items: &[RejectedItem], wanted: &Wanted) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Reasons" {
            table {
                thead { tr { th scope="col" { "Reason" } th scope="col" { "Pipeline" } th.num scope="col" { "Items" } th scope="col" { "What to do" } } }
                tbody {
                    @for ((pipeline, reason), count) in by_reason(items).into_iter().take(10) {
                        tr {
                            td.wide {
                                @if reason.len() <= 100 { a href=(link(&wanted.range, &[("pipeline", pipeline), ("reason", reason)])) { (piece(reason, 120, 240)) } }
                                @else { (piece(reason, 120, 240)) }
                            }
                            td { (accounts::name(pipeline)) }
                            td.num { (grouped(count)) }
                            td.wide { (advice(pipeline, reason)) }
                        }
                    }
                }
            }
        }
    }
}

/// What somebody can do about a reason.
fn advice(pipeline: &str, reason: &str) -> &'static str {
    let has = |word: &str| reason.to_ascii_lowercase().contains(word);
    if has("retention") || has("too_old") || has("too old") {
        "Older than what is kept or sent: nothing, if that is intended; otherwise raise the limit, then choose the item below and send it again."
    } else if has("gzip") || has("compressed") || has("utf-8") || has("encoding") {
        "The sender wrote bytes that are not JSON: correct the sender, and post the data again."
    } else if has("timestamp") || has("time") {
        "The time cannot be read: correct the sender, and post the item below again with a time."
    } else if pipeline == "app_events" {
        "Read the destination's words in the detail; correct the mapping or the sender, then choose the item below and send it again."
    } else {
        "Correct the sender. Where Cistern should have understood it: update, then choose the item below and send it again."
    }
}

fn one(item: &RejectedItem, wanted: &Wanted, draft: &Draft<'_>, shown: usize) -> Markup {
    let zone = &wanted.range.zone;
    let time = item
        .rejected_at
        .as_deref()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let name = || {
        let reason = visible(beginning(&item.reason, 120, 240).0);
        match time {
            Some(time) => format!("Choose: {reason}, {}", zone.second(time)),
            None => format!("Choose: {reason}"),
        }
    };
    html! {
        // Beside the summary and not in it: a control inside of a control is out of a screen reader's reach.
        div.rejected {
            @if let Some(id) = &item.id { input type="checkbox" name="id" value=(id) checked[draft.ids.contains(id)] aria-label=(name()); }
            details {
                summary {
                    @match time { Some(time) => time datetime=(time) { (zone.second(time)) }, None => span.note { "at a time that is not known" } }
                    " · " (accounts::name(&item.pipeline)) " · " b { (piece(&item.reason, 120, 240)) }
                }
                dl {
                    @if let Some(detail) = &item.detail { dt { "Detail" } dd { (piece(detail, 120, 240)) } }
                    @if let Some(key) = &item.source_key { dt { "Came from" } dd { code { (piece(key, 120, 160)) } @if let Some(ordinal) = item.ordinal { ", item " (ordinal) } } }
                    @if let Some(status) = item.status.as_deref().filter(|status| *status != "open") {
                        dt { "Status" }
                        dd { (status) @if let Some(key) = &item.retried_as { " as " code { (piece(key, 120, 160)) } } @if let Some(note) = &item.note { ": " (piece(note, 120, 500)) } }
                    }
                    dt { "Kept in" } dd { @if item.store == "s3" { "S3, under rejected/" } @else { "Postgres, table email_events_rejected" } }
                    @if let Some(bytes) = item.item_bytes { dt { "Length" } dd { (grouped(bytes)) " bytes" } }
                }
                @match (&item.item, &item.item_base64) {
                    (Some(text), _) => (received("As received", text, item, shown)),
                    (None, Some(text)) => (received("As received, in base64, because it is not UTF-8", text, item, shown)),
                    (None, None) => p.note { "The item itself is in the object that it came from." },
                }
            }
        }
    }
}

fn received(label: &str, text: &str, item: &RejectedItem, shown: usize) -> Markup {
    let is_cut = text.len() > shown || item.is_item_truncated;
    html! {
        p.note { (label) @if is_cut { ", the beginning" } }
        pre.line { (piece(text, shown, 2 * shown)) }
    }
}

fn pages(page: &RejectedPage, wanted: &Wanted) -> Markup {
    let filters = wanted.filters();
    html! {
        div.bar-row {
            @if wanted.cursor.is_some() { a href=(link(&wanted.range, &filters)) { "← newest" } }
            @if let Some(cursor) = page.next_cursor() {
                @let own: Vec<_> = filters.iter().copied().chain([("cursor", cursor.as_str())]).collect();
                // The cursor belongs to a range that does not move.
                a rel="next" href=(link(&wanted.range.fixed(), &own)) { "older →" }
            }
        }
    }
}
