//! The row of a batch in `batches`, which marks it as loaded and has its counts.

use event_model::{BatchKey, Counts, sparkpost::Batch};
use sqlx::PgConnection;

use crate::{StoreError, error::Step};

/// The counts in the row of a batch, with the types of their columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchRow {
    events: i32,
    inserted: i32,
    rejected: i32,
    sanitized: i32,
    erased: i32,
}

impl BatchRow {
    /// The usual result: all events are new, and Postgres accepts what the parser accepted.
    pub(super) fn expected(batch: &Batch<'_>) -> Self {
        Self {
            events: column(batch.received()),
            inserted: column(batch.events.len()),
            rejected: column(batch.rejected_count()),
            sanitized: column(batch.sanitized),
            erased: column(batch.erased),
        }
    }

    /// The actual counts.
    pub(super) fn turned_out(self, inserted: u64, rejected: usize) -> Self {
        Self {
            inserted: i32::try_from(inserted).unwrap_or(i32::MAX),
            rejected: column(rejected),
            ..self
        }
    }

    pub(super) fn outcome(self) -> Counts {
        let duplicate = self.events - self.inserted - self.rejected - self.erased;
        Counts {
            stored: self.inserted.unsigned_abs().into(),
            duplicate: duplicate.unsigned_abs().into(),
            rejected: self.rejected.unsigned_abs().into(),
            erased: self.erased.unsigned_abs().into(),
        }
    }

    /// Inserts the row; false if it exists, because the batch is loaded. Waits for a transaction that is inserting the
    /// same row.
    pub(super) async fn announce(
        self,
        connection: &mut PgConnection,
        key: &BatchKey,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            r#"
            insert into batches (batch_key, events, inserted, rejected, sanitized, erased)
            values ($1, $2, $3, $4, $5, $6)
            on conflict (batch_key) do nothing
            "#,
            key.as_str(),
            self.events,
            self.inserted,
            self.rejected,
            self.sanitized,
            self.erased,
        )
        .execute(connection)
        .await
        .step("announcing the batch")?;
        Ok(done.rows_affected() == 1)
    }

    /// Corrects the row in the same transaction.
    pub(super) async fn correct(
        self,
        connection: &mut PgConnection,
        key: &BatchKey,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            r#"
            update batches
            set inserted = $2, rejected = $3
            where batch_key = $1
            "#,
            key.as_str(),
            self.inserted,
            self.rejected,
        )
        .execute(connection)
        .await
        .step("correcting the numbers of the batch")?;
        Ok(())
    }
}

/// A body has fewer items than bytes, and far fewer bytes than 2 GB.
fn column(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

pub(crate) async fn is_loaded(
    connection: &mut PgConnection,
    key: &BatchKey,
) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"select exists (select from batches where batch_key = $1) as "exists!""#,
        key.as_str(),
    )
    .fetch_one(connection)
    .await
    .step("looking for the batch")
}
