//! Events to load, and queries of the database behind the store.

use std::{borrow::Cow, time::Duration};

use event_model::{
    BatchKey, Counts, EventKey, Timestamp,
    sparkpost::{Batch, Event},
};
use event_store::{DatabaseConfig, LoadOutcome, Maintenance, Store};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};
use time::{OffsetDateTime, macros::datetime};
use tokio::time::{Instant, sleep};

/// A Thursday, in the ISO week 2024-23.
pub(crate) const THURSDAY: OffsetDateTime = datetime!(2024-06-06 12:00 UTC);

pub(crate) fn config(pool: &PgPool) -> DatabaseConfig {
    let url = pool.connect_options().to_url_lossy().to_string();
    DatabaseConfig::new(url.into(), "event-store-test")
}

pub(crate) fn store(pool: &PgPool) -> Store {
    Store::connect_lazy(&config(pool)).unwrap()
}

/// An event whose id is `id`, so that two with the same id and time are the same event.
pub(crate) fn event(id: u32, at: OffsetDateTime) -> Event<'static> {
    Event {
        ordinal: id,
        key: EventKey::from_id("delivery", &id.to_string()),
        timestamp: Timestamp::from_time(at),
        event_type: Cow::Borrowed("delivery"),
        transmission_id: Some(format!("t{}", id / 10).into()),
        message_id: Some(format!("m{id}").into()),
        rcpt_to: Some(format!("user{id}@example.com").into()),
        recipient_domain: Some("example.com".into()),
        campaign_id: None,
        template_id: None,
        subject: Some("Ordered".into()),
        friendly_from: None,
        sending_domain: None,
        reason: None,
        subaccount_id: None,
        bounce_class: None,
        payload: format!(r#"{{"event_id":"{id}","rcpt_meta":{{"user_id":"u{id}"}}}}"#).into(),
    }
}

/// Events `ids`, a second apart.
pub(crate) fn events(
    ids: impl IntoIterator<Item = u32>,
    from: OffsetDateTime,
) -> Vec<Event<'static>> {
    ids.into_iter()
        .map(|id| event(id, from + Duration::from_secs(id.into())))
        .collect()
}

pub(crate) fn batch(events: Vec<Event<'_>>) -> Batch<'_> {
    Batch {
        events,
        ..Batch::default()
    }
}

pub(crate) fn key(name: &str) -> BatchKey {
    BatchKey::new(Some(name), b"")
}

pub(crate) const fn loaded(inserted: u64, duplicate: u64, rejected: u64) -> LoadOutcome {
    LoadOutcome::Loaded(Counts {
        stored: inserted,
        duplicate,
        rejected,
        erased: 0,
    })
}

/// Maintenance without any change, for a test to extend.
pub(crate) fn no_maintenance(now: OffsetDateTime) -> Maintenance {
    Maintenance {
        now,
        retention: None,
        partitions_ahead: 0,
        metadata_keys: Vec::new(),
        removes: true,
    }
}

/// Sets the time of the last maintenance: weeks around it have a partition each.
pub(crate) async fn reckon_with(pool: &PgPool, now: OffsetDateTime) {
    sqlx::query("insert into partition_policy (as_of) values ($1) on conflict (only_one) do update set as_of = $1")
        .bind(now)
        .execute(pool)
        .await
        .unwrap();
}

/// The one value of a query.
pub(crate) async fn number(pool: &PgPool, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(pool)
        .await
        .unwrap()
}

/// The texts of a query.
pub(crate) async fn texts(pool: &PgPool, sql: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(pool)
        .await
        .unwrap()
}

pub(crate) async fn event_count(pool: &PgPool) -> i64 {
    number(pool, "select count(*) from email_events").await
}

/// The attached partitions.
pub(crate) async fn weeks(pool: &PgPool) -> Vec<String> {
    let sql = "select inhrelid::regclass::text from pg_inherits where inhparent = 'email_events'::regclass order by 1";
    texts(pool, sql).await
}

/// Waits until a query returns something else than 0.
pub(crate) async fn until(pool: &PgPool, sql: &str) -> i64 {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let found = number(pool, sql).await;
        if found != 0 {
            return found;
        }
        assert!(Instant::now() < deadline, "never came true: {sql}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// The process id of a backend of the store that waits for a lock.
pub(crate) async fn until_store_waits(pool: &PgPool) -> i64 {
    let sql = "
        select coalesce(max(pid), 0)::bigint
        from pg_stat_activity
        where datname = current_database()
            and application_name = 'event-store-test'
            and wait_event_type = 'Lock'";
    until(pool, sql).await
}

/// The folder of the programs that the server runs from.
pub(crate) async fn programs(pool: &PgPool) -> std::path::PathBuf {
    let sql = "select setting from pg_config where name = 'BINDIR'";
    texts(pool, sql).await.remove(0).into()
}

/// A store at another URL, with a short timeout.
pub(crate) fn store_at(url: &str) -> Store {
    let mut config = DatabaseConfig::new(url.to_owned().into(), "event-store-test");
    config.retry_for = Duration::from_millis(500);
    Store::connect_lazy(&config).unwrap()
}
