//! Indexes that are created after their partitions.
//!
//! `email_events` is partitioned, and Postgres builds no index on a partitioned table concurrently. So the index is
//! first created on the parent alone, which has no rows; then each partition gets its own, concurrently, and attaches
//! it, the newest first, because most searches are for recent events. With the last one the parent's index becomes
//! valid. A partition that is created meanwhile inherits the index. The progress is read from the catalog, so the next
//! run continues after any interruption.

use sqlx::PgConnection;
use tokio::time::sleep;
use tracing::info;

use super::{Ddl, LOCK_PAUSE, LOCK_TRIES, Report, define, define_once};
use crate::{StoreError, error::Step};

const STEP: &str = "building an index";

/// An index on `email_events` and its partitions. Names and definition consist of names and literals of a safe
/// alphabet.
pub(super) struct PartitionIndex {
    pub(super) name: String,
    /// The suffix after a partition's name in the name of its index.
    pub(super) part_suffix: String,
    /// The suffix after the name of the table.
    pub(super) definition: String,
}

/// A partition without an index attached to the parent's.
struct Gap {
    partition: String,
    /// Whether an index with the expected name exists and is valid; it is invalid if its build was interrupted.
    is_built: Option<bool>,
}

impl PartitionIndex {
    /// Creates the index if it is missing, or not on all partitions.
    pub(super) async fn create_missing(
        &self,
        connection: &mut PgConnection,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        if !self.exists(connection).await? {
            let sql = format!(
                r#"create index "{}" on only email_events {}"#,
                self.name, self.definition
            );
            if define(connection, &sql, STEP).await? == Ddl::Postponed {
                report.postponed.push(self.name.clone());
                return Ok(());
            }
        }
        for gap in self.gaps(connection).await? {
            self.fill(connection, &gap, report).await?;
        }
        Ok(())
    }

    /// Builds the index of one partition and attaches it.
    async fn fill(
        &self,
        connection: &mut PgConnection,
        gap: &Gap,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let part = format!("{}{}", gap.partition, self.part_suffix);
        if gap.is_built != Some(true)
            && self.build(connection, &gap.partition, &part).await? == Ddl::Postponed
        {
            report.postponed.push(part);
            return Ok(());
        }
        let attach = format!(r#"alter index "{}" attach partition "{part}""#, self.name);
        if define(connection, &attach, STEP).await? == Ddl::Postponed {
            report.postponed.push(part);
            return Ok(());
        }
        info!(index = part, "index built");
        report.indexes_created.push(part);
        Ok(())
    }

    /// Builds the index of one partition, with retries. An attempt that times out waiting for loaders leaves an invalid
    /// index with that name.
    async fn build(
        &self,
        connection: &mut PgConnection,
        partition: &str,
        part: &str,
    ) -> Result<Ddl, StoreError> {
        let drop = format!(r#"drop index concurrently if exists "{part}""#);
        let create = format!(
            r#"create index concurrently "{part}" on "{partition}" {}"#,
            self.definition
        );
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

    async fn exists(&self, connection: &mut PgConnection) -> Result<bool, StoreError> {
        sqlx::query_scalar!(
            r#"
            select exists (
                select
                from pg_index
                join pg_class
                    on pg_class.oid = pg_index.indexrelid
                where pg_index.indrelid = 'email_events'::regclass
                    and pg_class.relname = $1
            ) as "exists!"
            "#,
            self.name,
        )
        .fetch_one(connection)
        .await
        .step("looking for an index")
    }

    async fn gaps(&self, connection: &mut PgConnection) -> Result<Vec<Gap>, StoreError> {
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
            where pg_inherits.inhparent = 'email_events'::regclass
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
            self.name,
            self.part_suffix,
        )
        .fetch_all(connection)
        .await
        .step("looking for weeks without an index")
    }
}
