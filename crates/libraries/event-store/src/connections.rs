//! A pool of connections.
//!
//! sqlx's own pool takes every connection back, even one whose caller was cancelled between a request and its response,
//! or in the middle of a COPY. Here a connection returns only by [`PooledConnection::recycle`], which is called after a
//! successful operation; otherwise it is dropped. Postgres rolls back the transaction of a dropped connection.

use std::{
    num::NonZeroU32,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, raw_sql};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{StoreError, login::Target};

pub(crate) struct Connections {
    target: Target,
    connect_timeout: Duration,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<PgConnection>>,
}

/// A connection in exclusive use by one operation.
pub(crate) struct PooledConnection<'home> {
    connection: PgConnection,
    home: &'home Connections,
    // Last, so that the connection is returned before the next operation may start.
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    pub(crate) fn new(
        target: Target,
        connect_timeout: Duration,
        max_connections: NonZeroU32,
    ) -> Self {
        let permits = usize::try_from(max_connections.get()).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            target,
            connect_timeout,
            permits: Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))),
            idle: Mutex::default(),
        }
    }

    /// An idle connection, or a new one; waits while all are in use.
    pub(crate) async fn acquire(&self) -> Result<PooledConnection<'_>, StoreError> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let kept = self.idle().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => connect(&self.target, self.connect_timeout).await?,
        };
        Ok(PooledConnection {
            connection,
            home: self,
            _permit: permit,
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<PgConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PooledConnection<'_> {
    /// Returns the connection to the pool. It must not be in a transaction.
    pub(crate) fn recycle(self) {
        let Self {
            connection,
            home,
            _permit,
        } = self;
        home.idle().push(connection);
    }
}

impl Deref for PooledConnection<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for PooledConnection<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// Opens a connection and sets it up.
pub(crate) async fn connect(target: &Target, limit: Duration) -> Result<PgConnection, StoreError> {
    tokio::time::timeout(limit, open(target))
        .await
        .map_err(|_| StoreError::ConnectTimeout { limit })?
}

/// The settings take a separate round trip, because poolers accept none at start-up.
async fn open(target: &Target) -> Result<PgConnection, StoreError> {
    let options = target.options_at(SystemTime::now())?;
    let refused = |error| StoreError::connecting(error, &target.login);
    let mut connection = options.connect().await.map_err(refused)?;
    raw_sql(AssertSqlSafe(target.settings.as_str()))
        .execute(&mut connection)
        .await
        .map_err(refused)?;
    Ok(connection)
}
