//! App events: what became of them, what the destination answered, and what was rejected.

use std::collections::BTreeMap;

use aws_io::logs::LogsError;
use futures::join;
use jiff::Timestamp;
use maud::{Markup, html};
use tracing::warn;

use super::{
    Page, Tab, Viewer, parts,
    pipeline::{self, APP_EVENTS},
    plot,
};
use crate::{
    buckets::{Buckets, Unit},
    chart::{Series, bar},
    config::Deps,
    forwarding::{ForwarderLog, Forwarding, RunEnd},
    rates::percent,
    search::Search,
    text::{grouped, piece},
};

pub(crate) const PATH: &str = "/console/app-events";
const TITLE: &str = "App events";
/// The newest runs, of which there is one an hour.
const MOST_RUNS: usize = 24;
/// Reasons in a list; the forwarder has fewer.
const MOST_REASONS: usize = 30;

pub(crate) async fn show(deps: &Deps, viewer: &Viewer, query: &str) -> Page {
    let (search, problems) = Search::parse(query, &[], viewer.now);
    let ignored = pipeline::ignored(&search);
    let search = Search::of(search.range);
    let (rejected, forwarding) = join!(
        pipeline::rejected_section(&APP_EVENTS, viewer.asking(deps), &search),
        read(deps.forwarder_log.as_ref(), &search),
    );
    let body = html! {
        h1 { (TITLE) }
        p { "App events come from mParticle and are forwarded to their destination by a schedule, once an hour by default. Each message is archived in S3 first, and its events are in the lake." }
        (parts::problems(&problems, &ignored))
        (parts::range_bar(&search, PATH, &[]))
        @match &forwarding {
            None => p { "This stack forwards no app events: it was deployed without them (EnableForwarder)." },
            Some(Err(_)) => div.panel.problem role="alert" { p { "The forwarder's log cannot be read at the moment, so its figures are not known. Load the page again in a few seconds; the log of the console's function has the reason." } },
            Some(Ok(forwarding)) => (told(forwarding, &search)),
        }
        (rejected)
        (pipeline::more(&APP_EVENTS, viewer, &search))
    };
    Page::of(Tab::AppEvents, TITLE, body)
}

async fn read(
    log: Option<&ForwarderLog>,
    search: &Search,
) -> Option<Result<Forwarding, LogsError>> {
    let read = log?.read(&search.range).await;
    if let Err(error) = &read {
        warn!(error = %function_kit::chain(error), "forwarder's log not read");
    }
    Some(read)
}

fn told(forwarding: &Forwarding, search: &Search) -> Markup {
    let zone = &search.range.zone;
    html! {
        @if let Some(to) = forwarding.read_to_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()) {
            p.warn { "The forwarder wrote more than can be read at once: the figures go up to " time datetime=(to) { (zone.second(to)) } ". Choose a shorter range." }
        }
        section.panel { h2 { "Forwarded, and what became of it" } (accounts(forwarding, search)) }
        @if forwarding.unavailable.is_empty() && forwarding.runs.is_empty() {
            section.panel { h2 { "Runs" } p { "No run has ended in this range. The forwarder runs by its schedule, once an hour unless ForwardSchedule says otherwise. To start a run now: " code { "aws lambda invoke" } " with the name of the forwarder's function, or " code { "cistern forward" } " for the local stack." } }
        } @else {
            section.panel { h2 { "What the destination answered" } (answers(forwarding)) }
            section.panel { h2 { "Runs" } (runs(&forwarding.runs, search)) }
        }
    }
}

fn accounts(forwarding: &Forwarding, search: &Search) -> Markup {
    let difference = forwarding.difference();
    let late = percent(forwarding.late, forwarding.sent);
    html! {
        div.scroll tabindex="0" role="region" aria-label="Sums of app events" {
            table {
                thead { tr {
                    th.num scope="col" { "Received" } th.num scope="col" { "Sent" } th.num scope="col" { "Skipped" } th.num scope="col" { "Rejected" }
                    th.num scope="col" { "Difference" } th.num scope="col" { "Late" }
                } }
                tbody { tr {
                    td.num { (grouped(forwarding.received)) } td.num { (grouped(forwarding.sent)) } td.num { (grouped(forwarding.skipped)) } td.num { (grouped(forwarding.rejected)) }
                    td.num { @if difference == 0 { span.ok { "0 ✓" } } @else { span.err { (difference) } } }
                    td.num { (grouped(forwarding.late)) @if let Some(late) = &late { " (" (late) ")" } }
                } }
            }
        }
        p.note { "Received = sent + skipped + rejected, counted by the forwarder when a message is done. Late are sent events that were over a day old when the destination accepted them. The figures are from the forwarder's log, which is kept as long as the stack keeps logs." }
        @if !forwarding.by_time.is_empty() { (over_time(forwarding, search)) }
        div.two {
            (reasons("Skipped by reason", "Left out on purpose, by the stack's mapping.", &forwarding.skipped_by_reason))
            (reasons("Rejected by reason", "Not usable; each is kept with its reason.", &forwarding.rejected_by_reason))
            @if !forwarding.notes.is_empty() { (reasons("Changed to be sent", "Sent, after a change that the destination demands.", &forwarding.notes)) }
        }
    }
}

fn over_time(forwarding: &Forwarding, search: &Search) -> Markup {
    let buckets = Buckets::of(&search.range, Unit::of(&search.range));
    let mut counts = [(); 3].map(|()| vec![0_u64; buckets.list.len()]);
    for (at_ms, added) in &forwarding.by_time {
        let place = buckets.list.iter().position(|bucket| {
            (bucket.from.as_millisecond()..bucket.to.as_millisecond()).contains(at_ms)
        });
        for (counts, added) in counts.iter_mut().zip(added) {
            if let Some(slot) = place.and_then(|place| counts.get_mut(place)) {
                *slot = slot.saturating_add(*added);
            }
        }
    }
    let [sent, skipped, rejected] = &counts;
    let one = |class, label, counts| Series {
        class,
        label,
        counts,
        href: None,
    };
    let series = [
        one("t-delivery", "Sent", sent),
        one("t-injection", "Skipped", skipped),
        one("t-bounce", "Rejected", rejected),
    ];
    plot::without_links(
        "forwarded",
        "App events by time and outcome",
        &buckets,
        &series,
        search,
    )
}

fn reasons(title: &str, about: &str, counts: &BTreeMap<String, u64>) -> Markup {
    let most = counts.values().copied().max().unwrap_or(0);
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    html! {
        div {
            h3 { (title) }
            @if sorted.is_empty() { p.note { "None." } }
            @else {
                p.note { (about) }
                div.scroll tabindex="0" role="region" aria-label=(title) {
                    table {
                        thead { tr { th scope="col" { "Reason" } th scope="col" { "Share" } th.num scope="col" { "Events" } } }
                        tbody { @for (code, count) in sorted.into_iter().take(MOST_REASONS) { tr { td { (piece(&code.replace('_', " "), 60, 120)) } td { (bar("t-injection", *count, most)) } td.num { (grouped(*count)) } } } }
                    }
                }
            }
        }
    }
}

fn answers(forwarding: &Forwarding) -> Markup {
    let requests = forwarding
        .runs
        .iter()
        .fold(0_u64, |sum, run| sum.saturating_add(run.requests));
    html! {
        p {
            (grouped(requests)) @if requests == 1 { " request in " } @else { " requests in " }
            (grouped(forwarding.runs.len() as u64)) @if forwarding.runs.len() == 1 { " run" } @else { " runs" } "; the destination accepted " (grouped(forwarding.sent)) @if forwarding.sent == 1 { " event" } @else { " events" }
            @if forwarding.unavailable.is_empty() { ", and was available all the time." } @else { "." }
        }
        @if !forwarding.unavailable.is_empty() {
            p { "Retried requests, by the destination's answer:" }
            div.scroll tabindex="0" role="region" aria-label="Answers of the destination" {
                table {
                    thead { tr { th scope="col" { "Answer" } th.num scope="col" { "Requests" } } }
                    tbody { @for (detail, count) in forwarding.unavailable.iter().take(MOST_REASONS) { tr { td.wide { (piece(detail, 160, 400)) } td.num { (grouped(*count)) } } } }
                }
            }
        }
        p.note { "Events that the destination refused are counted under Rejected by reason." }
    }
}

fn runs(runs: &[RunEnd], search: &Search) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Runs" {
            table {
                thead { tr {
                    th scope="col" { "Ended" } th scope="col" { "Why" } th.num scope="col" { "Received" } th.num scope="col" { "Sent" }
                    th.num scope="col" { "Requests" } th.num scope="col" { "To be received again" }
                } }
                tbody {
                    @for run in runs.iter().rev().take(MOST_RUNS) {
                        @let (words, detail, is_trouble) = run.why.words();
                        tr {
                            td { @if let Ok(at) = Timestamp::from_millisecond(run.at_ms) { time datetime=(at) { (search.range.zone.second(at)) } } }
                            td.wide { span.err[is_trouble] { (words) } @if let Some(detail) = detail { @if !words.is_empty() { ": " } (piece(detail, 160, 400)) } }
                            td.num { (grouped(run.received)) } td.num { (grouped(run.sent)) } td.num { (grouped(run.requests)) } td.num { (grouped(run.released)) }
                        }
                    }
                }
            }
        }
        @if runs.len() > MOST_RUNS { p.note { "and " (grouped((runs.len() - MOST_RUNS) as u64)) " before" } }
    }
}
