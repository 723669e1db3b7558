//! Metrics as log lines in `CloudWatch`'s embedded metric format, without a client or a network call.
//!
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//! An invocation collects its metrics in a [`Tally`] and prints them once, as one line.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use event_model::Pipeline;
use serde_json::{Map, Value, json};

/// The default namespace. A stack sets its own, `Cistern/<stack>`: with one namespace for an account, an alarm of one stack would fire
/// because of another.
pub const NAMESPACE: &str = "Cistern";

/// The only dimension, so that a metric costs one time series per pipeline.
const DIMENSION: &str = "pipeline";

/// The metrics. These sums hold: in Postgres `received = stored + duplicate + rejected + erased`, in the lake the same of the five `lake_`
/// metrics, for forwarded events `received = sent + skipped + rejected`, and at the webhooks
/// `batches_received = batches_stored + batches_duplicate + batches_refused`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Events that were loaded into Postgres, or forwarded.
    Received,
    /// Events that became a new row in Postgres.
    Stored,
    /// Events that were stored before.
    Duplicate,
    /// Events that can never be used; each is kept with a reason.
    Rejected,
    /// Events of erased people, which are left out.
    Erased,
    /// Events in raw objects that were converted for the lake.
    LakeReceived,
    /// Events that became a new row in the lake.
    LakeStored,
    /// Events whose raw object was converted before.
    LakeDuplicate,
    /// Pieces of raw objects that can never become a row; each is kept with a reason.
    LakeRejected,
    /// Events of erased people, which do not become rows in the lake.
    LakeErased,
    /// Files of the lake that can never be merged as a whole; each is kept with a reason.
    LakeFilesRejected,
    /// Queue messages that stay in the queue for another attempt.
    Retried,
    /// Batches posted to a webhook.
    BatchesReceived,
    /// Batches written to the archive now.
    BatchesStored,
    /// Batches written to the archive before.
    BatchesDuplicate,
    /// Batches refused with an error, so that their sender keeps them.
    BatchesRefused,
    /// Events that were accepted unchanged although they look like an envelope of several events.
    EnvelopesKept,
    /// Bytes of the bodies posted to a webhook, as received.
    ReceivedBytes,
    /// Objects and messages that can never be used as a whole.
    ObjectsRejected,
    /// Events that a destination accepted.
    Sent,
    /// Events that the mapping leaves out on purpose.
    Skipped,
    /// Events that were over a day old when a destination accepted them.
    Late,
    /// Queue messages written to the archive; one that is received again is written again.
    MessagesArchived,
    /// Runs that ended because the destination refused the key.
    DestinationRefused,
    /// Runs that ended because the destination was unavailable.
    DestinationUnavailable,
    /// Runs that ended before the queue was empty.
    RunsUnfinished,
    /// Items and objects of a day that are on one side only, although they were sent again.
    Unreconciled,
    /// Deliveries of a sender of emails whose proof was missing or wrong.
    Unverified,
}

impl Metric {
    const ALL: [Self; 28] = [
        Self::Received,
        Self::Stored,
        Self::Duplicate,
        Self::Rejected,
        Self::Erased,
        Self::LakeReceived,
        Self::LakeStored,
        Self::LakeDuplicate,
        Self::LakeRejected,
        Self::LakeErased,
        Self::LakeFilesRejected,
        Self::Retried,
        Self::BatchesReceived,
        Self::BatchesStored,
        Self::BatchesDuplicate,
        Self::BatchesRefused,
        Self::EnvelopesKept,
        Self::ReceivedBytes,
        Self::ObjectsRejected,
        Self::Sent,
        Self::Skipped,
        Self::Late,
        Self::MessagesArchived,
        Self::DestinationRefused,
        Self::DestinationUnavailable,
        Self::RunsUnfinished,
        Self::Unreconciled,
        Self::Unverified,
    ];

    /// The name in `CloudWatch`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Rejected => "rejected",
            Self::Erased => "erased",
            Self::LakeReceived => "lake_received",
            Self::LakeStored => "lake_stored",
            Self::LakeDuplicate => "lake_duplicate",
            Self::LakeRejected => "lake_rejected",
            Self::LakeErased => "lake_erased",
            Self::LakeFilesRejected => "lake_files_rejected",
            Self::Retried => "retried",
            Self::BatchesReceived => "batches_received",
            Self::BatchesStored => "batches_stored",
            Self::BatchesDuplicate => "batches_duplicate",
            Self::BatchesRefused => "batches_refused",
            Self::EnvelopesKept => "envelopes_kept",
            Self::ReceivedBytes => "received_bytes",
            Self::ObjectsRejected => "objects_rejected",
            Self::Sent => "sent",
            Self::Skipped => "skipped",
            Self::Late => "late",
            Self::MessagesArchived => "messages_archived",
            Self::DestinationRefused => "destination_refused",
            Self::DestinationUnavailable => "destination_unavailable",
            Self::RunsUnfinished => "runs_unfinished",
            Self::Unreconciled => "unreconciled",
            Self::Unverified => "unverified",
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::ReceivedBytes => "Bytes",
            Self::Received
            | Self::Stored
            | Self::Duplicate
            | Self::Rejected
            | Self::Erased
            | Self::LakeReceived
            | Self::LakeStored
            | Self::LakeDuplicate
            | Self::LakeRejected
            | Self::LakeErased
            | Self::LakeFilesRejected
            | Self::Retried
            | Self::BatchesReceived
            | Self::BatchesStored
            | Self::BatchesDuplicate
            | Self::BatchesRefused
            | Self::EnvelopesKept
            | Self::ObjectsRejected
            | Self::Sent
            | Self::Skipped
            | Self::Late
            | Self::MessagesArchived
            | Self::DestinationRefused
            | Self::DestinationUnavailable
            | Self::RunsUnfinished
            | Self::Unreconciled
            | Self::Unverified => "Count",
        }
    }
}

/// The metrics of one invocation. A metric is printed if anything was added to it, even 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally([Option<u64>; Metric::ALL.len()]);

impl Tally {
    /// Adds to one metric.
    pub fn add(&mut self, metric: Metric, count: u64) {
        if let Some(slot) = self.0.get_mut(metric as usize) {
            *slot = Some(slot.unwrap_or(0).saturating_add(count));
        }
    }

    /// The current value; 0 for a metric to which nothing was added.
    pub fn get(&self, metric: Metric) -> u64 {
        self.0.get(metric as usize).copied().flatten().unwrap_or(0)
    }

    fn entries(&self) -> impl Iterator<Item = (Metric, u64)> {
        Metric::ALL
            .into_iter()
            .zip(self.0)
            .filter_map(|(metric, count)| Some((metric, count?)))
    }
}

/// Prints tallies of one pipeline. Cheap to clone; clones share the output.
#[derive(Clone)]
pub struct Metrics {
    pipeline: Pipeline,
    namespace: Arc<str>,
    out: Arc<Mutex<dyn Write + Send>>,
}

impl Metrics {
    /// Prints to standard output, from which Lambda collects the lines; in [`NAMESPACE`] if no namespace is given.
    pub fn stdout(pipeline: Pipeline, namespace: Option<&str>) -> Self {
        Self {
            namespace: namespace.unwrap_or(NAMESPACE).into(),
            ..Self::to(pipeline, io::stdout())
        }
    }

    /// Prints to `out`, in the namespace [`NAMESPACE`].
    pub fn to(pipeline: Pipeline, out: impl Write + Send + 'static) -> Self {
        Self {
            pipeline,
            namespace: NAMESPACE.into(),
            out: Arc::new(Mutex::new(out)),
        }
    }

    /// The pipeline whose metrics are printed.
    pub fn pipeline(&self) -> Pipeline {
        self.pipeline
    }

    /// The same for another pipeline.
    #[must_use]
    pub fn of(&self, pipeline: Pipeline) -> Self {
        Self {
            pipeline,
            ..self.clone()
        }
    }

    /// Prints one line with the metrics of an invocation that ended at `now`; nothing if there are none.
    ///
    /// Ignores errors: an event is not processed differently because its metrics could not be printed.
    pub fn emit(&self, tally: &Tally, now: SystemTime) {
        self.emit_with(tally, Map::new(), now);
    }

    /// As [`Metrics::emit`], with details that are not metrics, such as counts by reason. A log search finds them, and they cost no time
    /// series.
    pub fn emit_with(&self, tally: &Tally, particulars: Map<String, Value>, now: SystemTime) {
        let Some(mut document) = self.document(tally, now) else {
            return;
        };
        for (name, value) in particulars {
            document.entry(name).or_insert(value);
        }
        let document = Value::Object(document);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // One write, so that no log line can be interleaved.
        let _ = out
            .write_all(format!("{document}\n").as_bytes())
            .and_then(|()| out.flush());
    }

    fn document(&self, tally: &Tally, now: SystemTime) -> Option<Map<String, Value>> {
        let definitions: Vec<Value> = tally
            .entries()
            .map(|(metric, _)| json!({ "Name": metric.name(), "Unit": metric.unit() }))
            .collect();
        if definitions.is_empty() {
            return None;
        }
        let since_epoch = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let mut document = Map::new();
        document.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
                "CloudWatchMetrics": [{ "Namespace": &*self.namespace, "Dimensions": [[DIMENSION]], "Metrics": definitions }],
            }),
        );
        document.insert(DIMENSION.to_owned(), self.pipeline.name().into());
        document.extend(
            tally
                .entries()
                .map(|(metric, count)| (metric.name().to_owned(), count.into())),
        );
        Some(document)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("pipeline", &self.pipeline)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
