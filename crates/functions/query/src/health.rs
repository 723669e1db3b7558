//! Reports whether a search would succeed now.

use std::time::Duration;

use axum::{Json, extract::State};
use event_store::StoreError;
use function_kit::ApiError;
use serde::Serialize;
use thiserror::Error;
use tokio::time::timeout;

use crate::Deps;

/// Health checks expect a quick response.
const TIMEOUT: Duration = Duration::from_secs(2);
const RETRY_AFTER_SECONDS: u32 = 5;

#[derive(Debug, Serialize)]
pub(crate) struct Health {
    status: &'static str,
    /// The latest migration that was applied, as in its file's name.
    migration_version: i64,
}

#[derive(Debug, Error)]
enum HealthError {
    #[error("the database did not answer within {} ms", TIMEOUT.as_millis())]
    Timeout,
    #[error("reading the migration version")]
    Store(#[from] StoreError),
}

/// 200 with the migration version, 503 when the database cannot be reached or was never migrated.
pub(crate) async fn check(State(deps): State<Deps>) -> Result<Json<Health>, ApiError> {
    let migration_version = ask(&deps)
        .await
        .map_err(|error| ApiError::unavailable(RETRY_AFTER_SECONDS, error))?;
    Ok(Json(Health {
        status: "ok",
        migration_version,
    }))
}

async fn ask(deps: &Deps) -> Result<i64, HealthError> {
    let version = timeout(TIMEOUT, deps.store.migration_version())
        .await
        .map_err(|_| HealthError::Timeout)??;
    Ok(version)
}
