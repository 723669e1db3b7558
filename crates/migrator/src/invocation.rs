//! One invocation.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use boot::chain;
use event_store::{MergeReport, Report, StoreError};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout};
use tracing::{error, info, warn};

use crate::{
    AnswerError, ConfigError, Deps, answer,
    config::Database,
    request::{Request, RequestType, StackRequest},
};

/// What is kept of the invocation's time for telling how it went.
const ANSWER_RESERVE: Duration = Duration::from_secs(30);
/// What is kept of the time to work for ending a merge's last step in good order.
const MERGE_RESERVE: Duration = Duration::from_secs(10);

/// Why an invocation failed. Lambda tries it again.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// The event is a request of CloudFormation that cannot be answered.
    #[error("reading CloudFormation's request")]
    Request(#[source] serde_json::Error),
    /// The function's settings are of no use.
    #[error(transparent)]
    Config(#[from] Arc<ConfigError>),
    /// The database is not as it should be.
    #[error("maintaining the database")]
    Store(#[from] StoreError),
    /// CloudFormation does not know how it went.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// It would not have been over in time.
    #[error("the database was not ready after {} s; the next run goes on from there", limit.as_secs())]
    OutOfTime {
        /// How long there was.
        limit: Duration,
    },
}

impl From<HandleError> for Diagnostic {
    fn from(error: HandleError) -> Self {
        let error_type = match error {
            HandleError::Request(_) => "InvalidRequest",
            HandleError::Config(_) => "InvalidConfig",
            HandleError::Store(_) | HandleError::OutOfTime { .. } => "DatabaseNotReady",
            HandleError::Answer(_) => "AnswerNotDelivered",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: chain(&error).to_string(),
        }
    }
}

/// Does what an event asks for. A request of CloudFormation is answered whatever happens, and then counts as handled.
pub async fn handle(deps: &Deps, event: LambdaEvent<Value>) -> Result<(), HandleError> {
    let result = perform(deps, event).await;
    if let Err(error) = &result {
        error!(error = %chain(error), "invocation failed");
    }
    result
}

async fn perform(deps: &Deps, event: LambdaEvent<Value>) -> Result<(), HandleError> {
    let request = Request::decode(&event.payload).map_err(HandleError::Request)?;
    let limit = time_to_work(event.context.deadline(), (deps.clock)().into());
    match request {
        Request::Maintenance => {
            let database = deps.database.as_ref().map_err(Arc::clone)?;
            let deadline = Instant::now() + limit;
            within(limit, maintain(database, deps.clock)).await?;
            // Not on a deploy: what is merged can wait, and a deploy should not.
            let left = deadline.saturating_duration_since(Instant::now());
            within(left, merge(database, deps.clock, left)).await
        }
        Request::Stack(request) => answer_stack(deps, &request, limit).await,
    }
}

async fn answer_stack(
    deps: &Deps,
    request: &StackRequest,
    limit: Duration,
) -> Result<(), HandleError> {
    let outcome = match request.request_type {
        RequestType::Create | RequestType::Update => within(limit, migrate(deps, request)).await,
        // The data outlives the stack.
        RequestType::Delete => Ok(()),
    };
    let reason = outcome.err().map(|error| chain(&error).to_string());
    if let Some(reason) = &reason {
        error!(error = reason, "database not migrated");
    }
    answer::send(&deps.http, request, reason.as_deref()).await?;
    Ok(())
}

async fn migrate(deps: &Deps, request: &StackRequest) -> Result<(), HandleError> {
    let database = deps.database.as_ref().map_err(Arc::clone)?;
    if let Some(master) = &request.master_login {
        database.store_as(master.to_login())?.make_roles().await?;
        info!("roles made");
    }
    database.store.migrate().await?;
    let version = database.store.migration_version().await?;
    info!(version, "database migrated");
    maintain(database, deps.clock).await
}

async fn maintain(database: &Database, clock: fn() -> OffsetDateTime) -> Result<(), HandleError> {
    let wanted = database.maintenance(clock());
    log(&database.store.maintain(&wanted).await?);
    Ok(())
}

/// Merges what is old enough, for as long as there is time.
async fn merge(
    database: &Database,
    clock: fn() -> OffsetDateTime,
    limit: Duration,
) -> Result<(), HandleError> {
    let wanted = database.merging(clock(), limit.saturating_sub(MERGE_RESERVE));
    let MergeReport { merged, unfinished } = database.store.merge_partitions(&wanted).await?;
    if let Some(partition) = merged.or(unfinished.clone()) {
        let is_finished = unfinished.is_none();
        info!(partition, is_finished, "old partitions merged");
    }
    Ok(())
}

fn log(report: &Report) {
    info!(
        partitions_created = report.partitions_created,
        partitions_dropped = report.partitions_dropped.len(),
        indexes_created = report.indexes_created.len(),
        indexes_dropped = report.indexes_dropped.len(),
        batches_deleted = report.batches_deleted,
        rejected_deleted = report.rejected_deleted,
        "database maintained"
    );
    for name in &report.postponed {
        warn!(name, "in use by others, left for the next maintenance");
    }
}

async fn within(
    limit: Duration,
    work: impl Future<Output = Result<(), HandleError>>,
) -> Result<(), HandleError> {
    timeout(limit, work)
        .await
        .unwrap_or(Err(HandleError::OutOfTime { limit }))
}

fn time_to_work(deadline: SystemTime, now: SystemTime) -> Duration {
    let left = deadline.duration_since(now).unwrap_or(Duration::ZERO);
    left.saturating_sub(ANSWER_RESERVE)
}
