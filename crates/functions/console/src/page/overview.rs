//! How it goes: what was received and what became of it, events over time by type, rates, the newest event.

use std::collections::BTreeMap;

use futures::{join, try_join};
use jiff::Timestamp;
use maud::{Markup, html};

use super::{Page, Tab, Viewer, accounts, message, parts, queues, reconciliation, tally::Tally};
use crate::{
    answer::{Event, Group, Sums},
    api::{ApiFailure, Asking, COUNTS_PATH, Groups},
    buckets::Unit,
    chart,
    config::Deps,
    family::Family,
    rates,
    search::Search,
    text::grouped,
};

const PATH: &str = "/console";
const TITLE: &str = "Overview";

/// What the page tells.
#[derive(Debug)]
struct Numbers {
    tally: Tally,
    /// Of the range before, which is as long.
    before: Vec<Group>,
    newest: Option<Event>,
    /// Without them the page is still worth showing.
    sums: Option<Result<Sums, ApiFailure>>,
}

impl Numbers {
    async fn of(asking: Asking<'_>, search: &Search) -> Result<Self, ApiFailure> {
        let before = search.within(search.range.before()).params();
        let counted = async {
            let (tally, before) = try_join!(
                Tally::of(asking, search, Unit::of(&search.range)),
                asking.counts(&["type"], &before, Groups::All),
            )?;
            let newest = newest_of(asking, search, &tally).await?;
            Ok::<_, ApiFailure>((tally, before, newest))
        };
        let (counted, sums) = join!(counted, accounts::of(asking, search));
        let (tally, before, newest) = counted?;
        Ok(Self {
            tally,
            before,
            newest,
            sums,
        })
    }

    fn is_empty(&self) -> bool {
        self.tally.total() == 0 && self.newest.is_none()
    }
}

/// The newest event is looked for where it is known to be, so that the rest of the range is not read.
async fn newest_of(
    asking: Asking<'_>,
    search: &Search,
    tally: &Tally,
) -> Result<Option<Event>, ApiFailure> {
    let range = match tally.last_busy() {
        Some(bucket) => search.range.other(bucket.from, bucket.to),
        // Nothing lately is not nothing ever: who has events is not told how to post a first one.
        None if search.range.is_open() => message::ever(asking.now, &search.range.zone),
        None => return Ok(None),
    };
    let page = asking
        .search(&search.within(range).uncounted_params(1))
        .await?;
    Ok(page.results.into_iter().next())
}

pub(crate) async fn show(deps: &Deps, viewer: &Viewer, query: &str) -> Page {
    let (search, problems) = Search::parse(query, &[], viewer.now);
    let search = whole(search);
    let notes = parts::problems(&problems, &search.ignored);
    let (numbers, queues, reconciled) = join!(
        Numbers::of(viewer.asking(deps), &search),
        queues::section(&deps.queues),
        reconciliation::section(&deps.reconciliation)
    );
    let head = html! { h1 { (TITLE) } (notes) };
    // Queues and records are known without the database, and are looked at when it is down.
    match numbers {
        Ok(numbers) => Page::of(
            Tab::Overview,
            TITLE,
            html! { (head) (body(&numbers, &search, viewer)) (queues) (reconciled) },
        ),
        Err(failure) => {
            let told = html! { (head) (parts::failure(&failure)) (queues) (reconciled) };
            Page {
                status: failure.status(),
                ..Page::of(Tab::Overview, TITLE, told)
            }
        }
    }
}

/// The overview is of all events: what would narrow it is left out, and told.
fn whole(search: Search) -> Search {
    let mut ignored = search.ignored;
    ignored.extend(
        search
            .filters
            .into_iter()
            .map(|(name, _)| name.into_owned()),
    );
    Search {
        ignored,
        ..Search::of(search.range)
    }
}

fn body(numbers: &Numbers, search: &Search, viewer: &Viewer) -> Markup {
    let tally = &numbers.tally;
    let mut asked = search.params();
    let by = format!("{},type", tally.buckets.unit.dimension());
    asked.push(("group_by".to_owned(), by));
    html! {
        (parts::range_bar(search, PATH, &[]))
        @if numbers.is_empty() && search.range.is_open() {
                        (parts::first_event(&viewer.origin))
        } @else {
            (newest(numbers.newest.as_ref(), search, viewer.now))
            @if tally.total() == 0 { p { "No event happened in this range." } }
            @if let Some(sums) = &numbers.sums { (accounts::section(sums, search)) }
            section.panel {
                h2 { "Email events by " (tally.buckets.unit.words()) }
                (tally.chart("events", "Email events by time and type", search))
            }
            section.panel {
                h2 { "By type" }
                (kinds(numbers, search))
            }
            section.panel {
                h2 { "Rates" }
                (rates_table(&tally.totals()))
            }
            (parts::by_the_api(&viewer.origin, COUNTS_PATH, &asked))
        }
    }
}

fn newest(event: Option<&Event>, search: &Search, now: Timestamp) -> Markup {
    html! {
        p {
            @match event {
                Some(event) => {
                    "Newest event: " (parts::time_link(event, &search.range.zone)) " " (parts::kind(&event.kind()))
                    @if let Some(time) = event.time() { span.note { ", " (ago(now.as_second() - time.as_second())) } }
                },
                None => "No event in this range.",
            }
        }
    }
}

/// How long ago, beside the time itself and never instead of it.
fn ago(seconds: i64) -> String {
    match seconds {
        ..=1 => "just now".to_owned(),
        2..120 => format!("{seconds} seconds ago"),
        120..7_200 => format!("{} minutes ago", seconds / 60),
        7_200..172_800 => format!("{} hours ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Each type with a line of its own scale: rare types are seen here.
fn kinds(numbers: &Numbers, search: &Search) -> Markup {
    /// SparkPost has 27.
    const MOST: usize = 40;
    let before: BTreeMap<&str, u64> = numbers
        .before
        .iter()
        .filter_map(|group| Some((group.key(0)?, group.count)))
        .collect();
    let mut kinds: Vec<_> = numbers.tally.totals().into_iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    html! {
        div.scroll tabindex="0" role="region" aria-label="Events by type" {
            table {
                thead { tr {
                    th scope="col" { "Type" } th scope="col" { "Over the range" } th.num scope="col" { "Events" }
                    th.num scope="col" { "Range before" } th.num scope="col" { "Change" }
                } }
                tbody {
                    @for (kind, count) in kinds.into_iter().take(MOST) {
                        @let past = before.get(kind).copied().unwrap_or(0);
                        tr {
                            th scope="row" { a href=(search.only("events", kind).link("/console/events")) { (parts::kind(kind)) } }
                            td { @if let Some(counts) = numbers.tally.by_kind.get(kind) { (chart::sparkline(Family::of(kind).class(), counts)) } }
                            td.num { (grouped(count)) }
                            td.num { (grouped(past)) }
                            td.num { (rates::change(count, past).unwrap_or_else(|| "–".to_owned())) }
                        }
                    }
                    tr { th scope="row" { b { "All" } } td {} td.num { b { (grouped(numbers.tally.total())) } } td.num { (grouped(before.values().sum())) } td {} }
                }
            }
        }
    }
}

/// The rates with their definitions, of counts by type.
pub(super) fn rates_table(totals: &BTreeMap<&str, u64>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Rates" {
            table {
                thead { tr { th scope="col" { "Rate" } th.num scope="col" { "Share" } th.num scope="col" { "Events" } th scope="col" { "Definition" } } }
                tbody {
                    @for rate in rates::of(totals) {
                        tr {
                            th scope="row" { (rate.name) }
                            td.num { (rates::percent(rate.part, rate.whole).unwrap_or_else(|| "–".to_owned())) }
                            td.num { (grouped(rate.part)) " of " (grouped(rate.whole)) }
                            td.wide { (rate.definition) }
                        }
                    }
                }
            }
        }
        p.note { "Events of this range divided by events of this range: what was sent before it and opened in it counts as opened. – stands where there is nothing to divide by, for example when the webhook sends no injections." }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_the_unit_that_fits() {
        let table = [
            (-3, "just now"),
            (1, "just now"),
            (119, "119 seconds ago"),
            (120, "2 minutes ago"),
            (7_200, "2 hours ago"),
            (172_800, "2 days ago"),
        ];
        for (seconds, text) in table {
            assert_eq!(ago(seconds), text);
        }
    }
}
