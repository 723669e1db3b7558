//! The cost of searches, compared with the same searches in the table of the 2017 system.

mod planning;
mod sample;
mod search;

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use event_model::{BatchKey, sparkpost::parse_batch};
use event_query::Statement;
use event_samples::sparkpost::{Generator, GeneratorOptions};
use event_store::{Maintenance, Store};
use serde_json::json;
use time::{OffsetDateTime, macros::datetime};

use self::{
    sample::{METADATA_KEY, Samples},
    search::Search,
};
use crate::{
    database::Database,
    figure::{Better, Figure},
};

const DEFAULT_EVENTS: u64 = 2_000_000;
const BATCH: u64 = 10_000;
const START: OffsetDateTime = datetime!(2024-06-03 0:00 UTC);
const SPAN: Duration = Duration::from_hours(90 * 24);
/// Number of values per search. Each value is searched once before it is measured, so the first read from disk does not
/// count.
const VALUES: usize = 40;
/// Fewer, because the old table takes seconds for each.
const VALUES_FOR_2017: usize = 3;

/// Times faster than the old table.
const FASTER_TARGET: f64 = 50.0;
/// The time of a page in the middle, divided by that of the first page.
const DEEP_PAGE_TARGET: f64 = 1.5;

/// The old system's table: a column for the payload and some promoted ones, the time as a number, and no index. Its
/// partitions were never pruned, so one table represents them.
const TABLE_OF_2017: &str = r#"
    create table events_2017 as
    select extract(epoch from ts)::double precision as "timestamp", event_key, type, rcpt_to, message_id,
        transmission_id, campaign_id, subject, recipient_domain, event
    from email_events"#;

/// One CPU per query, for both tables: work is compared, and the Postgres of 2017 used no more.
const ONE_PROCESSOR: &str = "
    do $$
    begin
        execute format('alter database %I set max_parallel_workers_per_gather = 0', current_database());
    end
    $$";

/// The response times of one search.
struct Times(Vec<Duration>);

impl Times {
    fn milliseconds(&self, quantile: f64) -> f64 {
        let mut times: Vec<f64> = self.0.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        let last = times.len().saturating_sub(1);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index among a few dozen"
        )]
        let index = (last as f64 * quantile).round() as usize;
        times.get(index).copied().unwrap_or_default()
    }
}

/// `BENCH_EVENTS` is the number of events, for a trial with fewer.
pub(crate) async fn measure() -> Result<Vec<Figure>> {
    let events = match env::var("BENCH_EVENTS") {
        Ok(text) => text.parse().context("BENCH_EVENTS is not a number")?,
        Err(_) => DEFAULT_EVENTS,
    };
    let database = Database::create("query").await?;
    load(&database, events).await?;
    eprintln!("copying the events into the table of 2017");
    database.psql().run(TABLE_OF_2017)?;
    database.psql().run("vacuum analyze email_events")?;
    database.psql().run("vacuum analyze events_2017")?;
    database.psql().run(ONE_PROCESSOR)?;

    let store = database.searching_store()?;
    let samples = Samples::draw(database.psql(), VALUES)?;
    let mut figures = Vec::new();
    for search in search::all(&samples)? {
        eprintln!("{}", search.name);
        figures.extend(compare_search(&database, &store, &search, events).await?);
    }
    figures.extend(deep_page(&store).await?);
    Ok(figures)
}

/// Loads the events like the loader, then flushes the pending lists of the indexes.
async fn load(database: &Database, events: u64) -> Result<()> {
    database.make_weeks("2024-06-02", "2024-09-03")?;
    let store = database.store()?;
    let maintenance = Maintenance {
        now: START + SPAN,
        retention: None,
        partitions_ahead: 0,
        metadata_keys: vec![METADATA_KEY.parse().context("naming a metadata key")?],
        removes: true,
    };
    store.maintain(&maintenance).await.context("maintaining")?;

    let options = GeneratorOptions {
        start: START,
        span: SPAN,
        total: events,
    };
    let mut generator = Generator::new(1, options);
    while generator.generated() < events {
        let wanted = BATCH.min(events - generator.generated());
        let body = generator.batch(usize::try_from(wanted).context("sizing a batch")?);
        let batch = parse_batch(&body, START + SPAN);
        store
            .load_batch(&BatchKey::new(None, &body), &batch)
            .await?;
        if generator.generated().is_multiple_of(10 * BATCH) {
            eprintln!("loaded {} of {events} events", generator.generated());
        }
    }
    let found = u64::try_from(database.event_count()?).context("counting")?;
    ensure!(found == events, "only {found} events were loaded");
    Ok(())
}

async fn compare_search(
    database: &Database,
    store: &Store,
    search: &Search,
    events: u64,
) -> Result<Vec<Figure>> {
    run(store, search, &search.ours).await?;
    let (ours, rows) = run(store, search, &search.ours).await?;
    let (old, rows_of_2017) = run(store, search, &search.of_2017).await?;
    let compared = search.of_2017.len();
    ensure!(
        rows.get(..compared) == Some(&rows_of_2017[..]),
        "{}: the two tables return different rows: {rows:?}, {rows_of_2017:?}",
        search.name
    );

    let first = search.ours.first().context("no statement")?;
    let planning = planning::planning_ms(database.psql(), first)?;
    let id = |what: &str| format!("query.{}.{what}", search.name);
    let p50 = Figure::new(id("p50"), ours.milliseconds(0.5), "ms", Better::Lower);
    let p50 = match search.target_ms {
        Some(target) => p50.target(target),
        None => p50,
    };
    let faster = old.milliseconds(0.5) / ours.milliseconds(0.5);
    let mut figures = vec![
        p50.detail(json!({ "events": events, "rows": rows, "of_2017_ms": old.milliseconds(0.5) })),
        Figure::new(id("p99"), ours.milliseconds(0.99), "ms", Better::Lower),
        Figure::new(id("planning"), planning, "ms", Better::Lower),
        Figure::new(
            id("times_faster_than_2017"),
            faster,
            "ratio",
            Better::Higher,
        )
        .target(FASTER_TARGET),
    ];
    if let Some(statement) = &search.bare_count {
        let bare = time_bare_count(store, statement).await?;
        let bare = bare.milliseconds(0.5);
        figures.push(Figure::new(id("bare_count"), bare, "ms", Better::Lower));
    }
    Ok(figures)
}

async fn time_bare_count(store: &Store, statement: &Statement) -> Result<Times> {
    let mut times = Vec::new();
    for _ in 0..VALUES_FOR_2017 {
        let start = Instant::now();
        store.count(statement).await?;
        times.push(start.elapsed());
    }
    Ok(Times(times))
}

/// The time and the number of rows of each statement.
async fn run(
    store: &Store,
    search: &Search,
    statements: &[Statement],
) -> Result<(Times, Vec<usize>)> {
    let (mut times, mut rows) = (Vec::new(), Vec::new());
    for statement in statements {
        let start = Instant::now();
        rows.push(if search.is_counted {
            store.fetch_groups(statement).await?.len()
        } else {
            store.fetch_events(statement).await?.len()
        });
        times.push(start.elapsed());
    }
    Ok((Times(times), rows))
}

/// A page in the middle of the quarter, compared with the first page and with the old table, which sorts everything after a page
/// for each page. First and middle take turns.
async fn deep_page(store: &Store) -> Result<Vec<Figure>> {
    let pages = search::pages()?;
    let (mut of_first, mut of_deep, mut of_2017) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..VALUES {
        of_first.push(time_page(store, &pages.first).await?);
        of_deep.push(time_page(store, &pages.deep).await?);
    }
    for _ in 0..VALUES_FOR_2017 {
        of_2017.push(time_page(store, &pages.deep_of_2017).await?);
    }
    let (first, deep, old) = (Times(of_first), Times(of_deep), Times(of_2017));
    let of_deep = deep.milliseconds(0.5);
    let id = |what: &str| format!("query.deep_page{what}");
    Ok(vec![
        Figure::new(id(".p50"), of_deep, "ms", Better::Lower).detail(json!({
            "first_p50_ms": first.milliseconds(0.5),
            "first_p99_ms": first.milliseconds(0.99),
            "of_2017_ms": old.milliseconds(0.5),
        })),
        Figure::new(id(".p99"), deep.milliseconds(0.99), "ms", Better::Lower),
        Figure::new(
            id(".times_faster_than_2017"),
            old.milliseconds(0.5) / of_deep,
            "ratio",
            Better::Higher,
        )
        .target(FASTER_TARGET),
        Figure::new(
            id("_ratio"),
            of_deep / first.milliseconds(0.5),
            "ratio",
            Better::Lower,
        )
        .target(DEEP_PAGE_TARGET),
    ])
}

async fn time_page(store: &Store, page: &Statement) -> Result<Duration> {
    let start = Instant::now();
    let rows = store.fetch_events(page).await?;
    ensure!(!rows.is_empty(), "an empty page");
    Ok(start.elapsed())
}
