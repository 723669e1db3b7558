//! One invocation.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use custom_resource::RequestType;
use event_store::{MergeReport, Report, StoreError};
use function_kit::chain;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout};
use tracing::{error, info, warn};

use crate::{
    ConfigError, Deps, ResponseError,
    config::{Database, Occasion},
    request::{MasterLogin, Request},
};

/// The part of the invocation's time that is reserved for reporting the result.
const ANSWER_RESERVE: Duration = Duration::from_secs(30);
/// The part of the working time that is reserved for completing a merge's last step.
const MERGE_RESERVE: Duration = Duration::from_secs(10);
/// The time limit for listing unfinished work, within that.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// Why an invocation failed. Lambda retries it.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// The event is a request of CloudFormation without a member that a response needs.
    #[error("reading CloudFormation's request")]
    Request(#[source] serde_json::Error),
    /// The function's settings are unusable.
    #[error(transparent)]
    Config(#[from] Arc<ConfigError>),
    /// The database does not have the desired state.
    #[error("maintaining the database")]
    Store(#[from] StoreError),
    /// The response to CloudFormation was not delivered.
    #[error(transparent)]
    Answer(#[from] ResponseError),
    /// It would not have ended in time.
    #[error("the database was not ready after {} s; the next run goes on from there", limit.as_secs())]
    OutOfTime {
        /// The available time.
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

/// Handles one event. A request of CloudFormation is always answered, and then counts as handled.
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
            within(limit, maintain(database, deps.clock, Occasion::Nightly)).await?;
            // Not during a deployment, which should not wait for it.
            let left = deadline.saturating_duration_since(Instant::now());
            within(left, merge(database, deps.clock, left)).await
        }
        Request::Stack {
            request,
            master_login,
        } => answer_stack(deps, &request, master_login.as_ref(), limit).await,
    }
}

async fn answer_stack(
    deps: &Deps,
    request: &custom_resource::Request,
    master_login: Option<&MasterLogin>,
    limit: Duration,
) -> Result<(), HandleError> {
    let outcome = match request.request_type {
        RequestType::Create | RequestType::Update => deploy(deps, master_login, limit).await,
        // The data outlives the stack.
        RequestType::Delete => Ok(()),
    };
    let reason = outcome.err().map(|error| chain(&error).to_string());
    if let Some(reason) = &reason {
        error!(error = reason, "database not migrated");
    }
    deps.responder.send(request, reason.as_deref()).await?;
    Ok(())
}

/// Migrates, and does as much of the maintenance as the time allows.
///
/// An index on a new metadata key may take longer than a function can run. Failing for that would roll the deployment
/// back, and the next one would start again: no deployment would ever succeed. With the migrations and the partitions
/// of the coming weeks, loads and searches work, and the nightly runs build the remaining indexes, one partition after
/// another.
async fn deploy(
    deps: &Deps,
    master_login: Option<&MasterLogin>,
    limit: Duration,
) -> Result<(), HandleError> {
    let until = Instant::now() + limit;
    let database = deps.database.as_ref().map_err(Arc::clone)?;
    within(limit, migrate(database, master_login)).await?;
    within(limit, make_partitions(database, deps.clock)).await?;

    let left = until.saturating_duration_since(Instant::now());
    match within(left, maintain(database, deps.clock, Occasion::Deploy)).await {
        Err(
            HandleError::OutOfTime { .. } | HandleError::Store(StoreError::MaintenanceBusy { .. }),
        ) => {
            log_unfinished(database).await;
            Ok(())
        }
        result => result,
    }
}

async fn migrate(
    database: &Database,
    master_login: Option<&MasterLogin>,
) -> Result<(), HandleError> {
    if let Some(master) = master_login {
        database.store_as(master.to_login())?.make_roles().await?;
        info!("roles made");
    }
    database.store.migrate().await?;
    let version = database.store.migration_version().await?;
    info!(version, "database migrated");
    Ok(())
}

/// Without indexes, which takes a moment.
async fn make_partitions(
    database: &Database,
    clock: fn() -> OffsetDateTime,
) -> Result<(), HandleError> {
    let mut wanted = database.maintenance(clock(), Occasion::Deploy);
    wanted.metadata_keys.clear();
    match database.store.maintain(&wanted).await {
        Ok(report) => {
            log(&report);
            Ok(())
        }
        // Another maintenance creates them, before anything else.
        Err(StoreError::MaintenanceBusy { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn maintain(
    database: &Database,
    clock: fn() -> OffsetDateTime,
    occasion: Occasion,
) -> Result<(), HandleError> {
    let wanted = database.maintenance(clock(), occasion);
    log(&database.store.maintain(&wanted).await?);
    Ok(())
}

/// Merges old partitions for as long as the time allows.
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

/// Logs what the nightly runs have to finish.
async fn log_unfinished(database: &Database) {
    let keys = database.store.unfinished_keys(database.metadata_keys());
    let unfinished = match timeout(LOOK_LIMIT, keys).await {
        Ok(Ok(keys)) => keys.join(","),
        // Only informational: the deployment has succeeded.
        Ok(Err(_)) | Err(_) => "unknown".to_owned(),
    };
    warn!(
        metadata_keys = unfinished,
        "maintenance is postponed to the night: searches by these metadata keys are slow until then"
    );
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
