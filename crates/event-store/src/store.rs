//! The store: what it can be asked, and how it copes with a database that comes and goes.

use std::{fmt, sync::Arc, time::Duration};

use event_model::{BatchKey, sparkpost::Batch};
use event_query::Statement;
use sqlx::{PgConnection, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use crate::{
    DatabaseConfig, EventRow, LoadOutcome, Maintenance, Report, StoreError,
    connections::{Connections, connect},
    load::{self, Load},
    maintenance, migrate, read,
    retry::{pause_after, random_bits},
    week::KnownWeeks,
};

/// The database of events. Cheap to clone; clones share their connections.
///
/// Every call tries again for a while when the database is away, on a new connection each time. A call that is dropped
/// before it ends leaves nothing half done: its connection is dropped with it, and Postgres rolls back.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    connections: Connections,
    /// For migrations and maintenance, whose connections are not kept.
    maintenance_options: PgConnectOptions,
    connect_timeout: Duration,
    retry_for: Duration,
    /// After this long without an end to an operation its connection is given up, as nobody may be at the other end.
    silence_limit: Duration,
    known_weeks: KnownWeeks,
}

/// What an operation may take on top of its statements, the slowest of which Postgres stops at the statement timeout.
const SILENCE_MARGIN: Duration = Duration::from_secs(10);

impl Store {
    /// Prepares the store. Nothing is connected before the first call.
    ///
    /// # Errors
    /// [`StoreError::Url`] when the URL is not one.
    pub fn connect_lazy(config: &DatabaseConfig) -> Result<Self, StoreError> {
        let connections = Connections::new(
            config.work_options()?,
            config.connect_timeout,
            config.max_connections,
        );
        Ok(Self(Arc::new(Inner {
            connections,
            maintenance_options: config.maintenance_options()?,
            connect_timeout: config.connect_timeout,
            retry_for: config.retry_for,
            silence_limit: config.statement_timeout + SILENCE_MARGIN,
            known_weeks: KnownWeeks::default(),
        })))
    }

    /// Stores the events of a batch, each once however often it comes, and its rejected items, in one transaction.
    pub async fn load_batch(
        &self,
        key: &BatchKey,
        batch: &Batch<'_>,
    ) -> Result<LoadOutcome, StoreError> {
        let load = Load::new(key, batch);
        self.perform(async |connection| load.run(connection, &self.0.known_weeks).await)
            .await
    }

    /// Whether a batch is loaded: worth asking before its object is read.
    pub async fn is_loaded(&self, key: &BatchKey) -> Result<bool, StoreError> {
        self.perform(async |connection| load::is_loaded(connection, key).await)
            .await
    }

    /// Runs a statement that fetches events; they come in its order.
    pub async fn fetch_events(&self, statement: &Statement) -> Result<Vec<EventRow>, StoreError> {
        self.perform(async |connection| read::fetch_events(connection, statement).await)
            .await
    }

    /// Runs a statement that counts.
    pub async fn count(&self, statement: &Statement) -> Result<u64, StoreError> {
        self.perform(async |connection| read::count(connection, statement).await)
            .await
    }

    /// The version of the latest migration that was applied, as in its file's name.
    pub async fn migration_version(&self) -> Result<i64, StoreError> {
        self.perform(migrate::version).await
    }

    /// Applies the migrations that are missing.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let inner = &self.0;
        self.retrying(async || {
            let mut connection = connect(&inner.maintenance_options, inner.connect_timeout).await?;
            migrate::migrate(&mut connection).await
        })
        .await
    }

    /// Brings partitions, indexes on metadata keys and retention to what `wanted` says. Safe to call at any time, also
    /// while batches load and queries run, and to be cut off at any point: the next call goes on from there.
    pub async fn maintain(&self, wanted: &Maintenance) -> Result<Report, StoreError> {
        let inner = &self.0;
        self.retrying(async || {
            let mut connection = connect(&inner.maintenance_options, inner.connect_timeout).await?;
            maintenance::maintain(&mut connection, wanted).await
        })
        .await
    }

    /// Runs an operation on a connection of its own, which is kept only if the operation went well.
    async fn perform<T>(
        &self,
        operation: impl AsyncFn(&mut PgConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let limit = self.0.silence_limit;
        self.retrying(async || {
            let mut lease = self.0.connections.lease().await?;
            let value = timeout(limit, operation(&mut lease))
                .await
                .map_err(|_| StoreError::Silent { limit })??;
            lease.keep();
            Ok(value)
        })
        .await
    }

    /// Tries again, with pauses, as long as the failure is of the kind that passes.
    async fn retrying<T>(
        &self,
        attempt: impl AsyncFn() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + self.0.retry_for;
        let mut failed_attempts = 0;
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let pause = pause_after(failed_attempts, random_bits());
            if !error.is_transient() || Instant::now() + pause > deadline {
                return Err(error);
            }
            warn!(
                ?error,
                attempt = failed_attempts + 1,
                pause_ms = pause.as_secs_f64() * 1_000.0,
                "database is away, trying again"
            );
            sleep(pause).await;
            failed_attempts += 1;
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
