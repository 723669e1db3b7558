//! Deletes expired rows.

use sqlx::PgConnection;
use time::Duration;

use super::{Maintenance, Report};
use crate::{StoreError, error::Step};

/// How long rows of `batches` are kept.
///
/// A batch that is delivered again after that is loaded again and changes nothing, because its events are recognised by
/// their keys; it only takes the slower path. Providers repeat a batch within hours, and a dead-letter queue keeps it
/// two weeks.
const BATCH_MEMORY: Duration = Duration::days(90);

pub(super) async fn delete_batches(
    connection: &mut PgConnection,
    wanted: &Maintenance,
    report: &mut Report,
) -> Result<(), StoreError> {
    let Some(cutoff) = wanted.now.checked_sub(BATCH_MEMORY) else {
        return Ok(());
    };
    let deleted = sqlx::query!("delete from batches where loaded_at < $1", cutoff)
        .execute(connection)
        .await
        .step("deleting old batches")?;
    report.batches_deleted = deleted.rows_affected();
    Ok(())
}

pub(super) async fn delete_rejected(
    connection: &mut PgConnection,
    wanted: &Maintenance,
    report: &mut Report,
) -> Result<(), StoreError> {
    let Some(cutoff) = wanted.cutoff() else {
        return Ok(());
    };
    let deleted = sqlx::query!(
        "delete from email_events_rejected where rejected_at < $1",
        cutoff
    )
    .execute(connection)
    .await
    .step("deleting old rejected events")?;
    report.rejected_deleted = deleted.rows_affected();
    Ok(())
}
