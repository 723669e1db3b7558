//! Writes the rows of a batch directly into the table.

use event_model::sparkpost::Event;
use sqlx::PgConnection;

use super::{
    Attempt, RetryCause,
    copy::{INTO_EVENTS, copy_rows},
};
use crate::{
    StoreError,
    error::{Step, code, has_code, is_bad_data, is_missing_partition},
};

/// Copies rows that are sorted by time and key into the table; returns their number. After [`Attempt::Retry`] the
/// transaction can only be rolled back.
pub(super) async fn write(
    transaction: &mut PgConnection,
    rows: &[&Event<'_>],
) -> Result<Attempt<u64>, StoreError> {
    match copy_rows(transaction, INTO_EVENTS, rows).await {
        Ok(copied) => Ok(Attempt::Done(copied)),
        Err(error) if is_missing_partition(&error) => {
            Ok(Attempt::Retry(RetryCause::PartitionMissing))
        }
        Err(error) if has_code(&error, code::UNIQUE_VIOLATION) || is_bad_data(&error) => {
            Ok(Attempt::Retry(RetryCause::SomeRows))
        }
        Err(error) => Err(error).step("copying events"),
    }
}
