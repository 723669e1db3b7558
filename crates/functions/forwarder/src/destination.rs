//! The destinations of events.
//!
//! A destination states its limits, sends a request, and translates the response to a [`Response`]. The steps after a
//! response are the same for all destinations and are decided elsewhere. Another destination is one more file here, and
//! one more arm where the configuration chooses.

mod http;
mod iterable;
mod iterable_response;
mod post;
mod signature;

use std::{fmt, time::Duration};

use event_mapping::{Call, FailureCause, Operation, Rejection, iterable::User};
use futures::future::BoxFuture;

pub use self::{
    http::{BodyFormat, BodyFormatError, GenericHttp, HttpLimits},
    iterable::{Iterable, IterableRates},
    post::http_client,
    signature::{SigningSecret, SigningSecretError},
};

/// A service that receives events.
pub trait Destination: fmt::Debug + Send + Sync {
    /// The limits of requests for this operation.
    fn limits(&self, operation: Operation) -> Limits;

    /// Sends one request with these calls, which are within [`Destination::limits`], in at most `time_limit`.
    ///
    /// Sending a call twice must be safe: a request whose response was lost is repeated.
    fn send<'a>(
        &'a self,
        operation: Operation,
        calls: &'a [&'a Call],
        time_limit: Duration,
    ) -> BoxFuture<'a, Response>;
}

/// The limits of one request, and of the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most calls in a request.
    pub calls: usize,
    /// The largest body.
    pub body_bytes: usize,
    /// The shortest time from one request to the next.
    pub interval: Duration,
}

/// A destination's response to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// It accepted the request. Calls that no failure names were accepted, if the count of failures agrees.
    Accepted {
        /// The failures that it named.
        failures: Vec<Failure>,
        /// How many calls it did not accept, by its own count.
        failed_count: usize,
    },
    /// It accepted nothing, because of these items: their indices in the request, with the reason.
    InvalidItems(Vec<(usize, Rejection)>),
    /// It accepted nothing, because of some call in it. For a request with one call this is the reason.
    Refused(FailureCause),
    /// It accepted nothing: the request is too large.
    TooLarge(String),
    /// It may or may not have accepted something, and the request should be repeated later.
    Transient {
        /// When to repeat the request, if the destination said so.
        retry_after: Option<Duration>,
        /// The error, without any content of the events.
        detail: String,
    },
    /// It accepts no requests: a wrong key, a wrong URL. Without any content of the events.
    Misconfigured(String),
}

/// A call that was not accepted, in the destination's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The affected calls.
    pub address: Address,
    /// The reason.
    pub cause: FailureCause,
}

/// How a destination identifies calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// By the index in the request.
    Index(usize),
    /// By the id.
    Id(String),
    /// By the user: some or all of that user's calls.
    User {
        /// Whether `name` is an address or a user id.
        by_email: bool,
        /// The user.
        name: String,
    },
    /// By the name of the event.
    EventName(String),
}

impl Address {
    /// Whether the call at this index is affected.
    pub fn names(&self, index: usize, call: &Call) -> bool {
        match self {
            Self::Index(other) => *other == index,
            Self::Id(id) => call.id == *id,
            Self::EventName(name) => call.event_name == *name,
            // Addresses are compared without case: a destination may have normalised them.
            Self::User {
                by_email: true,
                name,
            } => {
                matches!(&call.user, User::Email(email) if email.eq_ignore_ascii_case(name))
            }
            Self::User {
                by_email: false,
                name,
            } => {
                matches!(&call.user, User::UserId(user_id) if user_id == name)
            }
        }
    }
}

impl Response {
    /// Every call was accepted.
    pub const ALL_ACCEPTED: Self = Self::Accepted {
        failures: Vec::new(),
        failed_count: 0,
    };
}
