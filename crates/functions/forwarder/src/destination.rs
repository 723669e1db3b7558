//! Where events go, and what can be said about each of them there.
//!
//! A destination says how much it takes, sends a request, and puts the answer in the words of [`Answer`]. What follows
//! from an answer is the same for all of them and is decided elsewhere. A further destination is one more file here,
//! and one more arm where the configuration chooses.

mod http;
mod iterable;
mod iterable_answer;
mod post;
mod signature;

use std::{fmt, time::Duration};

use event_mapping::{Call, Operation, RejectReason, Rejection, iterable::User};
use futures::future::BoxFuture;

pub use self::{
    http::{BodyFormat, BodyFormatError, GenericHttp, HttpLimits},
    iterable::{Iterable, IterableRates},
    post::http_client,
    signature::{SigningSecret, SigningSecretError},
};

/// A place that takes events.
pub trait Destination: fmt::Debug + Send + Sync {
    /// How much one request may hold, and how often there may be one.
    fn limits(&self, operation: Operation) -> Limits;

    /// Sends one request with these calls, which are within [`Destination::limits`], in at most `time_limit`.
    ///
    /// Sending a call twice must be safe: a request whose answer was lost is sent again.
    fn send<'a>(
        &'a self,
        operation: Operation,
        calls: &'a [&'a Call],
        time_limit: Duration,
    ) -> BoxFuture<'a, Answer>;
}

/// What one request may hold, and how often there may be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most calls in a request.
    pub calls: usize,
    /// The largest body.
    pub body_bytes: usize,
    /// The shortest time from one request to the next.
    pub interval: Duration,
}

/// What a destination said to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It took the request. Calls that no failure names were taken, if the count of failures says so.
    Taken {
        /// What it named.
        failures: Vec<Failure>,
        /// How many calls it says it did not take.
        failed_count: usize,
    },
    /// It took nothing, because of these calls: their places in the request, with the reason.
    Blamed(Vec<(usize, Rejection)>),
    /// It took nothing, because of some call in it. For a request of one call this is the reason.
    Refused(FailureCause),
    /// It took nothing: the request is too large.
    TooLarge(String),
    /// It may or may not have taken something, and should be asked again later.
    Busy {
        /// When to ask again, if it said so.
        retry_after: Option<Duration>,
        /// What happened, without anything of the events.
        detail: String,
    },
    /// It takes nothing from us at all: a wrong key, a wrong address. Without anything of the events.
    Closed(String),
}

/// A call that was not taken, in the destination's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which calls are meant.
    pub address: Address,
    /// Why.
    pub cause: FailureCause,
}

/// How a destination names calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// By the place in the request.
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

/// Why a call was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureCause {
    /// The destination does not know the user. It may come to know them.
    UnknownUser,
    /// It will not take the call, now or later.
    Final(Rejection),
}

impl Address {
    /// Whether the call at this place is meant.
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

impl FailureCause {
    /// The rejection of a call that will never be taken.
    pub fn rejected(reason: RejectReason, detail: impl Into<String>) -> Self {
        Self::Final(reason.because(detail))
    }
}

impl Answer {
    /// Everything was taken.
    pub const ALL_TAKEN: Self = Self::Taken {
        failures: Vec::new(),
        failed_count: 0,
    };
}
