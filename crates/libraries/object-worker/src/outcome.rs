//! The outcome of one object, as a function reports it to the worker.

use function_kit::{BoxError, metrics::Metric};

/// The metrics by which a function counts events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventMetrics {
    /// All events of the objects.
    pub received: Metric,
    /// [`Counts::stored`](event_model::Counts::stored).
    pub stored: Metric,
    /// [`Counts::duplicate`](event_model::Counts::duplicate).
    pub duplicate: Metric,
    /// [`Counts::rejected`](event_model::Counts::rejected).
    pub rejected: Metric,
    /// [`Counts::erased`](event_model::Counts::erased).
    pub erased: Metric,
}

impl EventMetrics {
    /// Of events in Postgres.
    pub const POSTGRES: Self = Self {
        received: Metric::Received,
        stored: Metric::Stored,
        duplicate: Metric::Duplicate,
        rejected: Metric::Rejected,
        erased: Metric::Erased,
    };
    /// Of events in the lake.
    pub const LAKE: Self = Self {
        received: Metric::LakeReceived,
        stored: Metric::LakeStored,
        duplicate: Metric::LakeDuplicate,
        rejected: Metric::LakeRejected,
        erased: Metric::LakeErased,
    };
}

/// Why an item can never be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// A short fixed code to count and search by, such as `not_gzip`.
    pub reason: &'static str,
    /// The explanation. Contains nothing of the item itself.
    pub detail: String,
}

/// Why an object was not stored. The function that returns `Retry` or `Unavailable` has logged the error.
#[derive(Debug)]
pub enum Failure {
    /// No attempt can succeed.
    Reject(Rejection),
    /// Another attempt may succeed.
    Retry(BoxError),
    /// Something that every object needs is unavailable, so the other objects of this invocation are deferred.
    Unavailable {
        /// What is unavailable, such as `database`.
        what: &'static str,
        /// The error that showed it.
        error: BoxError,
    },
}
