//! The event types that SparkPost documents.

use std::fmt;
use std::str::FromStr;

/// One of SparkPost's 27 documented event types.
///
/// SparkPost adds types unannounced, so an [`Event`](super::Event) keeps its type as text; this list serves to
/// validate query parameters and to describe the known types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    AbTestCancelled,
    AbTestCompleted,
    AmpClick,
    AmpInitialOpen,
    AmpOpen,
    Bounce,
    Click,
    Delay,
    Delivery,
    /// The Ingest API refused an upload; sent as `error`.
    Error,
    GenerationFailure,
    GenerationRejection,
    InitialOpen,
    Injection,
    LinkUnsubscribe,
    ListUnsubscribe,
    Open,
    OutOfBand,
    PolicyRejection,
    RelayDelivery,
    RelayInjection,
    RelayPermfail,
    RelayRejection,
    RelayTempfail,
    SmsStatus,
    SpamComplaint,
    /// The Ingest API accepted an upload; sent as `success`.
    Success,
}

impl EventType {
    /// Every known type, in the order of their names.
    pub const ALL: [Self; 27] = [
        Self::AbTestCancelled,
        Self::AbTestCompleted,
        Self::AmpClick,
        Self::AmpInitialOpen,
        Self::AmpOpen,
        Self::Bounce,
        Self::Click,
        Self::Delay,
        Self::Delivery,
        Self::Error,
        Self::GenerationFailure,
        Self::GenerationRejection,
        Self::InitialOpen,
        Self::Injection,
        Self::LinkUnsubscribe,
        Self::ListUnsubscribe,
        Self::Open,
        Self::OutOfBand,
        Self::PolicyRejection,
        Self::RelayDelivery,
        Self::RelayInjection,
        Self::RelayPermfail,
        Self::RelayRejection,
        Self::RelayTempfail,
        Self::SmsStatus,
        Self::SpamComplaint,
        Self::Success,
    ];

    /// The `type` of such an event on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AbTestCancelled => "ab_test_cancelled",
            Self::AbTestCompleted => "ab_test_completed",
            Self::AmpClick => "amp_click",
            Self::AmpInitialOpen => "amp_initial_open",
            Self::AmpOpen => "amp_open",
            Self::Bounce => "bounce",
            Self::Click => "click",
            Self::Delay => "delay",
            Self::Delivery => "delivery",
            Self::Error => "error",
            Self::GenerationFailure => "generation_failure",
            Self::GenerationRejection => "generation_rejection",
            Self::InitialOpen => "initial_open",
            Self::Injection => "injection",
            Self::LinkUnsubscribe => "link_unsubscribe",
            Self::ListUnsubscribe => "list_unsubscribe",
            Self::Open => "open",
            Self::OutOfBand => "out_of_band",
            Self::PolicyRejection => "policy_rejection",
            Self::RelayDelivery => "relay_delivery",
            Self::RelayInjection => "relay_injection",
            Self::RelayPermfail => "relay_permfail",
            Self::RelayRejection => "relay_rejection",
            Self::RelayTempfail => "relay_tempfail",
            Self::SmsStatus => "sms_status",
            Self::SpamComplaint => "spam_complaint",
            Self::Success => "success",
        }
    }

    /// The class under which SparkPost documents the type. Payloads do not always use it.
    pub const fn class(self) -> EventClass {
        match self {
            Self::AbTestCancelled | Self::AbTestCompleted => EventClass::AbTest,
            Self::GenerationFailure | Self::GenerationRejection => EventClass::Gen,
            Self::Error | Self::Success => EventClass::Ingest,
            Self::Bounce
            | Self::Delay
            | Self::Delivery
            | Self::Injection
            | Self::OutOfBand
            | Self::PolicyRejection
            | Self::SmsStatus
            | Self::SpamComplaint => EventClass::Message,
            Self::RelayDelivery
            | Self::RelayInjection
            | Self::RelayPermfail
            | Self::RelayRejection
            | Self::RelayTempfail => EventClass::Relay,
            Self::AmpClick
            | Self::AmpInitialOpen
            | Self::AmpOpen
            | Self::Click
            | Self::InitialOpen
            | Self::Open => EventClass::Track,
            Self::LinkUnsubscribe | Self::ListUnsubscribe => EventClass::Unsubscribe,
        }
    }

    /// Whether SparkPost's own Events API (`GET /api/v1/events/message`) finds events of the type.
    pub const fn searchable(self) -> bool {
        match self.class() {
            EventClass::Gen | EventClass::Message | EventClass::Track | EventClass::Unsubscribe => {
                true
            }
            EventClass::AbTest | EventClass::Ingest | EventClass::Relay => false,
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not a documented type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of the documented event types")]
pub struct UnknownEventType;

impl FromStr for EventType {
    type Err = UnknownEventType;

    /// Reads the exact name; names are case-sensitive.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|known| known.as_str() == text)
            .ok_or(UnknownEventType)
    }
}

/// A group of event types: the one key inside `msys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventClass {
    AbTest,
    Gen,
    Ingest,
    Message,
    Relay,
    Track,
    Unsubscribe,
}

impl EventClass {
    /// The key inside `msys`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AbTest => "ab_test_event",
            Self::Gen => "gen_event",
            Self::Ingest => "ingest_event",
            Self::Message => "message_event",
            Self::Relay => "relay_event",
            Self::Track => "track_event",
            Self::Unsubscribe => "unsubscribe_event",
        }
    }
}

impl fmt::Display for EventClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_sorted_and_read_back() {
        let names = EventType::ALL.map(EventType::as_str);

        assert!(names.is_sorted_by(|earlier, later| earlier < later));
        for known in EventType::ALL {
            assert_eq!(known.as_str().parse(), Ok(known));
        }
        assert_eq!("Bounce".parse::<EventType>(), Err(UnknownEventType));
    }

    #[test]
    fn eighteen_types_are_in_the_events_api() {
        let searchable = EventType::ALL
            .into_iter()
            .filter(|known| known.searchable());

        assert_eq!(searchable.count(), 18);
    }
}
