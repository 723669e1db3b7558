//! Indexes on the metadata keys that searches filter on.

use sqlx::PgConnection;

use super::{Ddl, Maintenance, Report, define, partition_index::PartitionIndex};
use crate::{MetadataKey, StoreError, error::Step};

/// The prefix of the name of every such index on `email_events`. Other indexes are not touched.
const PREFIX: &str = "email_events_meta_";

/// Creates the configured indexes that are missing, or not on all partitions.
pub(super) async fn create_missing(
    connection: &mut PgConnection,
    wanted: &Maintenance,
    report: &mut Report,
) -> Result<(), StoreError> {
    for key in &wanted.metadata_keys {
        let index = PartitionIndex {
            name: format!("{PREFIX}{key}"),
            part_suffix: format!("_meta_{key}"),
            // `event-query` writes the same expression in a search by metadata. The alphabet of a key makes it safe in
            // a literal.
            definition: format!("((event->'rcpt_meta'->>'{key}'), ts)"),
        };
        index.create_missing(connection, report).await?;
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
        // Not a name from this module.
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

/// The metadata indexes on `email_events`, complete or not.
async fn existing(connection: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        r#"
        select pg_class.relname::text as "name!"
        from pg_index
        join pg_class
            on pg_class.oid = pg_index.indexrelid
        where pg_index.indrelid = 'email_events'::regclass
            and starts_with(pg_class.relname, $1)
        order by pg_class.relname
        "#,
        PREFIX,
    )
    .fetch_all(connection)
    .await
    .step("listing the metadata indexes")
}
