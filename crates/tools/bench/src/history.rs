//! The cost of searches that cannot prune partitions, in a database of twenty years, with concurrent clients.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use event_model::{BatchKey, sparkpost::parse_batch};
use event_query::{EventQuery, IndexedKeys, PageStart, Statement};
use event_samples::sparkpost::{Generator, GeneratorOptions};
use event_store::{Maintenance, Store};
use futures::future::try_join_all;
use serde_json::json;
use time::{OffsetDateTime, macros::datetime};
use url::form_urlencoded::byte_serialize;

use crate::{
    database::Database,
    figure::{Better, Figure},
};

/// Few: about 300 events per week.
const EVENTS: u64 = 312_000;
const BATCH: usize = 4_000;
const START: OffsetDateTime = datetime!(2010-01-04 0:00 UTC);
/// Before the third quarter is merged, when there are most partitions.
const NOW: OffsetDateTime = datetime!(2029-12-20 0:00 UTC);
/// As many clients as `QueryConcurrency` allows.
const CLIENTS: usize = 25;
const QUESTIONS_EACH: usize = 12;
const LIMIT: u32 = 1_001;
/// Page size of the newest events: small, because reading payloads is not measured.
const NEWEST: u32 = 101;
/// The time for any response.
const LONGEST_TARGET_MS: f64 = 1_000.0;

/// The partitions as they are on that day: weeks from July on, blocks of 13 weeks before them, and years.
const PARTITIONS: &str = "
    insert into partition_policy (as_of) values ('2029-12-20');
    select ensure_partition(week)
    from generate_series('2029-10-04'::timestamptz, '2030-01-17', '7 days') as week;
    update partition_policy set as_of = '2029-10-04';
    select ensure_partition(week)
    from generate_series('2029-07-05'::timestamptz, '2029-10-04', '7 days') as week;
    update partition_policy set widest_weeks = 13;
    select ensure_partition(block)
    from generate_series('2028-02-01'::timestamptz, '2029-07-01', '91 days') as block;
    update partition_policy set widest_weeks = 52;
    select ensure_partition(year)
    from generate_series('2010-02-01'::timestamptz, '2027-02-01', '1 year') as year;";

pub(crate) async fn measure() -> Result<Vec<Figure>> {
    let database = Database::create("history").await?;
    database.psql().run(PARTITIONS)?;
    load(&database).await?;
    let count = "select count(*) from pg_inherits where inhparent = 'email_events'::regclass";
    let partitions: u32 = database.psql().run(count)?.parse().context("counting")?;
    database.psql().run("vacuum analyze email_events")?;

    let mut figures = vec![
        Figure::new(
            "history.partitions".to_owned(),
            f64::from(partitions),
            "partitions",
            Better::Lower,
        )
        .target(60.0),
    ];
    let stores: Vec<Store> = (0..CLIENTS)
        .map(|_| database.searching_store())
        .collect::<Result<_>>()?;
    for (name, statements) in searches(&database)? {
        eprintln!("{name}, {CLIENTS} concurrent clients");
        figures.extend(ask(name, &stores, &statements).await?);
    }
    Ok(figures)
}

async fn load(database: &Database) -> Result<()> {
    let store = database.store()?;
    let nothing_more = Maintenance {
        now: NOW,
        retention: None,
        partitions_ahead: 4,
        metadata_keys: Vec::new(),
        removes: true,
    };
    store.maintain(&nothing_more).await.context("maintaining")?;
    let options = GeneratorOptions {
        start: START,
        span: (NOW - START).unsigned_abs(),
        total: EVENTS,
    };
    let mut generator = Generator::new(1, options);
    while generator.generated() < EVENTS {
        let body = generator.batch(BATCH);
        let batch = parse_batch(&body, NOW);
        ensure!(batch.rejected.is_empty(), "an event was rejected");
        store
            .load_batch(&BatchKey::new(None, &body), &batch)
            .await?;
    }
    Ok(())
}

/// The searches over all time: one event by its id, a recipient, and the newest events.
fn searches(database: &Database) -> Result<[(&'static str, Vec<Statement>); 3]> {
    let values = |expression: &str| -> Result<Vec<String>> {
        let sql = format!(
            "select value
             from (select {expression} as value, event_key from email_events) as found
             where value is not null
             order by md5(event_key::text)
             limit {}",
            CLIENTS * QUESTIONS_EACH
        );
        let values = database.psql().run(&sql)?;
        Ok(values.lines().map(str::to_owned).collect())
    };
    let over_all_time = |filter: &str, limit: u32| -> Result<Statement> {
        let query = format!("from=2010-01-01T00:00&{filter}");
        let query = EventQuery::parse(&query, NOW, &IndexedKeys::new([]))?;
        Ok(query.fetch_statement(PageStart::Beginning, limit))
    };
    let by_id = values("event->>'event_id'")?
        .iter()
        .map(|id| Ok(EventQuery::of_event(id, "")?.fetch_statement(PageStart::Beginning, LIMIT)))
        .collect::<Result<_>>()?;
    let by_recipient = values("rcpt_to")?
        .iter()
        .map(|address| {
            let address: String = byte_serialize(address.as_bytes()).collect();
            over_all_time(&format!("recipients={address}"), LIMIT)
        })
        .collect::<Result<_>>()?;
    let newest = vec![over_all_time("", NEWEST)?; CLIENTS * QUESTIONS_EACH];
    Ok([
        ("by_id", by_id),
        ("by_recipient", by_recipient),
        ("newest", newest),
    ])
}

/// All clients search without a pause, after one search that is not measured: a connection loads the partitions when it first plans.
async fn ask(name: &str, stores: &[Store], statements: &[Statement]) -> Result<Vec<Figure>> {
    let first = statements.first().context("no statement")?;
    let (mut beginnings, mut times) = (Vec::new(), Vec::new());
    beginnings.extend(try_join_all(stores.iter().map(|store| time(store, first))).await?);
    let shares = statements.chunks(statements.len().div_ceil(stores.len()));
    let clients = stores.iter().zip(shares).map(async |(store, share)| {
        let mut times = Vec::new();
        for statement in share {
            times.push(time(store, statement).await?);
        }
        anyhow::Ok(times)
    });
    for client in try_join_all(clients).await? {
        times.extend(client);
    }
    times.sort();
    let at = |share: usize| {
        let index = times.len().saturating_sub(1) * share / 100;
        milliseconds(times.get(index).copied())
    };
    let id = |what: &str| format!("history.{name}.{what}");
    let first_of_connections = milliseconds(beginnings.into_iter().max());
    Ok(vec![
        Figure::new(id("p50"), at(50), "ms", Better::Lower),
        Figure::new(id("longest"), at(100), "ms", Better::Lower)
            .target(LONGEST_TARGET_MS)
            .detail(json!({
                "answers": times.len(),
                "p99_ms": at(99),
                "first_of_connections_ms": first_of_connections,
            })),
    ])
}

async fn time(store: &Store, statement: &Statement) -> Result<Duration> {
    let start = Instant::now();
    let rows = store.fetch_events(statement).await?;
    ensure!(!rows.is_empty(), "an event was not found");
    Ok(start.elapsed())
}

fn milliseconds(time: Option<Duration>) -> f64 {
    time.unwrap_or_default().as_secs_f64() * 1e3
}
