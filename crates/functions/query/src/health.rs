//! Says whether a search could be answered now.

use std::time::Duration;

use axum::{Json, extract::State};
use event_store::StoreError;
use function_kit::ApiError;
use serde::Serialize;
use thiserror::Error;
use tokio::time::timeout;

use crate::Deps;

/// Whoever asks wants to know soon.
const PATIENCE: Duration = Duration::from_secs(2);
const RETRY_AFTER_SECONDS: u32 = 5;

#[derive(Debug, Serialize)]
pub(crate) struct Health {
    status: &'static str,
    /// The latest migration that was applied, as in its file's name.
    migration_version: i64,
}

#[derive(Debug, Error)]
enum Sick {
    #[error("the database did not answer within {} ms", PATIENCE.as_millis())]
    Silent,
    #[error("asking the database for its version")]
    Store(#[from] StoreError),
}

/// 200 with the migration version, 503 when the database cannot be reached or was never migrated.
pub(crate) async fn check(State(deps): State<Deps>) -> Result<Json<Health>, ApiError> {
    let migration_version = ask(&deps)
        .await
        .map_err(|sick| ApiError::unavailable(RETRY_AFTER_SECONDS, sick))?;
    Ok(Json(Health {
        status: "ok",
        migration_version,
    }))
}

async fn ask(deps: &Deps) -> Result<i64, Sick> {
    let version = timeout(PATIENCE, deps.store.migration_version())
        .await
        .map_err(|_| Sick::Silent)??;
    Ok(version)
}
