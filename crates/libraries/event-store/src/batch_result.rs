//! The result of a loaded batch.

use sqlx::PgConnection;

use crate::{StoreError, error::Step, operation::Operation};

/// The counts of a loaded batch: `received` is the sum of stored, duplicates, rejected and erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchResult {
    pub received: u32,
    pub stored: u32,
    pub rejected: u32,
    /// Items of erased people, which were left out.
    pub erased: u32,
    /// The first hundred rejections: the index in the batch, and the reason.
    pub reasons: Vec<(u32, String)>,
}

impl BatchResult {
    /// Events that were stored before, or that the batch contains twice.
    pub fn duplicates(&self) -> u32 {
        self.received
            .saturating_sub(self.stored)
            .saturating_sub(self.rejected)
            .saturating_sub(self.erased)
    }
}

pub(crate) struct ReadBatchResult<'a>(pub(crate) &'a str);

impl Operation for ReadBatchResult<'_> {
    type Output = Option<BatchResult>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Option<BatchResult>, StoreError> {
        const STEP: &str = "looking for a batch";
        let accounts: Option<(i32, i32, i32, i32)> = sqlx::query_as(
            "select events, inserted, rejected, erased from batches where batch_key = $1",
        )
        .bind(self.0)
        .fetch_optional(&mut *connection)
        .await
        .step(STEP)?;
        let Some((received, stored, rejected, erased)) = accounts else {
            return Ok(None);
        };
        let reasons: Vec<(i32, String)> = sqlx::query_as(
            r"
            select ordinal, reason
            from email_events_rejected
            where batch_key = $1
            order by ordinal
            limit 100
            ",
        )
        .bind(self.0)
        .fetch_all(connection)
        .await
        .step(STEP)?;
        Ok(Some(BatchResult {
            received: received.unsigned_abs(),
            stored: stored.unsigned_abs(),
            rejected: rejected.unsigned_abs(),
            erased: erased.unsigned_abs(),
            reasons: reasons
                .into_iter()
                .map(|(ordinal, reason)| (ordinal.unsigned_abs(), reason))
                .collect(),
        }))
    }
}
