//! Why a body is refused.

use event_model::ByteForm;

use crate::{event::InvalidEvent, position::Position};

/// The most events of one request. The largest body has some 20,000 real events. Of the smallest possible ones it would have
/// more than a million, and each takes a hundred bytes once it is stamped.
pub(crate) const MAX_EVENTS: usize = 100_000;

/// Why a body is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("there is no event in the body")]
    Empty,
    #[error("the body is not complete gzip")]
    NotGzip,
    #[error("the body expands to more than 10 MiB")]
    ExpandsTooFar,
    #[error("the body has an encoding other than gzip")]
    UnknownEncoding,
    #[error("the body is {0}: send JSON text in UTF-8, as it is or compressed by gzip once")]
    Form(ByteForm),
    #[error("the body holds more than {} events", MAX_EVENTS)]
    TooManyEvents,
    #[error(
        "the members that {position} shares with its events are too long to be added to each: move them into the events, or send fewer events"
    )]
    SharedTooLarge { position: Position },
    #[error("{position} is not JSON")]
    NotJson { position: Position },
    #[error("{position} is {}", reason.as_str())]
    InvalidEvent {
        position: Position,
        reason: InvalidEvent,
    },
}
