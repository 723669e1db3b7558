//! One day: compared, sent again, recorded, counted.

use std::collections::BTreeSet;

use audit::{ApiStore, Audit, AuditError, Report, Side};
use aws_io::{
    notification,
    queue::{self, QueueError},
    s3::ObjectRef,
};
use event_model::Pipeline;
use function_kit::metrics::{Metric, Tally};
use lake_schema::Table;
use serde_json::{Map, json};
use time::Date;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use crate::{
    Deps,
    api::{ApiError, StackApi},
    decision::{Decision, MAX_SENT, is_settled},
    record::{Record, RecordError, Records, Sent},
};

/// Why a day could not be reconciled.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The database cannot be asked.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A side could not be read to its end.
    #[error(transparent)]
    Audit(#[from] AuditError<ApiError>),
    /// The recipes of senders cannot be read.
    #[error(transparent)]
    Senders(#[from] sender_recipes::ListError),
    /// The record cannot be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Some notifications were not sent; the next run sends them.
    #[error("{count} notifications were not sent")]
    Send {
        /// How many.
        count: usize,
        /// The call that failed; none if the time was over.
        source: Option<QueueError>,
    },
    /// The run has no time left.
    #[error("no time is left for {day}")]
    OutOfTime {
        /// The day that was not compared to its end.
        day: Date,
    },
}

/// Compares a day and sends what is missing. A day that an earlier run found complete is left alone.
pub(crate) async fn reconcile(
    deps: &Deps,
    day: Date,
    deadline: Instant,
) -> Result<(), ReconcileError> {
    let records = Records {
        s3: &deps.s3,
        bucket: &deps.config.bucket,
    };
    let (earlier, version) = records.read(day).await?;
    if earlier.is_settled {
        return Ok(());
    }
    let report = timeout_at(deadline, compare(deps, day))
        .await
        .map_err(|_| ReconcileError::OutOfTime { day })??;
    let (now, wait) = ((deps.clock)(), deps.config.wait);
    let decision = Decision::of(&report, &earlier.sent, now, wait, MAX_SENT);

    let (sent, failure) = send(deps, &decision.to_send, deadline).await;
    let sent_count = sent.len();
    let mut all_sent = earlier.sent;
    all_sent.extend(sent.into_iter().map(|(side, object)| Sent {
        side,
        object,
        at: now,
    }));
    let settled = is_settled(&report, day, now, wait);
    let record = Record::new(&report, &decision.unreconciled, all_sent, settled, now);
    records.write(day, &record, &version).await?;
    count(deps, &report, &decision);

    let unreconciled_count: u64 = decision.unreconciled.values().sum();
    info!(
        day = report.day,
        finding_count = report.findings.len(),
        sent_count,
        unreconciled_count,
        settled,
        "day reconciled"
    );
    if unreconciled_count > 0 {
        warn!(
            day = report.day,
            unreconciled_count,
            "items of this day are still missing; run `cistern audit` to list them"
        );
    }
    failure.map_or(Ok(()), Err)
}

async fn compare(deps: &Deps, day: Date) -> Result<Report, ReconcileError> {
    let (senders, _) = sender_recipes::read(&deps.s3, &deps.config.bucket).await?;
    let audit = Audit {
        senders: &senders,
        s3: &deps.s3,
        bucket: &deps.config.bucket,
        day,
        now: (deps.clock)(),
        settle: deps.config.wait,
        lake_first_day: deps.config.lake_first_day,
    };
    // A pipeline that is switched off has no queue.
    let store = match &deps.config.load_queue_url {
        Some(_) => Some(ApiStore(StackApi::open(deps).await?)),
        None => None,
    };
    let tables: &[Table] = match &deps.config.archive_queue_url {
        Some(_) => &Table::all(),
        None => &[],
    };
    Ok(audit.run(tables, store.as_ref()).await?)
}

/// Returns what was sent, and why the rest was not.
async fn send(
    deps: &Deps,
    objects: &BTreeSet<(Side, String)>,
    deadline: Instant,
) -> (Vec<(Side, String)>, Option<ReconcileError>) {
    let mut sent = Vec::new();
    for (side, key) in objects {
        let url = match side {
            Side::Postgres => deps.config.load_queue_url.as_deref(),
            Side::Lake => deps.config.archive_queue_url.as_deref(),
        };
        // A side without a queue was not compared.
        let Some(url) = url else { continue };
        let body = notification::encode(&ObjectRef {
            bucket: deps.config.bucket.clone(),
            key: key.clone(),
        });
        let sending = timeout_at(deadline, queue::send(&deps.sqs, url, &body)).await;
        let source = match sending {
            Ok(Ok(())) => {
                sent.push((*side, key.clone()));
                continue;
            }
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        let count = objects.len() - sent.len();
        return (sent, Some(ReconcileError::Send { count, source }));
    }
    (sent, None)
}

/// One line for each pipeline. The difference is a metric; the sums it follows from are fields beside it, which a log search finds
/// and which cost no time series.
fn count(deps: &Deps, report: &Report, decision: &Decision) {
    for (name, unreconciled) in &decision.unreconciled {
        let Some(pipeline) = Pipeline::of_table(name) else {
            continue;
        };
        let mut tally = Tally::default();
        tally.add(Metric::Unreconciled, *unreconciled);
        let sums: Vec<_> = report
            .sums
            .iter()
            .filter(|sums| sums.pipeline == *name)
            .collect();
        let mut fields = Map::new();
        fields.insert("day".to_owned(), json!(report.day));
        fields.insert("sums".to_owned(), json!(sums));
        let now = (deps.clock)().into();
        deps.metrics.of(pipeline).emit_with(&tally, fields, now);
    }
}
