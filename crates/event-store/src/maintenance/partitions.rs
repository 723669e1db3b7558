//! Weeks ahead, and weeks that have outlived the retention.

use event_model::Timestamp;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio::time::sleep;
use tracing::info;

use super::{Ddl, LOCK_PAUSE, LOCK_TRIES, Maintenance, Report, define, define_once};
use crate::{
    StoreError,
    error::Step,
    week::{Partition, Week, ensure_partition},
};

/// A table that is or was the partition of a week.
struct WeeklyTable {
    name: String,
    start: OffsetDateTime,
    end: OffsetDateTime,
    /// An interrupted detach: the week is seen by nobody, takes no rows, and no other week can be detached.
    is_detaching: bool,
}

/// Makes the partitions of this week and those that follow, so that no load has to.
pub(super) async fn create_ahead(
    connection: &mut PgConnection,
    wanted: &Maintenance,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut week = Week::of(Timestamp::from_time(wanted.now));
    for _ in 0..=wanted.partitions_ahead {
        match ensure_partition(connection, week).await? {
            Partition::Created => report.partitions_created += 1,
            Partition::Exists => {}
            Partition::Refused => break,
        }
        week = week.next();
    }
    Ok(())
}

/// Drops the weeks that lie before the retention as a whole, and ends what an interrupted maintenance has begun.
///
/// Dropping a partition would lock all events against readers. Detaching it concurrently first only waits for those
/// who are reading, and the table that is left is nobody's any more.
pub(super) async fn drop_expired(
    connection: &mut PgConnection,
    wanted: &Maintenance,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut tables = weekly_tables(connection).await?;
    // One that is detaching stands in the way of all others.
    tables.sort_by_key(|table| !table.is_detaching);
    for table in tables {
        let is_expired = wanted.cutoff().is_some_and(|cutoff| table.end <= cutoff);
        if !is_expired && !table.is_detaching {
            continue;
        }
        if detach(connection, &table).await? == Ddl::Postponed {
            // The next week would wait for the same readers.
            report.postponed.push(table.name);
            break;
        }
        if !is_expired {
            // The retention was made longer meanwhile: the week belongs to the events again.
            let week = Week::of(Timestamp::from_time(table.start));
            ensure_partition(connection, week).await?;
            continue;
        }
        let drop = format!(r#"drop table "{}""#, table.name);
        if define(connection, &drop, "dropping an expired week").await? == Ddl::Postponed {
            report.postponed.push(table.name);
            continue;
        }
        info!(partition = table.name, "expired week dropped");
        report.partitions_dropped.push(table.name);
    }
    Ok(())
}

/// Makes the table one of its own, patiently. What one try has begun and had to leave, the next one finishes.
async fn detach(connection: &mut PgConnection, table: &WeeklyTable) -> Result<Ddl, StoreError> {
    for _ in 1..LOCK_TRIES {
        if detach_once(connection, &table.name).await? == Ddl::Done {
            return Ok(Ddl::Done);
        }
        sleep(LOCK_PAUSE).await;
    }
    detach_once(connection, &table.name).await
}

async fn detach_once(connection: &mut PgConnection, name: &str) -> Result<Ddl, StoreError> {
    const STEP: &str = "detaching a week";

    let is_pending = sqlx::query_scalar!(
        r#"
        select inhdetachpending
        from pg_inherits
        where inhparent = 'events'::regclass
            and inhrelid = to_regclass($1)
        "#,
        name,
    )
    .fetch_optional(&mut *connection)
    .await
    .step(STEP)?;
    let how = match is_pending {
        None => return Ok(Ddl::Done),
        Some(false) => "concurrently",
        Some(true) => "finalize",
    };
    let sql = format!(r#"alter table events detach partition "{name}" {how}"#);
    define_once(connection, &sql, STEP).await
}

async fn weekly_tables(connection: &mut PgConnection) -> Result<Vec<WeeklyTable>, StoreError> {
    // The name carries ISO year and week, and nothing else of this schema is named so.
    sqlx::query_as!(
        WeeklyTable,
        r#"
        select
            week.name as "name!",
            week.start as "start!",
            week.start + interval '7 days' as "end!",
            coalesce(week.inhdetachpending, false) as "is_detaching!"
        from (
            select
                pg_class.relname::text as name,
                to_date(right(pg_class.relname, 6), 'IYYYIW')::timestamp at time zone 'UTC' as start,
                pg_inherits.inhdetachpending
            from pg_class
            left join pg_inherits
                on pg_inherits.inhrelid = pg_class.oid
                and pg_inherits.inhparent = 'events'::regclass
            where pg_class.relkind = 'r'
                and pg_class.relnamespace = (select relnamespace from pg_class where oid = 'events'::regclass)
                and pg_class.relname ~ '^events_w[0-9]{6}$'
        ) as week
        order by week.name
        "#
    )
    .fetch_all(connection)
    .await
    .step("listing the weeks")
}
