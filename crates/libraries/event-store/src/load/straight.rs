//! Writes the rows of a batch the short way.

use event_model::sparkpost::Event;
use sqlx::PgConnection;

use super::{
    Obstacle,
    copy::{INTO_EVENTS, copy_rows},
};
use crate::{
    StoreError,
    error::{Step, code, has_code, is_bad_data, is_missing_partition},
};

/// Copies rows that are sorted by time and key into the table; returns how many there were. With any obstacle the
/// transaction is over.
pub(super) async fn write(
    transaction: &mut PgConnection,
    rows: &[&Event<'_>],
) -> Result<Result<u64, Obstacle>, StoreError> {
    match copy_rows(transaction, INTO_EVENTS, rows).await {
        Ok(copied) => Ok(Ok(copied)),
        Err(error) if is_missing_partition(&error) => Ok(Err(Obstacle::PartitionMissing)),
        Err(error) if has_code(&error, code::UNIQUE_VIOLATION) || is_bad_data(&error) => {
            Ok(Err(Obstacle::SomeRows))
        }
        Err(error) => Err(error).step("copying events"),
    }
}
