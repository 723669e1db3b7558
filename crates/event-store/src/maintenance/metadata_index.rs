//! Indexes on the metadata keys that people search by.
//!
//! `events` is partitioned, and Postgres builds no index on a partitioned table concurrently. So an index is first made
//! on the parent alone, where there are no rows; then one partition after the other gets its own, concurrently, and
//! attaches it. With the last one the parent's index becomes valid. A partition that is made meanwhile is made like
//! its parent and comes with the index.

use sqlx::PgConnection;
use tokio::time::sleep;
use tracing::info;

use super::{Ddl, LOCK_PAUSE, LOCK_TRIES, Maintenance, Report, define, define_once};
use crate::{MetadataKey, StoreError, error::Step};

/// Begins the name of every such index on `events`. Indexes named otherwise are not touched.
const PREFIX: &str = "events_meta_";

const STEP: &str = "building a metadata index";

/// A partition that has no part yet in an index of its parent.
struct Gap {
    partition: String,
    /// Whether an index of the name that it would get is there and usable; it is not if its building was cut off.
    is_built: Option<bool>,
}

/// Makes the indexes that are wanted and not there, or not on all partitions.
pub(super) async fn create_missing(
    connection: &mut PgConnection,
    wanted: &Maintenance,
    report: &mut Report,
) -> Result<(), StoreError> {
    let existing = existing(connection).await?;
    for key in &wanted.metadata_keys {
        let index = format!("{PREFIX}{key}");
        if !existing.contains(&index) {
            let sql = format!(r#"create index "{index}" on only events {}"#, columns(key));
            if define(connection, &sql, "creating a metadata index").await? == Ddl::Postponed {
                report.postponed.push(index);
                continue;
            }
        }
        for gap in gaps(connection, &index, key).await? {
            fill(connection, &index, key, &gap, report).await?;
        }
    }
    Ok(())
}

/// Drops the indexes on keys that are no longer configured.
pub(super) async fn drop_unwanted(
    connection: &mut PgConnection,
    wanted: &Maintenance,
    report: &mut Report,
) -> Result<(), StoreError> {
    for index in existing(connection).await? {
        let is_wanted = index
            .strip_prefix(PREFIX)
            .is_some_and(|name| wanted.metadata_keys.iter().any(|key| key.as_str() == name));
        // Not a name that this module has made.
        let is_foreign = index
            .strip_prefix(PREFIX)
            .is_none_or(|name| name.parse::<MetadataKey>().is_err());
        if is_wanted || is_foreign {
            continue;
        }
        let sql = format!(r#"drop index "{index}""#);
        match define(connection, &sql, "dropping a metadata index").await? {
            Ddl::Done => report.indexes_dropped.push(index),
            Ddl::Postponed => report.postponed.push(index),
        }
    }
    Ok(())
}

/// Builds the index of one partition and attaches it.
async fn fill(
    connection: &mut PgConnection,
    index: &str,
    key: &MetadataKey,
    gap: &Gap,
    report: &mut Report,
) -> Result<(), StoreError> {
    let partition = &gap.partition;
    let part = part_name(partition, key);
    if gap.is_built != Some(true)
        && build(connection, partition, &part, key).await? == Ddl::Postponed
    {
        report.postponed.push(part);
        return Ok(());
    }
    let attach = format!(r#"alter index "{index}" attach partition "{part}""#);
    if define(connection, &attach, STEP).await? == Ddl::Postponed {
        report.postponed.push(part);
        return Ok(());
    }
    info!(index = part, "metadata index built");
    report.indexes_created.push(part);
    Ok(())
}

/// Builds the index of one partition, patiently. A try that gives up waiting for loaders leaves an index that serves
/// nobody and holds the name.
async fn build(
    connection: &mut PgConnection,
    partition: &str,
    part: &str,
    key: &MetadataKey,
) -> Result<Ddl, StoreError> {
    let columns = columns(key);
    let drop = format!(r#"drop index concurrently if exists "{part}""#);
    let create = format!(r#"create index concurrently "{part}" on "{partition}" {columns}"#);
    for _ in 0..LOCK_TRIES {
        if define(connection, &drop, STEP).await? == Ddl::Done
            && define_once(connection, &create, STEP).await? == Ddl::Done
        {
            return Ok(Ddl::Done);
        }
        sleep(LOCK_PAUSE).await;
    }
    Ok(Ddl::Postponed)
}

/// What is indexed; `event-query` writes the same expression for a search by metadata. The alphabet of a key makes it
/// safe in a literal.
fn columns(key: &MetadataKey) -> String {
    format!("((event->'rcpt_meta'->>'{key}'), ts)")
}

fn part_name(partition: &str, key: &MetadataKey) -> String {
    format!("{partition}_meta_{key}")
}

/// The metadata indexes on `events`, whether complete or not.
async fn existing(connection: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        r#"
        select pg_class.relname::text as "name!"
        from pg_index
        join pg_class
            on pg_class.oid = pg_index.indexrelid
        where pg_index.indrelid = 'events'::regclass
            and starts_with(pg_class.relname, $1)
        order by pg_class.relname
        "#,
        PREFIX,
    )
    .fetch_all(connection)
    .await
    .step("listing the metadata indexes")
}

async fn gaps(
    connection: &mut PgConnection,
    index: &str,
    key: &MetadataKey,
) -> Result<Vec<Gap>, StoreError> {
    sqlx::query_as!(
        Gap,
        r#"
        select
            partition.relname::text as "partition!",
            part.indisvalid as "is_built?"
        from pg_inherits
        join pg_class as partition
            on partition.oid = pg_inherits.inhrelid
        left join pg_class as named
            on named.relname = partition.relname || $2
            and named.relnamespace = partition.relnamespace
        left join pg_index as part
            on part.indexrelid = named.oid
        where pg_inherits.inhparent = 'events'::regclass
            and not pg_inherits.inhdetachpending
            and not exists (
                select
                from pg_index as attached
                join pg_inherits as attachment
                    on attachment.inhrelid = attached.indexrelid
                where attached.indrelid = partition.oid
                    and attachment.inhparent = to_regclass(quote_ident($1))
            )
        order by partition.relname desc
        "#,
        index,
        part_name("", key),
    )
    .fetch_all(connection)
    .await
    .step("looking for weeks without a metadata index")
}
