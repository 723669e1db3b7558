//! The outcomes of an event, and of its call.

use std::fmt;

use super::Call;
use event_model::mparticle::Refusal;

/// The outcome of an event.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is sent to the destination.
    Send(Call),
    /// It is left out on purpose.
    Skip(SkipReason),
    /// It cannot be used. The text is the event as sent, for the file of rejected events.
    Reject(Rejection, String),
}

/// Why an event is not sent.
#[derive(Clone, Debug)]
pub enum NotSent {
    /// It is left out on purpose.
    Skip(SkipReason),
    /// It cannot be used.
    Reject(Rejection),
}

/// Why a destination did not accept a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureCause {
    /// The destination does not know the user, who may be created later.
    UnknownUser,
    /// The destination will never accept the call.
    Rejected(Rejection),
}

impl FailureCause {
    /// The rejection of a call that will never be accepted.
    pub fn rejected(reason: RejectReason, detail: impl Into<String>) -> Self {
        Self::Rejected(reason.because(detail))
    }
}

impl From<SkipReason> for NotSent {
    fn from(reason: SkipReason) -> Self {
        Self::Skip(reason)
    }
}

impl From<Rejection> for NotSent {
    fn from(rejection: Rejection) -> Self {
        Self::Reject(rejection)
    }
}

/// Why an event is left out on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// The configuration excludes events of its type.
    TypeOff,
    /// The destination has no counterpart for events of its type.
    TypeNotMapped,
    /// Its type is unknown.
    UnknownType,
    /// The configuration excludes events of its name.
    NameOff,
    /// Its environment is not forwarded.
    Environment,
    /// Its user did not consent to the purpose that the configuration requires.
    NoConsent,
    /// Its user has no name that the destination accepts.
    NoIdentity,
    /// A screen was left; the view of the next one is sent.
    ActivityStopped,
    /// It is a request to treat two users as one.
    AliasRequest,
    /// The same event, by id and content, was sent in the same request.
    Duplicate,
    /// The destination does not know its user, and the policy is to leave such events out.
    UnknownUser,
    /// It is an event of an erased person.
    Erased,
}

impl SkipReason {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::TypeOff,
        Self::TypeNotMapped,
        Self::UnknownType,
        Self::NameOff,
        Self::Environment,
        Self::NoConsent,
        Self::NoIdentity,
        Self::ActivityStopped,
        Self::AliasRequest,
        Self::Duplicate,
        Self::UnknownUser,
        Self::Erased,
    ];

    /// A short fixed name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TypeOff => "type_off",
            Self::TypeNotMapped => "type_not_mapped",
            Self::UnknownType => "unknown_type",
            Self::NameOff => "name_off",
            Self::Environment => "environment",
            Self::NoConsent => "no_consent",
            Self::NoIdentity => "no_identity",
            Self::ActivityStopped => "activity_stopped",
            Self::AliasRequest => "alias_request",
            Self::Duplicate => "duplicate",
            Self::UnknownUser => "unknown_user",
            Self::Erased => "erased",
        }
    }
}

/// The longest [`Rejection::detail`], in characters.
const MAX_DETAIL_CHARS: usize = 500;

/// Why an event cannot be used, with the details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The reason.
    pub reason: RejectReason,
    /// The details. May quote the event: not for logs.
    pub detail: String,
}

/// Why an event cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// Its body is not JSON.
    MalformedJson,
    /// Its body is compressed, or text in another encoding.
    Encoded,
    /// Its body is not a batch.
    NotABatch,
    /// It was sent without a batch.
    BareEvent,
    /// The body is in mParticle's format for partners.
    FirehoseFormat,
    /// The events of its body take more memory than is available.
    TooManyEvents,
    /// It is not an object.
    NotAnEvent,
    /// The name of an attribute is not Unicode text.
    UnreadableAttributes,
    /// Its type needs a name and it has none.
    NoEventName,
    /// Its user has no name that the destination accepts, and the policy is to reject such events.
    NoIdentity,
    /// It is older than the destination accepts.
    TooOld,
    /// The destination does not accept the user's name.
    InvalidUser,
    /// The user asked the destination to be forgotten.
    ForgottenUser,
    /// The destination did not know the user until the deadline.
    UnknownUser,
    /// The destination does not accept events of this name.
    DisallowedEventName,
    /// The destination does not accept it, for the reason in the details.
    Refused,
    /// It is larger than the destination accepts.
    TooLarge,
    /// The destination did not accept it and gave no reason.
    Unexplained,
    /// Runs ended while its message was the only one in process.
    BreaksTheRun,
}

impl RejectReason {
    /// Every reason.
    pub const ALL: [Self; 19] = [
        Self::MalformedJson,
        Self::Encoded,
        Self::NotABatch,
        Self::BareEvent,
        Self::FirehoseFormat,
        Self::TooManyEvents,
        Self::NotAnEvent,
        Self::UnreadableAttributes,
        Self::NoEventName,
        Self::NoIdentity,
        Self::TooOld,
        Self::InvalidUser,
        Self::ForgottenUser,
        Self::UnknownUser,
        Self::DisallowedEventName,
        Self::Refused,
        Self::TooLarge,
        Self::Unexplained,
        Self::BreaksTheRun,
    ];

    /// A short fixed name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed_json",
            Self::Encoded => "encoded",
            Self::NotABatch => "not_a_batch",
            Self::BareEvent => "bare_event",
            Self::FirehoseFormat => "firehose_format",
            Self::TooManyEvents => "too_many_events",
            Self::NotAnEvent => "not_an_event",
            Self::UnreadableAttributes => "unreadable_attributes",
            Self::NoEventName => "no_event_name",
            Self::NoIdentity => "no_identity",
            Self::TooOld => "too_old_for_destination",
            Self::InvalidUser => "invalid_user",
            Self::ForgottenUser => "forgotten_user",
            Self::UnknownUser => "unknown_user",
            Self::DisallowedEventName => "disallowed_event_name",
            Self::Refused => "refused_by_destination",
            Self::TooLarge => "too_large_for_destination",
            Self::Unexplained => "unexplained_by_destination",
            Self::BreaksTheRun => "breaks_the_run",
        }
    }

    /// The rejection with its details, limited to a readable length: a destination may return a long text for each of a
    /// thousand events.
    pub fn because(self, detail: impl Into<String>) -> Rejection {
        let mut detail = detail.into();
        if let Some((end, _)) = detail.char_indices().nth(MAX_DETAIL_CHARS) {
            detail.truncate(end);
            detail.push('…');
            detail.shrink_to_fit();
        }
        Rejection {
            reason: self,
            detail,
        }
    }
}

impl From<&Refusal> for Rejection {
    fn from(refusal: &Refusal) -> Self {
        let reason = match refusal {
            Refusal::MalformedJson(_) => RejectReason::MalformedJson,
            Refusal::Encoded(_) => RejectReason::Encoded,
            Refusal::NotABatch | Refusal::Envelope(_) => RejectReason::NotABatch,
            Refusal::BareEvent => RejectReason::BareEvent,
            Refusal::FirehoseFormat => RejectReason::FirehoseFormat,
        };
        reason.because(refusal.to_string())
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
