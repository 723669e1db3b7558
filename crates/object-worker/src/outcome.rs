//! The outcome of one object, as a function tells it to the worker.

use boot::BoxError;

/// What became of an object's events. The sum of the three is the number of events received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Stored now.
    pub stored: u64,
    /// Stored or rejected before.
    pub duplicate: u64,
    /// Rejected now.
    pub rejected: u64,
}

/// Why an item can never be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// A short fixed code to count and search by, such as `not_gzip`.
    pub reason: &'static str,
    /// The details, for a person. Contains nothing of the item itself.
    pub detail: String,
}

/// Why an object was not stored. Whoever returns `Retry` or `Unavailable` has logged the error.
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
