//! Detects poolers in transaction mode.

use std::time::Duration;

use sqlx::{PgConnection, Row as _, raw_sql};
use tokio::time::timeout;

use crate::{StoreError, connections::connect, error::Step, login::Target};

/// Refuses a pooler in transaction mode. It assigns a server connection to each transaction, so that settings, prepared
/// statements and maintenance locks would be left to the next client.
///
/// Two connections show it: while one is in a transaction, it reaches the server process of the other, or the other
/// reaches another process than before.
pub(crate) async fn refuse_transaction_mode(
    target: &Target,
    limit: Duration,
) -> Result<(), StoreError> {
    // Settings would remain in the pooler.
    let bare = Target {
        settings: String::new(),
        ..target.clone()
    };
    let mut one = connect(&bare, limit).await?;
    let mut other = connect(&bare, limit).await?;

    let probe = async {
        let process_of_one = process(&mut one).await?;
        run(&mut other, "begin").await?;
        if process(&mut other).await? == process_of_one
            || process(&mut one).await? != process_of_one
        {
            return Err(StoreError::TransactionPooler);
        }
        run(&mut other, "rollback").await
    };
    timeout(limit, probe)
        .await
        .map_err(|_| StoreError::Unresponsive { limit })?
}

const STEP: &str = "looking for a pooler";

async fn run(connection: &mut PgConnection, sql: &'static str) -> Result<(), StoreError> {
    raw_sql(sql).execute(connection).await.step(STEP)?;
    Ok(())
}

/// The server's process id. Read without a prepared statement, which a pooler may not support.
async fn process(connection: &mut PgConnection) -> Result<i32, StoreError> {
    let row = raw_sql("select pg_backend_pid()")
        .fetch_one(connection)
        .await
        .step(STEP)?;
    row.try_get(0).step(STEP)
}
