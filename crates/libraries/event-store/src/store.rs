//! The store: its operations, with retries while the database is unavailable.

use std::{fmt, sync::Arc, time::Duration};

use event_model::{BatchKey, EventKey, Timestamp, sparkpost::Batch};
use event_query::Statement;
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::{
    AuditAnswer, AuditQuery, BatchResult, Candidates, Chunk, DatabaseConfig, DaySums, EventRow,
    GroupRow, LoadOutcome, Maintenance, MergeReport, Merging, MetadataKey, RejectedEvent,
    RejectedRow, Report, StoreError,
    accounts::{FetchRejected, FetchSums, NewestEvent},
    audit::Audit,
    batch_result::ReadBatchResult,
    connections::{Connections, connect},
    erasing::{EraseEvents, EraseRejected, FindCandidates, NextTime, ReadRejected},
    load::{IsLoaded, Load},
    login::Target,
    migrate::{Migrate, Version},
    operation::Operation,
    partition::KnownPartitions,
    pooler::refuse_transaction_mode,
    read::{Count, FetchWithin},
    retry::RetryPolicy,
    roles::MakeRoles,
    unfinished::UnfinishedKeys,
};

/// The database of events. Cheap to clone; clones share their connections.
///
/// Every call is retried for a while if the database is unavailable, on a new connection each time. A call that is
/// dropped before it ends leaves nothing half done: its connection is dropped with it, and Postgres rolls back.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    connections: Connections,
    /// For migrations and maintenance, whose connections are not pooled.
    maintenance_target: Target,
    connect_timeout: Duration,
    retry_for: Duration,
    /// A longer operation is abandoned with its connection, because the server may be gone.
    operation_timeout: Duration,
    known_partitions: KnownPartitions,
}

/// The time for an operation in addition to its slowest statement, which Postgres cancels at the statement timeout:
/// short enough that a search learns within its 25 s whether the database was slow or unavailable.
const OPERATION_MARGIN: Duration = Duration::from_secs(3);

impl Store {
    /// Prepares the store. The first call opens a connection.
    ///
    /// # Errors
    /// [`StoreError::Url`] when the URL is not one.
    pub fn connect_lazy(config: &DatabaseConfig) -> Result<Self, StoreError> {
        let connections = Connections::new(
            config.work_target()?,
            config.connect_timeout,
            config.max_connections,
        );
        Ok(Self(Arc::new(Inner {
            connections,
            maintenance_target: config.maintenance_target()?,
            connect_timeout: config.connect_timeout,
            retry_for: config.retry_for,
            operation_timeout: config.statement_timeout + OPERATION_MARGIN,
            known_partitions: KnownPartitions::default(),
        })))
    }

    /// Stores the events of a batch, each once, and its rejected items, in one transaction.
    pub async fn load_batch(
        &self,
        key: &BatchKey,
        batch: &Batch<'_>,
    ) -> Result<LoadOutcome, StoreError> {
        self.perform(&Load::new(key, batch, &self.0.known_partitions))
            .await
    }

    /// Whether a batch is loaded: worth checking before its object is read.
    pub async fn is_loaded(&self, key: &BatchKey) -> Result<bool, StoreError> {
        self.perform(&IsLoaded(key)).await
    }

    /// The result of a batch, by its key; `None` if it is not loaded.
    pub async fn batch_result(&self, batch_key: &str) -> Result<Option<BatchResult>, StoreError> {
        self.perform(&ReadBatchResult(batch_key)).await
    }

    /// Runs a statement that fetches events, and keeps its order.
    pub async fn fetch_events(&self, statement: &Statement) -> Result<Vec<EventRow>, StoreError> {
        Ok(self.fetch_events_within(statement, usize::MAX).await?.rows)
    }

    /// The same, but stops reading before the event with which their texts would be longer than `max_bytes` together. The first
    /// event is read in any case.
    pub async fn fetch_events_within(
        &self,
        statement: &Statement,
        max_bytes: usize,
    ) -> Result<Chunk<EventRow>, StoreError> {
        self.perform(&FetchWithin::new(statement, max_bytes)).await
    }

    /// Runs a statement that counts.
    pub async fn count(&self, statement: &Statement) -> Result<u64, StoreError> {
        self.perform(&Count(statement)).await
    }

    /// Runs a statement that counts in groups, and keeps its order.
    pub async fn fetch_groups(&self, statement: &Statement) -> Result<Vec<GroupRow>, StoreError> {
        Ok(self.fetch_groups_within(statement, usize::MAX).await?.rows)
    }

    /// The same, but stops reading before the group with which their keys would be longer than `max_bytes` together. The first
    /// group is read in any case.
    pub async fn fetch_groups_within(
        &self,
        statement: &Statement,
        max_bytes: usize,
    ) -> Result<Chunk<GroupRow>, StoreError> {
        self.perform(&FetchWithin::new(statement, max_bytes)).await
    }

    /// Runs a statement that fetches rejected events; they come in its order.
    pub async fn fetch_rejected(
        &self,
        statement: &Statement,
    ) -> Result<Vec<RejectedEvent>, StoreError> {
        self.perform(&FetchRejected(statement)).await
    }

    /// Runs a statement that sums up batches by day; the days come in its order.
    pub async fn fetch_sums(&self, statement: &Statement) -> Result<Vec<DaySums>, StoreError> {
        self.perform(&FetchSums(statement)).await
    }

    /// Says which of some batches are loaded, and which of some events have no row.
    pub async fn audit(&self, query: &AuditQuery) -> Result<AuditAnswer, StoreError> {
        self.perform(&Audit(query)).await
    }

    /// The time of the first event from a time on.
    pub async fn next_event_time(
        &self,
        from: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, StoreError> {
        self.perform(&NextTime(from)).await
    }

    /// Events that may be a person's.
    pub async fn find_candidates(&self, wanted: &Candidates) -> Result<Vec<EventRow>, StoreError> {
        self.perform(&FindCandidates(wanted)).await
    }

    /// Deletes events by their keys; returns how many there were.
    pub async fn erase_events(&self, keys: &[(Timestamp, EventKey)]) -> Result<u64, StoreError> {
        self.perform(&EraseEvents(keys)).await
    }

    /// At most `limit` rejected items after the one with this batch and place, in that order.
    pub async fn rejected_after(
        &self,
        batch_key: &str,
        ordinal: i32,
        limit: i64,
    ) -> Result<Vec<RejectedRow>, StoreError> {
        self.perform(&ReadRejected(batch_key, ordinal, limit)).await
    }

    /// Deletes rejected items by their batch and place; returns how many there were.
    pub async fn erase_rejected(&self, keys: &[(String, i32)]) -> Result<u64, StoreError> {
        self.perform(&EraseRejected(keys)).await
    }

    /// The time of the newest event.
    pub async fn newest_event(&self) -> Result<Option<Timestamp>, StoreError> {
        self.perform(&NewestEvent).await
    }

    /// The version of the latest applied migration, as in its file's name.
    pub async fn migration_version(&self) -> Result<i64, StoreError> {
        self.perform(&Version).await
    }

    /// Creates the functions' roles. Call it once, as a user that may create roles, before [`Self::migrate`] is called
    /// as the role `cistern_migrator`.
    pub async fn make_roles(&self) -> Result<(), StoreError> {
        self.perform_apart(&MakeRoles).await
    }

    /// Applies the missing migrations, and grants the functions' roles their permissions, if those roles exist.
    ///
    /// # Errors
    /// [`StoreError::TransactionPooler`] if the database is behind one, before anything is changed.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.refuse_transaction_mode().await?;
        self.perform_apart(&Migrate).await
    }

    /// Changes partitions, indexes on metadata keys and retention to the state in `wanted`. Safe to call at any time,
    /// also during loads and queries, and to interrupt at any point: the next call continues from there.
    pub async fn maintain(&self, wanted: &Maintenance) -> Result<Report, StoreError> {
        self.perform_apart(wanted).await
    }

    /// Merges partitions that are old enough into wider ones, at most one merge at a time and one finished merge per
    /// call. Safe to call at any time and to interrupt at any point, like [`Self::maintain`].
    ///
    /// Readers and loaders wait for its last step, which changes some rows of the catalog. If that does not get its
    /// locks within ten seconds, the next call tries again.
    pub async fn merge_partitions(&self, wanted: &Merging) -> Result<MergeReport, StoreError> {
        self.perform_apart(wanted).await
    }

    /// Those of the metadata keys whose index is not complete, so that searches by them are slow.
    pub async fn unfinished_keys(&self, keys: &[MetadataKey]) -> Result<Vec<String>, StoreError> {
        self.perform(&UnfinishedKeys(keys)).await
    }

    async fn refuse_transaction_mode(&self) -> Result<(), StoreError> {
        let inner = &self.0;
        let mut retry_policy = RetryPolicy::new(inner.retry_for);
        while let Err(error) =
            refuse_transaction_mode(&inner.maintenance_target, inner.connect_timeout).await
        {
            retry_policy.after(error).await?;
        }
        Ok(())
    }

    /// Runs an operation on a pooled connection, and retries while the database is unavailable.
    async fn perform<O: Operation>(&self, operation: &O) -> Result<O::Output, StoreError> {
        let mut retry_policy = RetryPolicy::new(self.0.retry_for);
        loop {
            match self.attempt(operation).await {
                Ok(output) => return Ok(output),
                Err(error) => retry_policy.after(error).await?,
            }
        }
    }

    /// Runs an operation on a separate connection, and retries while the database is unavailable. It has no time limit.
    async fn perform_apart<O: Operation>(&self, operation: &O) -> Result<O::Output, StoreError> {
        let mut retry_policy = RetryPolicy::new(self.0.retry_for);
        loop {
            match self.attempt_apart(operation).await {
                Ok(output) => return Ok(output),
                Err(error) => retry_policy.after(error).await?,
            }
        }
    }

    /// Only the connection of a successful operation is reused, and only if nothing is left to read on it.
    async fn attempt<O: Operation>(&self, operation: &O) -> Result<O::Output, StoreError> {
        let limit = self.0.operation_timeout;
        let mut connection = self.0.connections.acquire().await?;
        let output = timeout(limit, operation.run(&mut connection))
            .await
            .map_err(|_| StoreError::Unresponsive { limit })??;
        if !O::leaves_rows_unread(&output) {
            connection.recycle();
        }
        Ok(output)
    }

    async fn attempt_apart<O: Operation>(&self, operation: &O) -> Result<O::Output, StoreError> {
        let inner = &self.0;
        let mut connection = connect(&inner.maintenance_target, inner.connect_timeout).await?;
        operation.run(&mut connection).await
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
