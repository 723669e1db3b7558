//! What people do with mail: opens and clicks by campaign, template or domain, and by hour of the week.

use std::collections::BTreeMap;

use futures::try_join;
use jiff::civil::{DateTime, Weekday};
use maud::{Markup, html};

use super::{
    Page, Tab, Viewer, bounces, parts,
    table::{Table, Value},
    tally::Tally,
};
use crate::{
    answer::Group,
    api::{ApiFailure, Asking, COUNTS_PATH, Groups, MOST_GROUPS},
    buckets::Unit,
    chart::shade,
    config::Deps,
    rates,
    search::{Search, is_searchable},
    text::{grouped, piece},
};

pub(crate) const PATH: &str = "/console/reports/engagement";
const TITLE: &str = "Engagement";
const MOST_ROWS: usize = 50;
/// The API answers [`MOST_GROUPS`], and a year has 8,784 hours.
const LONGEST_HEAT_DAYS: i64 = 366;

/// What it may be told by: the API's dimension, its parameter, and what a person calls it.
const BY: [(&str, &str, &str); 6] = [
    ("campaign", "campaigns", "Campaign"),
    ("template", "templates", "Template"),
    ("recipient_domain", "recipient_domains", "Recipient domain"),
    ("sending_domain", "sending_domains", "Sending domain"),
    ("mailbox_provider", "mailbox_providers", "Mailbox provider"),
    ("provider", "provider", "Provider"),
];

fn by(query: &str) -> (&'static str, &'static str, &'static str) {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let asked = pairs
        .find(|(name, _)| name == "by")
        .map(|(_, value)| value.into_owned());
    BY.into_iter()
        .find(|(dimension, _, _)| asked.as_deref() == Some(dimension))
        .unwrap_or(BY[0])
}

/// The search of the report, whose types are its own.
fn read(query: &str, now: jiff::Timestamp) -> (Search, Vec<crate::range::Problem>) {
    let (search, problems) = Search::parse(query, &["by", "format"], now);
    let of_all_types = Search {
        cursor: None,
        ..search.without_types()
    };
    (of_all_types, problems)
}

pub(crate) async fn show(deps: &Deps, viewer: &Viewer, query: &str) -> Page {
    let (search, problems) = read(query, viewer.now);
    let by = by(query);
    let own = [("by", by.0)];
    let head = html! {
        h1 { (TITLE) }
        (bounces::tabs(&search, PATH))
        (parts::range_bar(&search, PATH, &own))
        div.bar-row role="group" aria-label="Told by" {
            @for (dimension, _, label) in BY { a href=(search.link_with(PATH, &[("by", dimension)])) aria-current=[(dimension == by.0).then_some("true")] { (label) } }
        }
        (parts::problems(&problems, &search.ignored))
    };
    match find(viewer.asking(deps), &search, by.0).await {
        Ok(found) => {
            let body = html! { (head) (body(&found, &search, by, viewer)) };
            Page::of(Tab::Reports, TITLE, body)
        }
        Err(failure) => Page::failed_below(Tab::Reports, TITLE, &head, &failure),
    }
}

/// What the report tells.
struct Engagement {
    /// The largest, by the dimension and type.
    groups: Vec<Group>,
    /// All, by type.
    types: Vec<Group>,
    /// Opens and clicks over time.
    tally: Tally,
    /// Opens by hour; none of a range that is too long.
    hours: Option<Vec<Group>>,
}

/// As many groups of a dimension and type as there are in one answer: a rate needs all types of its row.
const LARGEST: Groups = Groups::Largest(MOST_GROUPS);

async fn find(
    asking: Asking<'_>,
    search: &Search,
    dimension: &str,
) -> Result<Engagement, ApiFailure> {
    let params = search.params();
    let by = [dimension, "type"];
    let opens = search.with("events", "open");
    let engaged = opens.with("events", "click");
    let hours = async {
        if search.range.seconds() > LONGEST_HEAT_DAYS * 86_400 {
            return Ok(None);
        }
        let params = opens.params();
        let hours = asking.counts(&["hour"], &params, Groups::All);
        hours.await.map(Some)
    };
    let (groups, types, tally, hours) = try_join!(
        asking.counts(&by, &params, LARGEST),
        asking.counts(&["type"], &params, Groups::All),
        Tally::of(asking, &engaged, Unit::plain_of(&search.range)),
        hours
    )?;
    Ok(Engagement {
        groups,
        types,
        tally,
        hours,
    })
}

/// The report as a file.
pub(crate) async fn csv(asking: Asking<'_>, query: &str) -> Result<String, ApiFailure> {
    let (search, _) = read(query, asking.now);
    let by = by(query);
    let groups = asking
        .counts(&[by.0, "type"], &search.params(), LARGEST)
        .await?;
    Ok(table(&groups, &search, by).csv())
}

/// How large a group may be that is left out, as there are more than one answer has room for.
fn largest_left_out(groups: &[Group]) -> Option<u64> {
    (groups.len() >= MOST_GROUPS)
        .then(|| groups.iter().map(|group| group.count).min())
        .flatten()
}

fn body(
    found: &Engagement,
    search: &Search,
    by: (&'static str, &'static str, &'static str),
    viewer: &Viewer,
) -> Markup {
    let mut asked = search.params();
    asked.push(("group_by".to_owned(), format!("{},type", by.0)));
    asked.extend(LARGEST.params());
    let Engagement { groups, tally, .. } = found;
    let engaged = search.with("events", "open").with("events", "click");
    html! {
        @if groups.is_empty() {
            div.panel { p { "No event happened in this range." } }
        } @else {
            (finding(&found.types))
            section.panel { h2 { "Opens and clicks by " (tally.buckets.unit.words()) } (tally.chart("engaged", "Opens and clicks by time", &engaged)) }
            section.panel {
                h2 { "By " (by.2.to_lowercase()) }
                (table(groups, search, by).markup("Engagement", MOST_ROWS))
                @if let Some(count) = largest_left_out(groups) {
                    p.warn { "There are more numbers than can be counted at once, which are " (grouped(MOST_GROUPS as u64)) ". The smallest are left out, here and in the file: where 0 stands, it may be up to " (grouped(count)) ". A shorter range has fewer." }
                }
                (parts::loose_note(search, by.1))
                p { a href=(search.link_with(PATH, &[("by", by.0), ("format", "csv")])) { "CSV for spreadsheets" } }
                p.note {
                    @for rate in rates::of(&BTreeMap::new()) { b { (rate.name) } ": " (rate.definition) ". " }
                    "Events without a " (by.2.to_lowercase()) " are in the row –."
                }
            }
            section.panel { h2 { "Opens by hour of the week (" (piece(&search.range.zone.name, 40, 80)) ")" } (heat(found.hours.as_deref())) }
        }
        (parts::by_the_api(&viewer.origin, COUNTS_PATH, &asked))
    }
}

fn finding(types: &[Group]) -> Markup {
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for group in types {
        let sum = totals.entry(group.key(0).unwrap_or_default()).or_default();
        *sum = sum.saturating_add(group.count);
    }
    let words: Vec<_> = rates::of(&totals)
        .into_iter()
        .filter_map(|rate| {
            Some((
                rate.name.to_lowercase(),
                rates::percent(rate.part, rate.whole)?,
            ))
        })
        .collect();
    html! {
        p { @if words.is_empty() { "Neither injections nor deliveries in this range, so there are no rates." } @for (index, (name, share)) in words.iter().enumerate() { @if index > 0 { " · " } (name) " " b { (share) } } }
    }
}

fn table(
    groups: &[Group],
    search: &Search,
    by: (&'static str, &'static str, &'static str),
) -> Table {
    let mut values: BTreeMap<Option<&str>, BTreeMap<&str, u64>> = BTreeMap::new();
    for group in groups {
        let sum = values
            .entry(group.key(0))
            .or_default()
            .entry(group.key(1).unwrap_or_default())
            .or_default();
        *sum = sum.saturating_add(group.count);
    }
    let mut values: Vec<_> = values.into_iter().collect();
    let size = |totals: &BTreeMap<&str, u64>| {
        ["injection", "delivery"]
            .iter()
            .filter_map(|kind| totals.get(kind))
            .max()
            .copied()
            .unwrap_or(0)
    };
    values.sort_by_key(|(_, totals)| {
        std::cmp::Reverse((
            size(totals),
            totals
                .values()
                .fold(0_u64, |sum, count| sum.saturating_add(*count)),
        ))
    });
    let rows = values.into_iter().map(|(value, totals)| {
        let is_linked = search.is_short() && value.is_some_and(is_searchable);
        let href = value
            .filter(|_| is_linked)
            .map(|value| search.exactly(by.1, value).link("/console/events"));
        let number = |kind: &str| Value::Number(totals.get(kind).copied().unwrap_or(0));
        let mut row = vec![
            Value::Text(value.unwrap_or("–").to_owned(), href),
            number("injection"),
            number("delivery"),
        ];
        row.extend(
            rates::of(&totals)
                .into_iter()
                .map(|rate| Value::Share(rate.part, rate.whole)),
        );
        row.extend([number("open"), number("click")]);
        row
    });
    let columns = vec![
        by.2,
        "Injections",
        "Deliveries",
        "Delivered",
        "Bounced",
        "Opened",
        "Clicked",
        "Complained",
        "Unsubscribed",
        "Opens",
        "Clicks",
    ];
    Table {
        columns,
        rows: rows.collect(),
    }
}

const DAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "Mon"),
    (Weekday::Tuesday, "Tue"),
    (Weekday::Wednesday, "Wed"),
    (Weekday::Thursday, "Thu"),
    (Weekday::Friday, "Fri"),
    (Weekday::Saturday, "Sat"),
    (Weekday::Sunday, "Sun"),
];

/// Sums by day of the week and hour of the day.
fn week(hours: &[Group]) -> [[u64; 24]; 7] {
    let mut week = [[0_u64; 24]; 7];
    for group in hours {
        let time: Option<DateTime> = group.key(0).and_then(|label| label.parse().ok());
        let slot = time.and_then(|time| {
            let day = usize::try_from(time.weekday().to_monday_zero_offset()).ok()?;
            week.get_mut(day)?
                .get_mut(usize::try_from(time.hour()).ok()?)
        });
        if let Some(slot) = slot {
            *slot = slot.saturating_add(group.count);
        }
    }
    week
}

fn heat(hours: Option<&[Group]>) -> Markup {
    let Some(hours) = hours else {
        return html! { p.note { "Hours are counted in ranges of up to a year." } };
    };
    let week = week(hours);
    let most = week.iter().flatten().copied().max().unwrap_or(0);
    html! {
        div.scroll tabindex="0" role="region" aria-label="Opens by hour of the week" {
            table.heat {
                thead { tr { td {} @for hour in 0..24 { th scope="col" { (format!("{hour:02}")) } } } }
                tbody { @for ((_, name), counts) in DAYS.iter().zip(&week) { tr { th scope="row" { (name) } @for count in counts { td class=(shade(*count, most)) { (grouped(*count)) } } } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_gathered_by_the_day_of_the_week() {
        let group = |label: &str, count| Group {
            keys: vec![Some(label.to_owned())],
            count,
        };

        let week = week(&[
            group("2026-11-23T09:00", 5),
            group("2026-11-30T09:00", 2),
            group("2026-11-29T23:00", 3),
            group("nonsense", 9),
        ]);

        assert_eq!(
            (week[0][9], week[6][23], week.iter().flatten().sum::<u64>()),
            (7, 3, 10)
        );
        assert!(DAYS.iter().enumerate().all(|(index, (day, _))| {
            usize::try_from(day.to_monday_zero_offset()).unwrap() == index
        }));
    }
}
