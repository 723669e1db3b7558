//! Creates partitions ahead, and drops those past the retention.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio::time::sleep;
use tracing::info;

use super::{
    Ddl, LOCK_PAUSE, LOCK_TRIES, Maintenance, Report, define, define_once, quoted, widths::Widths,
};
use crate::{
    StoreError,
    error::Step,
    partition::{Partition, ensure_partition},
    week::Week,
};

/// A table that is or was a partition.
struct Table {
    name: String,
    end: OffsetDateTime,
    is_attached: bool,
    /// An interrupted detach: the partition is invisible to queries, accepts no rows, and blocks other detaches.
    is_detaching: bool,
    /// Whether a merge in progress copies it.
    is_merging: bool,
}

/// Creates the partitions of this week and the following ones, so that loads need not.
pub(super) async fn create_ahead(
    connection: &mut PgConnection,
    wanted: &Maintenance,
    report: &mut Report,
) -> Result<(), StoreError> {
    store_widths(connection, wanted).await?;
    let mut week = Week::of_time(wanted.now);
    for _ in 0..=wanted.partitions_ahead {
        match ensure_partition(connection, week.middle()).await? {
            Partition::Created(_) => report.partitions_created += 1,
            Partition::Exists(_) => {}
            Partition::Refused(..) => break,
        }
        week = week.next();
    }
    Ok(())
}

/// Stores the widths for the SQL function that creates partitions during loads.
async fn store_widths(
    connection: &mut PgConnection,
    wanted: &Maintenance,
) -> Result<(), StoreError> {
    let widths = Widths::at(wanted.now, wanted.retention);
    sqlx::query!(
        r#"
        insert into partition_policy (as_of, widest_weeks)
        values ($1, $2)
        on conflict (only_one) do update
        set as_of = excluded.as_of, widest_weeks = excluded.widest_weeks
        "#,
        wanted.now,
        i32::try_from(widths.widest_weeks()).unwrap_or(1),
    )
    .execute(connection)
    .await
    .step("telling how wide partitions are to be")?;
    Ok(())
}

/// Stores the end of the retention for it, before anything is dropped: a dropped partition must not be recreated.
async fn store_cutoff(
    connection: &mut PgConnection,
    wanted: &Maintenance,
) -> Result<(), StoreError> {
    let cutoff = wanted.cutoff();
    if wanted.retention.is_some() && cutoff.is_none() {
        // Nothing is dropped this time, and earlier cutoffs remain.
        return Ok(());
    }
    sqlx::query!("update partition_policy set kept_from = $1", cutoff)
        .execute(connection)
        .await
        .step("telling where the retention ends")?;
    Ok(())
}

/// Drops the partitions that are completely past the retention, and finishes what an interrupted maintenance began.
///
/// Dropping a partition would lock all events against readers. Detaching it concurrently first only waits for current
/// readers, and the detached table has no users.
pub(super) async fn drop_expired(
    connection: &mut PgConnection,
    wanted: &Maintenance,
    report: &mut Report,
) -> Result<(), StoreError> {
    store_cutoff(connection, wanted).await?;
    let is_expired = |table: &Table| wanted.cutoff().is_some_and(|cutoff| table.end <= cutoff);
    let mut tables = tables(connection).await?;
    let abandoned = tables
        .iter()
        .find(|table| table.is_merging && is_expired(table));
    if let Some(table) = abandoned {
        // Otherwise its copy would restore the expired events.
        let sql = "select merge_abandon()";
        if define(connection, sql, "giving a merge up").await? == Ddl::Postponed {
            report.postponed.push(table.name.clone());
            tables.retain(|table| !table.is_merging);
        }
    }
    // A partition being detached blocks all others.
    tables.sort_by_key(|table| !table.is_detaching);
    for table in tables {
        let is_expired = is_expired(&table);
        if !is_expired && !table.is_detaching {
            continue;
        }
        if table.is_attached && detach(connection, &table).await? == Ddl::Postponed {
            // The next partition would wait for the same readers.
            report.postponed.push(table.name);
            break;
        }
        if !is_expired {
            // The retention was extended meanwhile: the partition is kept and attached again.
            let last_moment = table.end - time::Duration::MICROSECOND;
            ensure_partition(connection, last_moment).await?;
            continue;
        }
        let drop = format!("drop table {}", quoted(&table.name));
        if define(connection, &drop, "dropping an expired partition").await? == Ddl::Postponed {
            report.postponed.push(table.name);
            continue;
        }
        info!(partition = table.name, "expired partition dropped");
        report.partitions_dropped.push(table.name);
    }
    Ok(())
}

/// Detaches the table, with retries. The next attempt finishes what one attempt began.
async fn detach(connection: &mut PgConnection, table: &Table) -> Result<Ddl, StoreError> {
    for _ in 1..LOCK_TRIES {
        if detach_once(connection, &table.name).await? == Ddl::Done {
            return Ok(Ddl::Done);
        }
        sleep(LOCK_PAUSE).await;
    }
    detach_once(connection, &table.name).await
}

async fn detach_once(connection: &mut PgConnection, name: &str) -> Result<Ddl, StoreError> {
    const STEP: &str = "detaching a partition";

    let is_pending = sqlx::query_scalar!(
        r#"
        select inhdetachpending
        from pg_inherits
        where inhparent = 'email_events'::regclass
            and inhrelid = to_regclass(quote_ident($1))
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
    let sql = format!(
        "alter table email_events detach partition {} {how}",
        quoted(name)
    );
    define_once(connection, &sql, STEP).await
}

async fn tables(connection: &mut PgConnection) -> Result<Vec<Table>, StoreError> {
    sqlx::query_as!(
        Table,
        r#"
        select
            part.name as "name!",
            least(part.hi, '9999-12-31Z') as "end!",
            part.is_attached as "is_attached!",
            part.is_detaching as "is_detaching!",
            merging.target is not null as "is_merging!"
        from event_partitions() as part
        left join merging
            on part.lo >= merging.lo
            and part.hi <= merging.hi
        order by part.lo
        "#
    )
    .fetch_all(connection)
    .await
    .step("listing the partitions")
}
