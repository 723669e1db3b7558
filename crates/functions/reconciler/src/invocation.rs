//! Invocations by the schedule.

use function_kit::BoxError;
use lambda_runtime::LambdaEvent;
use object_worker::{Shares, TimeBudget};
use serde::de::IgnoredAny;
use time::{Date, Duration};
use tokio::time::Instant;
use tracing::error;

use crate::{
    Deps, ReconcileError,
    reconcile::reconcile,
    record::{RecordError, Records},
};

/// A day in which something stays missing is looked at for this long, so that its alarm does not end by itself.
const OPEN_FOR: Duration = Duration::days(14);
/// The rest of the time is for sending and recording.
const SHARES: Shares = Shares {
    start: 0.5,
    work: 0.9,
};

/// Some days could not be reconciled.
#[derive(Debug, thiserror::Error)]
#[error("{failed:?} could not be reconciled; the log has the reasons")]
struct ReconciliationFailed {
    failed: Vec<String>,
}

/// Reconciles today, yesterday, and each earlier day that an earlier run did not find complete. The content of the schedule's event is
/// ignored.
///
/// # Errors
/// When a day could not be compared or recorded, or something not be sent, so that Lambda's error metric counts it and its alarm
/// fires. Everything else has been done by then.
pub async fn handle(deps: &Deps, event: LambdaEvent<IgnoredAny>) -> Result<(), BoxError> {
    let now = (deps.clock)();
    let available = event
        .context
        .deadline()
        .duration_since(now.into())
        .unwrap_or_default();
    let budget = TimeBudget::new(Instant::now(), available, SHARES);
    let mut failed = Vec::new();
    for day in days(deps, now.date()).await? {
        if let Err(error) = reconcile_until(deps, day, budget).await {
            error!(%day, error = %function_kit::chain(&error), "day not reconciled");
            failed.push(day.to_string());
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(ReconciliationFailed { failed }.into())
    }
}

async fn reconcile_until(deps: &Deps, day: Date, budget: TimeBudget) -> Result<(), ReconcileError> {
    if !budget.allows_start(Instant::now()) {
        return Err(ReconcileError::OutOfTime { day });
    }
    reconcile(deps, day, budget.work_until()).await
}

/// Newest first: what arrived lately is the most likely to be missing.
async fn days(deps: &Deps, today: Date) -> Result<Vec<Date>, RecordError> {
    let records = Records {
        s3: &deps.s3,
        bucket: &deps.config.bucket,
    };
    let mut days = records.days(today - OPEN_FOR).await?;
    days.extend([today, today - Duration::DAY]);
    days.retain(|day| *day <= today);
    days.sort_unstable();
    days.dedup();
    days.reverse();
    Ok(days)
}
