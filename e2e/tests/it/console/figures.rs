//! The figures of the overview and of the reports against SQL that was written apart from them: over days without events, days on which
//! clocks change, zones of odd offsets, and events that arrive late.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use event_samples::sparkpost::{Generator, GeneratorOptions};
use sqlx::Row as _;
use time::{Duration, OffsetDateTime, macros::datetime};

use super::{browser::Plot, client::Client};
use crate::stack::{Stack, fresh_id};

/// A range as a person writes it: days of a zone.
struct Case {
    zone: &'static str,
    from: &'static str,
    to: &'static str,
    /// How Postgres writes the label of a row, as far as the page does.
    form: &'static str,
}

const HOURS: &str = "YYYY-MM-DD HH24:00";
const DAYS: &str = "Dy YYYY-MM-DD";
const MONTHS: &str = "FMMonth YYYY";

const CASES: [Case; 7] = [
    // Clocks go forward at 02:00, and half of the zone's hours begin at the other's half.
    Case {
        zone: "Europe/Berlin",
        from: "2020-03-28",
        to: "2020-03-30",
        form: HOURS,
    },
    Case {
        zone: "Asia/Kathmandu",
        from: "2020-03-28",
        to: "2020-03-30",
        form: HOURS,
    },
    // They go back, and an hour is there twice.
    Case {
        zone: "America/New_York",
        from: "2020-11-01",
        to: "2020-11-02",
        form: HOURS,
    },
    Case {
        zone: "UTC",
        from: "2020-03-25",
        to: "2020-04-01",
        form: DAYS,
    },
    // Clocks change by half an hour.
    Case {
        zone: "Australia/Lord_Howe",
        from: "2020-03-20",
        to: "2020-04-18",
        form: DAYS,
    },
    Case {
        zone: "Europe/Berlin",
        from: "2020-03-01",
        to: "2020-04-28",
        form: DAYS,
    },
    Case {
        zone: "Pacific/Auckland",
        from: "2020-01-01",
        to: "2020-12-31",
        form: MONTHS,
    },
];

/// When events happen, for how many hours, and how many. In between are days without any.
const GENERATED: [(OffsetDateTime, u64, u64); 4] = [
    (datetime!(2020-03-28 11:30 UTC), 30, 500),
    (datetime!(2020-04-03 22:00 UTC), 40, 300),
    (datetime!(2020-05-12 00:00 UTC), 5, 50),
    (datetime!(2020-11-01 03:00 UTC), 9, 400),
];

/// By the label of a row, and by type.
type Counts = BTreeMap<String, BTreeMap<String, u64>>;

pub(super) async fn check(stack: &Stack) -> Result<()> {
    for (n, (start, hours, total)) in GENERATED.into_iter().enumerate() {
        post(stack, n as u64, start, hours, total).await?;
    }
    let client = Client::signed_in(stack).await?;
    for case in &CASES {
        agree(stack, &client, case).await?;
    }
    // What comes late belongs to its own day.
    post(stack, 77, datetime!(2020-03-29 00:10 UTC), 2, 150).await?;
    for case in &CASES[..4] {
        agree(stack, &client, case).await?;
    }
    Ok(())
}

async fn post(
    stack: &Stack,
    seed: u64,
    start: OffsetDateTime,
    hours: u64,
    total: u64,
) -> Result<()> {
    let span = std::time::Duration::from_hours(hours);
    let options = GeneratorOptions { start, span, total };
    let body = Generator::new(9_100 + seed, options).batch(usize::try_from(total)?);
    let accounts = stack.deliver(&fresh_id("console-figures"), body).await?;
    ensure!(u64::try_from(accounts.received)? == total, "{accounts:?}");
    Ok(())
}

async fn agree(stack: &Stack, client: &Client, case: &Case) -> Result<()> {
    let Case { zone, from, to, .. } = case;
    let query = format!("from={from}&to={to}&timezone={zone}");
    let context = || format!("{query} in the console");
    let counted = counts(stack, case).await?;
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, count) in counted.values().flatten() {
        *totals.entry(kind).or_default() += count;
    }
    ensure!(!totals.is_empty(), "{query} has no events to compare");

    let page = client.get(&format!("/console?{query}")).await?;
    ensure!(page.status == 200, "{query}: {}", page.status);
    let mut plot = table(&page.body, "Numbers of this plot").with_context(context)?;
    let plot = Plot {
        heads: plot.remove(0),
        rows: plot,
    };
    compare(&plot, &counted).with_context(context)?;

    let mut kinds = table(&page.body, "<h2>By type</h2>").with_context(context)?;
    let all = kinds.pop().context("the row of all")?;
    let told: BTreeMap<String, u64> = kinds[1..]
        .iter()
        .map(|row| (row[0].replace(' ', "_"), number(&row[2])))
        .collect();
    let wanted = totals
        .iter()
        .map(|(kind, count)| ((*kind).to_owned(), *count))
        .collect();
    ensure!(told == wanted, "{query}: by type {told:?}, not {wanted:?}");
    ensure!(
        number(&all[2]) == totals.values().sum::<u64>(),
        "{query}: {all:?}"
    );

    let rates = table(&page.body, "<h2>Rates</h2>").with_context(context)?;
    let sum = |kinds: &[&str]| {
        kinds
            .iter()
            .filter_map(|kind| totals.get(kind))
            .sum::<u64>()
    };
    for (name, part, whole) in [
        ("Delivered", sum(&["delivery"]), sum(&["injection"])),
        (
            "Bounced",
            sum(&["bounce", "out_of_band"]),
            sum(&["injection"]),
        ),
        ("Opened", sum(&["open"]), sum(&["delivery"])),
        ("Clicked", sum(&["click"]), sum(&["delivery"])),
        ("Complained", sum(&["spam_complaint"]), sum(&["delivery"])),
        (
            "Unsubscribed",
            sum(&["link_unsubscribe", "list_unsubscribe"]),
            sum(&["delivery"]),
        ),
    ] {
        let row = rates
            .iter()
            .find(|row| row[0] == name)
            .with_context(|| format!("no rate {name}"))?;
        let (told_part, told_whole) = row[2].split_once(" of ").context("a part of a whole")?;
        ensure!(
            (number(told_part), number(told_whole)) == (part, whole),
            "{query}: {row:?}, not {part} of {whole}"
        );
    }

    let engagement = client
        .get(&format!("/console/reports/engagement?{query}&format=csv"))
        .await?;
    report_agrees(
        stack,
        case,
        &engagement.body,
        "campaign_id",
        [1, 2, 9, 10],
        ["injection", "delivery", "open", "click"],
    )
    .await
    .with_context(context)?;
    bounces_agree(stack, client, case, &query).await
}

/// The plot of a page against the database, of days or hours of universal time.
pub(super) async fn plot_is_of_the_database(
    stack: &Stack,
    plot: &Plot,
    start: OffsetDateTime,
    length: Duration,
) -> Result<()> {
    let has_hours = plot.rows.iter().any(|row| row[0].contains(" to "));
    let sql = "select to_char(ts at time zone 'UTC', $3), type, count(*) from email_events where ts >= $1 and ts < $2 group by 1, 2";
    let rows = sqlx::query(sql)
        .bind(start)
        .bind(start + length)
        .bind(if has_hours { HOURS } else { DAYS });
    compare(plot, &read(rows.fetch_all(&stack.db).await?)?)
}

async fn counts(stack: &Stack, case: &Case) -> Result<Counts> {
    let sql = "select to_char(ts at time zone $3, $4), type, count(*) from email_events \
               where ts >= $1::timestamp at time zone $3 and ts < $2::timestamp at time zone $3 group by 1, 2";
    let rows = sqlx::query(sql)
        .bind(case.from)
        .bind(case.to)
        .bind(case.zone)
        .bind(case.form);
    read(rows.fetch_all(&stack.db).await?)
}

fn read(rows: Vec<sqlx::postgres::PgRow>) -> Result<Counts> {
    let mut counts = Counts::new();
    for row in rows {
        let (label, kind, count): (String, String, i64) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        counts
            .entry(label)
            .or_default()
            .insert(kind, u64::try_from(count)?);
    }
    Ok(counts)
}

/// What a plot calls a type.
fn family(kind: &str) -> &'static str {
    match kind {
        "delivery" => "Delivery",
        "open" | "initial_open" | "amp_open" | "amp_initial_open" => "Open",
        "click" | "amp_click" => "Click",
        "injection" => "Injection",
        "delay" => "Delay",
        "bounce" | "out_of_band" => "Bounce",
        "list_unsubscribe" | "link_unsubscribe" => "Unsubscribe",
        "spam_complaint" => "Complaint",
        "policy_rejection" | "generation_rejection" | "generation_failure" => "Rejection",
        "sms_status" => "SMS",
        kind if kind.starts_with("relay_") => "Relay",
        _ => "Other",
    }
}

/// Every row and every column; a plot gathers what it has no colour for under `Other`.
fn compare(plot: &Plot, counted: &Counts) -> Result<()> {
    let own: Vec<&str> = plot.heads.iter().map(String::as_str).collect();
    let mut told: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for row in &plot.rows {
        let label = row[0].split(" to ").next().unwrap_or_default();
        for (head, cell) in own.iter().zip(row).skip(1) {
            *told.entry((label.to_owned(), head)).or_default() += number(cell);
        }
    }
    told.retain(|_, count| *count > 0);
    let mut wanted: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for (label, kinds) in counted {
        for (kind, count) in kinds {
            let head = own
                .iter()
                .find(|head| **head == family(kind))
                .copied()
                .unwrap_or("Other");
            *wanted.entry((label.clone(), head)).or_default() += count;
        }
    }
    ensure!(
        told == wanted,
        "the plot has {told:?}, and the database {wanted:?}"
    );
    Ok(())
}

/// A report's file against the database: some columns, which count types, by a value in the first.
async fn report_agrees<const N: usize>(
    stack: &Stack,
    case: &Case,
    csv: &str,
    column: &str,
    places: [usize; N],
    kinds: [&str; N],
) -> Result<()> {
    let sql = format!(
        "select coalesce({column}, '–'), type, count(*) from email_events \
         where ts >= $1::timestamp at time zone $3 and ts < $2::timestamp at time zone $3 group by 1, 2"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(case.from)
        .bind(case.to)
        .bind(case.zone);
    let counted = read(rows.fetch_all(&stack.db).await?)?;
    let wanted: BTreeMap<&str, [u64; N]> = counted
        .iter()
        .map(|(value, by_kind)| {
            (
                value.as_str(),
                kinds.map(|kind| by_kind.get(kind).copied().unwrap_or(0)),
            )
        })
        .collect();
    let told: BTreeMap<&str, [u64; N]> = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect::<Vec<_>>())
        .map(|cells| {
            (
                cells[0].trim_matches('"'),
                places.map(|place| number(cells[place])),
            )
        })
        .collect();
    ensure!(
        told == wanted,
        "the file has {told:?}, and the database {wanted:?}"
    );
    Ok(())
}

async fn bounces_agree(stack: &Stack, client: &Client, case: &Case, query: &str) -> Result<()> {
    let sql = "select coalesce(bounce_class, -1)::text, count(*) from email_events \
               where ts >= $1::timestamp at time zone $3 and ts < $2::timestamp at time zone $3 and type in ('bounce', 'out_of_band') group by 1";
    let rows = sqlx::query(sql)
        .bind(case.from)
        .bind(case.to)
        .bind(case.zone)
        .fetch_all(&stack.db)
        .await?;
    let wanted: BTreeMap<String, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let file = client
        .get(&format!("/console/reports/bounces?{query}&format=csv"))
        .await?
        .body;
    let mut told: BTreeMap<String, i64> = BTreeMap::new();
    for line in file.lines().skip(1) {
        let class = line
            .trim_start_matches('"')
            .split(':')
            .next()
            .unwrap_or_default();
        // The name of a class has no comma; the count is the fourth.
        let count = line
            .split(',')
            .nth(3)
            .and_then(|cell| cell.parse::<i64>().ok());
        *told.entry(class.to_owned()).or_default() += count.with_context(|| line.to_owned())?;
    }
    ensure!(
        told == wanted,
        "{query}: bounces by class are {told:?}, and in the database {wanted:?}"
    );
    Ok(())
}

/// The text of the first table after a mark: its rows of cells.
pub(super) fn table(html: &str, mark: &str) -> Result<Vec<Vec<String>>> {
    let rest = html
        .split_once(mark)
        .with_context(|| format!("no {mark}"))?
        .1;
    let table = rest.split_once("<table").context("no table")?.1;
    let table = table.split_once("</table>").context("an open table")?.0;
    let text = |cell: &str| {
        let parts = cell.split('<').enumerate();
        let texts = parts.map(|(n, part)| {
            if n == 0 {
                part
            } else {
                part.split_once('>').map_or("", |(_, text)| text)
            }
        });
        texts.collect::<String>().trim().to_owned()
    };
    let rows = table.split("<tr").skip(1);
    Ok(rows
        .map(|row| {
            let row = row
                .replace("<th ", "<td ")
                .replace("<th>", "<td>")
                .replace("<td>", "<td >");
            let cells = row.split("<td ").skip(1);
            cells
                .map(|cell| text(cell.split_once('>').map_or("", |(_, rest)| rest)))
                .collect()
        })
        .collect())
}

pub(super) fn number(text: &str) -> u64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
