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
    config::{Database, Turn},
    request::{MasterLogin, Request},
};

/// What is kept of the invocation's time for telling how it went.
const ANSWER_RESERVE: Duration = Duration::from_secs(30);
/// What is kept of the time to work for ending a merge's last step in good order.
const MERGE_RESERVE: Duration = Duration::from_secs(10);
/// How long finding out what is left to do may take, of that.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

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
    Answer(#[from] ResponseError),
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
            within(limit, maintain(database, deps.clock, Turn::Night)).await?;
            // Not on a deploy: what is merged can wait, and a deploy should not.
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

/// Migrates, and does as much of the maintenance as there is time for.
///
/// An index on a new metadata key may take longer than a function can run. To fail for it would roll the deploy back, and
/// the next one would start again: no deploy would ever get there. With the migrations and the partitions of the coming
/// weeks there, loads and searches work, and the nights build what is left, a week after the other.
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
    match within(left, maintain(database, deps.clock, Turn::Deploy)).await {
        Err(
            HandleError::OutOfTime { .. } | HandleError::Store(StoreError::MaintenanceBusy { .. }),
        ) => {
            tell_unfinished(database).await;
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

/// Without indexes, which is done in a moment.
async fn make_partitions(
    database: &Database,
    clock: fn() -> OffsetDateTime,
) -> Result<(), HandleError> {
    let mut wanted = database.maintenance(clock(), Turn::Deploy);
    wanted.metadata_keys.clear();
    match database.store.maintain(&wanted).await {
        Ok(report) => {
            log(&report);
            Ok(())
        }
        // Another maintenance makes them, before anything else.
        Err(StoreError::MaintenanceBusy { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn maintain(
    database: &Database,
    clock: fn() -> OffsetDateTime,
    turn: Turn,
) -> Result<(), HandleError> {
    let wanted = database.maintenance(clock(), turn);
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

/// Says what the nights have to finish.
async fn tell_unfinished(database: &Database) {
    let keys = database.store.unfinished_keys(database.metadata_keys());
    let unfinished = match timeout(LOOK_LIMIT, keys).await {
        Ok(Ok(keys)) => keys.join(","),
        // It was a look only, and the deploy is done.
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
