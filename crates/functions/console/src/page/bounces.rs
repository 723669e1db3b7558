//! Why mail comes back: bounces by class and domain.

use std::collections::BTreeMap;

use futures::try_join;
use maud::{Markup, html};

use super::{
    Page, Tab, Viewer, parts, plot,
    table::{Table, Value},
};
use crate::{
    answer::{EventPage, Group},
    api::{ApiFailure, Asking, COUNTS_PATH, Groups, MOST_GROUPS},
    bounce_class::{self, BounceKind},
    buckets::{Buckets, Unit},
    chart::Series,
    config::Deps,
    rates::percent,
    search::{Search, is_searchable},
    text::{beginning, grouped, piece},
};

pub(crate) const PATH: &str = "/console/reports/bounces";
const TITLE: &str = "Bounces";
const KINDS: [&str; 2] = ["bounce", "out_of_band"];
const BY: [&str; 2] = ["bounce_class", "recipient_domain"];
const MOST_ROWS: usize = 60;
/// Newest bounces that are looked through for a reason of each class.
const SAMPLED: u32 = 200;

/// What the report tells.
struct Bounces {
    /// The largest, by class and domain: there may be any number of domains.
    groups: Vec<Group>,
    /// All, by time and class.
    by_time: Vec<Group>,
    sample: EventPage,
}

impl Bounces {
    async fn of(asking: Asking<'_>, search: &Search, most_rows: usize) -> Result<Self, ApiFailure> {
        let params = search.params();
        let page = search.uncounted_params(SAMPLED);
        let by_time = [Unit::plain_of(&search.range).dimension(), "bounce_class"];
        let (groups, by_time, sample) = try_join!(
            asking.counts(&BY, &params, Groups::Largest(most_rows)),
            asking.counts(&by_time, &params, Groups::All),
            asking.search(&page)
        )?;
        Ok(Self {
            groups,
            by_time,
            sample,
        })
    }

    fn total(&self) -> u64 {
        self.by_time
            .iter()
            .fold(0, |sum, group| sum.saturating_add(group.count))
    }

    /// A reason of each class, of the newest bounce that has one.
    fn reasons(&self) -> BTreeMap<String, String> {
        let mut reasons = BTreeMap::new();
        for event in &self.sample.results {
            if let Some(reason) = event.text("reason") {
                let class = event.text("bounce_class").unwrap_or_default().into_owned();
                reasons
                    .entry(class)
                    .or_insert_with(|| beginning(&reason, 120, 400).0.to_owned());
            }
        }
        reasons
    }
}

/// The search of the report: bounces, whatever types were asked for.
fn of_bounces(search: &Search) -> Search {
    let of_all_types = Search {
        cursor: None,
        ..search.clone().without_types()
    };
    KINDS
        .iter()
        .fold(of_all_types, |search, kind| search.with("events", kind))
}

pub(crate) async fn show(deps: &Deps, viewer: &Viewer, query: &str) -> Page {
    let (search, problems) = Search::parse(query, &["format"], viewer.now);
    let search = of_bounces(&search);
    let head = html! { h1 { (TITLE) } (tabs(&search, PATH)) (parts::range_bar(&search, PATH, &[])) (parts::problems(&problems, &search.ignored)) };
    // One row more shows that the file has more.
    match Bounces::of(viewer.asking(deps), &search, MOST_ROWS + 1).await {
        Ok(bounces) => Page::of(
            Tab::Reports,
            TITLE,
            html! { (head) (body(&bounces, &search, viewer)) },
        ),
        Err(failure) => Page::failed_below(Tab::Reports, TITLE, &head, &failure),
    }
}

/// The report as a file.
pub(crate) async fn csv(asking: Asking<'_>, query: &str) -> Result<String, ApiFailure> {
    let (search, _) = Search::parse(query, &["format"], asking.now);
    let search = of_bounces(&search);
    let bounces = Bounces::of(asking, &search, MOST_GROUPS).await?;
    Ok(table(&bounces, &search).csv())
}

/// Ways between the reports.
pub(super) fn tabs(search: &Search, this: &str) -> Markup {
    let bare = search.clone().without_types();
    html! {
        nav.bar-row aria-label="Reports" {
            @for (path, label) in [(PATH, "Bounces"), (super::engagement::PATH, "Engagement"), (super::time_to_open::PATH, "Time to open")] {
                a href=(bare.link(path)) aria-current=[(path == this).then_some("page")] { (label) }
            }
        }
    }
}

fn body(bounces: &Bounces, search: &Search, viewer: &Viewer) -> Markup {
    let mut asked = search.params();
    asked.push(("group_by".to_owned(), BY.join(",")));
    asked.extend(Groups::Largest(MOST_ROWS).params());
    html! {
        @if bounces.total() == 0 {
            div.panel { p { "No message bounced in this range." } p.note { "If that surprises you: the webhook sends the events that its settings name, and bounce and out_of_band may be left out there." } }
        } @else {
            (finding(bounces))
            section.panel { h2 { "By kind over time" } (plot(bounces, search)) }
            section.panel {
                h2 { "By class and domain" }
                (table(bounces, search).markup("Bounces by class and domain", MOST_ROWS))
                (parts::loose_note(search, "recipient_domains"))
                p { a href=(search.link_with(PATH, &[("format", "csv")])) { "CSV for spreadsheets" } ", of the " (grouped(MOST_GROUPS as u64)) " largest rows at most" }
            }
            section.panel {
                h2 { "What the kinds mean" }
                dl { @for kind in BounceKind::ALL { dt { (kind.label()) } dd { (kind.meaning()) } } }
                p.note { "Events of two types are counted: bounce, when the receiver refused at once, and out of band, when it accepted the message and returned it later. The class is SparkPost's interpretation of the receiver's answer." }
            }
        }
        (parts::by_the_api(&viewer.origin, COUNTS_PATH, &asked))
    }
}

/// One sentence.
fn finding(bounces: &Bounces) -> Markup {
    let total = bounces.total();
    let mut by_class: BTreeMap<&str, u64> = BTreeMap::new();
    for group in &bounces.by_time {
        let sum = by_class
            .entry(group.key(1).unwrap_or_default())
            .or_default();
        *sum = sum.saturating_add(group.count);
    }
    let largest = by_class.into_iter().max_by_key(|(_, count)| *count);
    html! {
        p {
            (grouped(total)) @if total == 1 { " bounce." } @else { " bounces." }
            @if let Some((class, count)) = largest {
                " The most frequent class is " b { (piece(&bounce_class::words(class), 60, 120)) } ", with "
                (percent(count, total).unwrap_or_default()) ": " (bounce_class::of(class).kind.meaning()) "."
            }
        }
    }
}

fn plot(bounces: &Bounces, search: &Search) -> Markup {
    let buckets = Buckets::of(&search.range, Unit::plain_of(&search.range));
    let mut by_kind = BounceKind::ALL.map(|kind| (kind, vec![0_u64; buckets.list.len()]));
    for group in &bounces.by_time {
        let kind = bounce_class::of(group.key(1).unwrap_or_default()).kind;
        let counts = by_kind
            .iter_mut()
            .find(|(other, _)| *other == kind)
            .map(|(_, counts)| counts);
        let index = group.key(0).and_then(|label| buckets.index(label));
        if let Some(slot) = counts
            .zip(index)
            .and_then(|(counts, index)| counts.get_mut(index))
        {
            *slot = slot.saturating_add(group.count);
        }
    }
    let series: Vec<_> = by_kind
        .iter()
        .filter(|(_, counts)| counts.iter().any(|count| *count > 0))
        .map(|(kind, counts)| Series {
            class: bounce_class::colour(*kind),
            label: kind.label(),
            counts,
            href: None,
        })
        .collect();
    plot::over_time(
        "bounces",
        "Bounces by kind and time",
        &buckets,
        &series,
        search,
    )
}

fn table(bounces: &Bounces, search: &Search) -> Table {
    let total = bounces.total();
    let reasons = bounces.reasons();
    let rows = bounces.groups.iter().map(|group| {
        let class = group.key(0).unwrap_or_default();
        let known = bounce_class::of(class);
        let domain = group.key(1).unwrap_or("–");
        let narrowed = [
            ("bounce_classes", Some(class)),
            ("recipient_domains", group.key(1)),
        ]
        .into_iter()
        .try_fold(search.clone(), |search, (name, value)| {
            value
                .filter(|value| is_searchable(value))
                .map(|value| search.exactly(name, value))
        });
        let href = narrowed
            .filter(|_| search.is_short())
            .map(|search| search.link("/console/events"));
        vec![
            Value::Text(format!("{class}: {}", known.name), href),
            Value::Text(known.kind.label().to_owned(), None),
            Value::Text(domain.to_owned(), None),
            Value::Number(group.count),
            Value::Share(group.count, total),
            Value::Text(reasons.get(class).cloned().unwrap_or_default(), None),
        ]
    });
    Table {
        columns: vec![
            "Class",
            "Kind",
            "Recipient domain",
            "Bounces",
            "Share",
            "A reason of this class",
        ],
        rows: rows.collect(),
    }
}
