//! How long people take to open what was delivered: a histogram, the median, and when nine of ten have opened.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::SignedDuration;
use maud::{Markup, html};

use super::{
    Page, Tab, Viewer, bounces,
    message::span,
    parts,
    table::{Table, Value},
};
use crate::{
    answer::Event,
    api::{ApiFailure, Asking, SEARCH_PATH},
    chart::{Series, Stacked, Zone},
    config::Deps,
    opening::{GROUPS, OPENS, Openings, first_opens},
    range::Problem,
    search::{Search, is_searchable},
    text::grouped,
};

pub(crate) const PATH: &str = "/console/reports/time-to-open";
const TITLE: &str = "Time to open";
/// The newest opens that are looked at. An event has one to two kilobytes, and the API answers at most six megabytes.
const SAMPLED: u32 = 1_000;
/// The API takes 4,096 bytes of parameters.
const MOST_BYTES_OF_IDS: usize = 2_800;
/// Requests for deliveries at once: the database answers others too.
const AT_ONCE: usize = 4;
/// How much older than the range a delivery may be.
const DELIVERED_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What the report tells.
struct Report {
    openings: Openings,
    /// Opens in the range, and whether there are more than were counted.
    opens: (u64, bool),
    looked_at: usize,
}

impl Report {
    async fn of(asking: Asking<'_>, search: &Search) -> Result<Self, ApiFailure> {
        let page = asking.search(&search.page_params(SAMPLED)).await?;
        let firsts = first_opens(&page.results);
        let ids = firsts.keys().map(String::as_str);
        let chunks = chunks(ids.filter(|id| is_searchable(id)));
        let answers: Vec<Vec<Event>> = stream::iter(chunks)
            .map(|ids| deliveries(asking, search, ids))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(Self {
            openings: Openings::of(&firsts, &answers.concat()),
            opens: (page.total_count, page.is_at_least()),
            looked_at: page.results.len(),
        })
    }
}

/// The deliveries of some messages, which may have come before the range.
async fn deliveries(
    asking: Asking<'_>,
    search: &Search,
    ids: String,
) -> Result<Vec<Event>, ApiFailure> {
    let range = &search.range;
    let from = range.from.saturating_sub(DELIVERED_BEFORE);
    let range = range.other(from.unwrap_or(range.from), range.to);
    let search = Search::of(range)
        .with("events", "delivery")
        .with("messages", &ids);
    // A message has one delivery, or a few where it was sent to several of a list.
    let page = asking.search(&search.uncounted_params(2 * SAMPLED)).await?;
    Ok(page.results)
}

/// Lists of ids that the API takes in one request each.
fn chunks<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    let length = |text: &str| {
        url::form_urlencoded::byte_serialize(text.as_bytes())
            .map(str::len)
            .sum::<usize>()
    };
    for id in ids {
        match chunks
            .last_mut()
            .filter(|chunk| length(chunk) + length(id) < MOST_BYTES_OF_IDS)
        {
            Some(chunk) => {
                chunk.push(',');
                chunk.push_str(id);
            }
            None => chunks.push(id.to_owned()),
        }
    }
    chunks
}

/// The search of the report: opens, whatever types were asked for.
fn read(query: &str, now: jiff::Timestamp) -> (Search, Vec<Problem>) {
    let (search, problems) = Search::parse(query, &["format"], now);
    let of_all_types = Search {
        cursor: None,
        ..search.without_types()
    };
    let search = OPENS
        .iter()
        .fold(of_all_types, |search, kind| search.with("events", kind));
    (search, problems)
}

pub(crate) async fn show(deps: &Deps, viewer: &Viewer, query: &str) -> Page {
    let (search, problems) = read(query, viewer.now);
    let head = html! { h1 { (TITLE) } (bounces::tabs(&search, PATH)) (parts::range_bar(&search.clone().without_types(), PATH, &[])) (parts::problems(&problems, &search.ignored)) };
    match Report::of(viewer.asking(deps), &search).await {
        Ok(report) => Page::of(
            Tab::Reports,
            TITLE,
            html! { (head) (body(&report, &search, viewer)) },
        ),
        Err(failure) => Page::failed_below(Tab::Reports, TITLE, &head, &failure),
    }
}

/// The report as a file.
pub(crate) async fn csv(asking: Asking<'_>, query: &str) -> Result<String, ApiFailure> {
    let (search, _) = read(query, asking.now);
    let report = Report::of(asking, &search).await?;
    Ok(table(&report.openings).csv())
}

fn body(report: &Report, search: &Search, viewer: &Viewer) -> Markup {
    let openings = &report.openings;
    html! {
        @if report.looked_at == 0 {
            div.panel { p { "No message was opened in this range." } p.note { "If that surprises you: opens are tracked by a picture, which many readers do not load, and the webhook sends the events that its settings name." } }
        } @else if openings.len() == 0 {
            div.panel { p { "Messages were opened in this range, but none of their deliveries is stored." } p.note { "The webhook may not send deliveries, or they are older than what is kept." } }
        } @else {
            (finding(openings))
            section.panel { h2 { "Messages by time from delivery to first open" } (plot(openings)) }
            section.panel {
                h2 { "By time" }
                (table(openings).markup("Messages by time to open", GROUPS.len()))
                p { a href=(search.clone().without_types().link_with(PATH, &[("format", "csv")])) { "CSV for spreadsheets" } }
                (definition(report))
            }
        }
        (parts::by_the_api(&viewer.origin, SEARCH_PATH, &search.params()))
    }
}

/// One sentence.
fn finding(openings: &Openings) -> Markup {
    let time = |share| openings.within(share).map(span).unwrap_or_default();
    html! {
        p {
            "Half of " (grouped(openings.len())) " opened messages were opened within " b { (time(50)) }
            " of their delivery, nine of ten within " b { (time(90)) } "."
        }
    }
}

fn definition(report: &Report) -> Markup {
    let openings = &report.openings;
    let (opens, is_at_least) = report.opens;
    html! {
        p.note {
            "From the delivery of a message to the first time that its picture was loaded, as far as this range has it. "
            @if openings.by_machines() > 0 {
                (grouped(openings.by_machines())) " of these were loaded by machines (prefetched, or by a proxy), by what SparkPost says: nobody needs to have read them. "
            } @else {
                "SparkPost marks none of these as loaded by a machine. "
            }
            @if openings.without_delivery > 0 {
                (grouped(openings.without_delivery)) " more were opened without a delivery that is stored and at most 30 days older than the range. "
            }
            @if is_at_least || opens > report.looked_at as u64 {
                "Only the newest " (grouped(report.looked_at as u64)) " opens are used, of "
                @if is_at_least { "more than " } (grouped(opens)) "; a shorter range has the others."
            }
        }
    }
}

fn plot(openings: &Openings) -> Markup {
    let [people, machines] = openings.by_group();
    let series: Vec<_> = [
        ("t-open", "Opened", &people),
        ("t-injection", "Opened by a machine", &machines),
    ]
    .into_iter()
    .filter(|(_, _, counts)| counts.iter().any(|count| *count > 0))
    .map(|(class, label, counts)| Series {
        class,
        label,
        counts,
        href: None,
    })
    .collect();
    let ticks: Vec<_> = GROUPS
        .iter()
        .enumerate()
        .map(|(n, (_, label))| (n, (*label).to_owned(), n % 2 == 1))
        .collect();
    let zones: Vec<_> = GROUPS
        .iter()
        .enumerate()
        .zip(people.iter().zip(&machines))
        .map(|((n, (_, label)), (people, machines))| Zone {
            pieces: n..n + 1,
            label: format!("{label}: {}", grouped(people + machines)),
            href: None,
        })
        .collect();
    Stacked {
        id: "opening",
        title: "Messages by time to open",
        summary: "By time from delivery to first open. The numbers are in the table below.",
        series: &series,
        ticks: &ticks,
        zones: &zones,
    }
    .markup()
}

fn table(openings: &Openings) -> Table {
    let [people, machines] = openings.by_group();
    let total = openings.len();
    let mut sum = 0;
    let rows = GROUPS.iter().zip(people.iter().zip(&machines));
    Table {
        columns: vec![
            "Time to open",
            "Messages",
            "Share",
            "Opened by then",
            "By machines",
        ],
        rows: rows
            .map(|((_, label), (people, machines))| {
                let count = people + machines;
                sum += count;
                vec![
                    Value::Text((*label).to_owned(), None),
                    Value::Number(count),
                    Value::Share(count, total),
                    Value::Share(sum, total),
                    Value::Number(*machines),
                ]
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_id_is_asked_for_once_and_no_request_is_too_long(ids in prop::collection::vec("[a-z\"< é]{1,60}", 0..300)) {
            let chunks = chunks(ids.iter().map(String::as_str));

            let asked: Vec<_> = chunks.iter().flat_map(|chunk| chunk.split(',')).collect();
            prop_assert_eq!(asked, ids.iter().map(String::as_str).collect::<Vec<_>>());
            for chunk in chunks {
                let length: usize = url::form_urlencoded::byte_serialize(chunk.as_bytes()).map(str::len).sum();
                prop_assert!(length <= 3_500);
            }
        }
    }
}
