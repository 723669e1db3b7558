//! What was received, and what became of it: each pipeline on a line, and email events day by day.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::{
    answer::{DaySums, Sums},
    api::{ApiFailure, Asking},
    chart,
    range::Zone,
    search::Search,
    text::{grouped, piece},
};

/// The API sums up at most a year.
const MOST_DAYS: i64 = 366;
/// A table of more days is not read.
const MOST_ROWS: usize = 62;

/// The accounts of a search's range; none where the API does not sum that much up.
pub(super) async fn of(asking: Asking<'_>, search: &Search) -> Option<Result<Sums, ApiFailure>> {
    if search.range.seconds() > MOST_DAYS * 86_400 {
        return None;
    }
    let params = Search::of(search.range.clone()).params();
    Some(asking.sums(&params).await)
}

/// What a pipeline is called.
pub(super) fn name(pipeline: &str) -> Markup {
    html! {
        @match pipeline {
            "email_events" => "Email events",
            "app_events" => "App events",
            "product_events" => "Product events",
            other => (piece(other, 40, 80)),
        }
    }
}

/// Where a pipeline's rejected items are.
fn rejected_link(pipeline: &str, search: &Search) -> String {
    Search::of(search.range.clone()).link_with("/console/rejected", &[("pipeline", pipeline)])
}

pub(super) fn section(sums: &Result<Sums, ApiFailure>, search: &Search) -> Markup {
    html! {
        section.panel {
            h2 { "Email batches by day of loading" }
            @match sums {
                Err(failure) => p.note { "Not summed up: " (failure.words()) },
                Ok(sums) => {
                    (by_pipeline(sums, search))
                    (by_day(sums, search))
                    p.note { "Counted by the time of loading, which is not that of an event: a batch that arrives late counts on the day of its arrival. Received = stored + duplicate + rejected + erased. The difference is what these do not explain, and should be 0. Postgres remembers batches for 90 days." }
                },
            }
        }
    }
}

fn by_pipeline(sums: &Sums, search: &Search) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Sums by pipeline" {
            table {
                thead { tr {
                    th scope="col" { "Pipeline" } th.num scope="col" { "Received" } th.num scope="col" { "Stored" } th.num scope="col" { "Duplicate" }
                    th.num scope="col" { "Rejected" } th.num scope="col" { "Difference" } th scope="col" { "Last batch" } th scope="col" { "By day" }
                } }
                tbody {
                    @for state in sums.pipelines.iter().take(8) {
                        @let days: Vec<_> = sums.results.iter().filter(|day| day.pipeline == state.pipeline).collect();
                        tr {
                            th scope="row" { (name(&state.pipeline)) }
                            @if state.has_sums { (totals(&days, &state.pipeline, search)) }
                            @else { td.wide colspan="7" { (elsewhere(&state.pipeline)) "; its rejected items are " a href=(rejected_link(&state.pipeline, search)) { "listed here" } } }
                        }
                    }
                }
            }
        }
    }
}

/// Where a pipeline is summed up whose events are not in Postgres.
fn elsewhere(pipeline: &str) -> Markup {
    html! {
        @match pipeline {
            "app_events" => a href="/console/app-events" { "summed up from the forwarder's log" },
            "product_events" => { "counted by metrics, on the stack's dashboard; " a href="/console/product-events" { "queries of the lake" } " count its events" },
            _ => "counted by metrics, on the stack's dashboard",
        }
    }
}

fn totals(days: &[&DaySums], pipeline: &str, search: &Search) -> Markup {
    let sum = |of: fn(&DaySums) -> u64| {
        days.iter()
            .fold(0_u64, |sum, day| sum.saturating_add(of(day)))
    };
    let rejected = sum(|day| day.rejected);
    let difference = days
        .iter()
        .fold(0_i64, |sum, day| sum.saturating_add(day.difference));
    let received: Vec<_> = days.iter().map(|day| day.received).collect();
    let last = days
        .iter()
        .filter_map(|day| day.last_loaded_at.as_ref()?.parse::<Timestamp>().ok())
        .max();
    html! {
        td.num { (grouped(sum(|day| day.received))) }
        td.num { (grouped(sum(|day| day.stored))) }
        td.num { (grouped(sum(|day| day.duplicate))) }
        td.num { @if rejected > 0 { a href=(rejected_link(pipeline, search)) { (grouped(rejected)) } } @else { "0" } }
        td.num { (balance(difference)) }
        td { @match last { Some(time) => time datetime=(time) { (search.range.zone.second(time)) }, None => "–" } }
        td { @if received.len() > 1 { (chart::sparkline("t-injection", &received)) } }
    }
}

/// Whether a sum comes out, in words and colour: a positive difference was received and is nowhere.
fn balance(difference: i64) -> Markup {
    html! {
        @if difference == 0 { span.ok { "0 ✓" } }
        @else { span.err { (grouped(difference.unsigned_abs())) @if difference > 0 { " missing" } @else { " too many" } } }
    }
}

fn by_day(sums: &Sums, search: &Search) -> Markup {
    let zone: &Zone = &search.range.zone;
    html! {
        @if sums.results.len() > 1 {
            details {
                summary { "Day by day" }
                div.scroll tabindex="0" role="region" aria-label="Sums by day" {
                    table {
                        thead { tr {
                            th scope="col" { "Day (" (piece(&zone.name, 40, 80)) ")" } th scope="col" { "Pipeline" } th.num scope="col" { "Received" } th.num scope="col" { "Stored" }
                            th.num scope="col" { "Duplicate" } th.num scope="col" { "Rejected" } th.num scope="col" { "Difference" }
                        } }
                        tbody {
                            @for day in sums.results.iter().rev().take(MOST_ROWS) {
                                tr {
                                    th scope="row" { (piece(&day.day, 20, 40)) } td { (name(&day.pipeline)) }
                                    td.num { (grouped(day.received)) } td.num { (grouped(day.stored)) } td.num { (grouped(day.duplicate)) }
                                    td.num { (grouped(day.rejected)) } td.num { (balance(day.difference)) }
                                }
                            }
                        }
                    }
                }
                @if sums.results.len() > MOST_ROWS { p.note { "and " (sums.results.len() - MOST_ROWS) " days before; the API has them" } }
            }
        }
    }
}
