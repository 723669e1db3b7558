//! What became of one object.

use aws_io::Rejection;
use boot::BoxError;

/// What became of an object's events. Together they are those received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Stored now.
    pub stored: u64,
    /// Stored, or rejected, before.
    pub duplicate: u64,
    /// Rejected now.
    pub rejected: u64,
}

/// Why an object could not be settled. An error that is to be tried again was logged by whoever made it one of these.
#[derive(Debug)]
pub enum Failure {
    /// It never will be.
    Reject(Rejection),
    /// Another attempt may do it.
    Retry(BoxError),
    /// Another attempt may do it. Something is away that all objects need, so the others are put off.
    Outage {
        /// What is away, such as `database`.
        what: &'static str,
        /// How that showed.
        error: BoxError,
    },
}
