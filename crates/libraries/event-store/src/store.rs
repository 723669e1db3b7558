//! The store: its operations, and how they cope with a database that is unavailable at times.

use std::{fmt, sync::Arc, time::Duration};

use event_model::{BatchKey, sparkpost::Batch};
use event_query::Statement;
use tokio::time::timeout;

use crate::{
    BatchFate, DatabaseConfig, EventRow, GroupRow, LoadOutcome, Maintenance, MergeReport, Merging,
    MetadataKey, Report, StoreError,
    connections::{Connections, connect},
    fate::FateOf,
    load::{IsLoaded, Load},
    login::Target,
    migrate::{Migrate, Version},
    operation::Operation,
    partition::KnownPartitions,
    pooler::refuse_transaction_mode,
    read::{Count, Fetch, FetchGroups},
    retry::RetryPolicy,
    roles::MakeRoles,
    unfinished::UnfinishedKeys,
};

/// The database of events. Cheap to clone; clones share their connections.
///
/// Every call retries for a while when the database is unavailable, on a new connection each time. A call that is dropped
/// before it ends leaves nothing half done: its connection is dropped with it, and Postgres rolls back.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    connections: Connections,
    /// For migrations and maintenance, whose connections are not kept.
    maintenance_target: Target,
    connect_timeout: Duration,
    retry_for: Duration,
    /// An operation that takes longer is abandoned with its connection, as the server may be gone.
    operation_timeout: Duration,
    known_partitions: KnownPartitions,
}

/// What an operation may take on top of its statements, the slowest of which Postgres stops at the statement timeout:
/// short enough that a search learns within its 25 s whether the database was slow or was not there.
const OPERATION_MARGIN: Duration = Duration::from_secs(3);

impl Store {
    /// Prepares the store. Nothing is connected before the first call.
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

    /// Stores the events of a batch, each once however often it comes, and its rejected items, in one transaction.
    pub async fn load_batch(
        &self,
        key: &BatchKey,
        batch: &Batch<'_>,
    ) -> Result<LoadOutcome, StoreError> {
        self.perform(&Load::new(key, batch, &self.0.known_partitions))
            .await
    }

    /// Whether a batch is loaded: worth asking before its object is read.
    pub async fn is_loaded(&self, key: &BatchKey) -> Result<bool, StoreError> {
        self.perform(&IsLoaded(key)).await
    }

    /// The accounts of a batch, by its key; none while it is not loaded.
    pub async fn fate_of(&self, batch_key: &str) -> Result<Option<BatchFate>, StoreError> {
        self.perform(&FateOf(batch_key)).await
    }

    /// Runs a statement that fetches events; they come in its order.
    pub async fn fetch_events(&self, statement: &Statement) -> Result<Vec<EventRow>, StoreError> {
        self.perform(&Fetch(statement)).await
    }

    /// Runs a statement that counts.
    pub async fn count(&self, statement: &Statement) -> Result<u64, StoreError> {
        self.perform(&Count(statement)).await
    }

    /// Runs a statement that counts in groups; they come in its order.
    pub async fn fetch_groups(&self, statement: &Statement) -> Result<Vec<GroupRow>, StoreError> {
        self.perform(&FetchGroups(statement)).await
    }

    /// The version of the latest migration that was applied, as in its file's name.
    pub async fn migration_version(&self) -> Result<i64, StoreError> {
        self.perform(&Version).await
    }

    /// Makes the roles that functions log in as: to be called once, as somebody who may make roles, before
    /// [`Self::migrate`] is called as the role `cistern_migrator`.
    pub async fn make_roles(&self) -> Result<(), StoreError> {
        self.perform_apart(&MakeRoles).await
    }

    /// Applies the migrations that are missing, and gives the roles of functions their rights, if there are such roles.
    ///
    /// # Errors
    /// [`StoreError::TransactionPooler`] when the database is behind one, before anything is changed.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.refuse_transaction_mode().await?;
        self.perform_apart(&Migrate).await
    }

    /// Brings partitions, indexes on metadata keys and retention to what `wanted` says. Safe to call at any time, also
    /// while batches load and queries run, and to be interrupted at any point: the next call continues from there.
    pub async fn maintain(&self, wanted: &Maintenance) -> Result<Report, StoreError> {
        self.perform_apart(wanted).await
    }

    /// Merges partitions that are old enough into wider ones, at most one merge at a time and one finished merge a call.
    /// Safe to call at any time and to be interrupted at any point, as [`Self::maintain`] is.
    ///
    /// Readers and loaders wait for a merge when it is done, for the changing of some rows of the catalog. If it does not
    /// get its turn within ten seconds, the next call tries again.
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

    /// Performs an operation on a pooled connection, and retries while the database is unavailable.
    async fn perform<O: Operation>(&self, operation: &O) -> Result<O::Output, StoreError> {
        let mut retry_policy = RetryPolicy::new(self.0.retry_for);
        loop {
            match self.attempt(operation).await {
                Ok(output) => return Ok(output),
                Err(error) => retry_policy.after(error).await?,
            }
        }
    }

    /// Performs an operation on a separate connection, and retries while the database is unavailable. It has no time
    /// limit.
    async fn perform_apart<O: Operation>(&self, operation: &O) -> Result<O::Output, StoreError> {
        let mut retry_policy = RetryPolicy::new(self.0.retry_for);
        loop {
            match self.attempt_apart(operation).await {
                Ok(output) => return Ok(output),
                Err(error) => retry_policy.after(error).await?,
            }
        }
    }

    /// The connection is kept only if the operation went well.
    async fn attempt<O: Operation>(&self, operation: &O) -> Result<O::Output, StoreError> {
        let limit = self.0.operation_timeout;
        let mut connection = self.0.connections.acquire().await?;
        let output = timeout(limit, operation.run(&mut connection))
            .await
            .map_err(|_| StoreError::Unresponsive { limit })??;
        connection.recycle();
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
