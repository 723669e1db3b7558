//! Why an item could not be stored, in words for the person who reads it later.

use std::fmt;

use crate::{ByteForm, Timestamp};

/// Why an item could not be stored.
///
/// The text goes to `email_events_rejected.reason`. It names the field and the value's fault, and quotes nothing of a
/// payload except invalid timestamps and class names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    #[error("empty body")]
    EmptyBody,
    #[error("the body is {found}, not an array of events")]
    NotAnArray { found: JsonKind },
    #[error("the body is not JSON")]
    NotJson,
    /// The body may hold JSON, in an encoding that should have been removed before it was stored.
    #[error(
        "the body is {form}, not JSON text in UTF-8: it has to be sent as that, or compressed by gzip once"
    )]
    Encoded { form: ByteForm },
    #[error(
        "the body ends in the middle of the array, at byte {length} (the item begins at byte {offset})"
    )]
    Truncated {
        /// The start of the truncated item, in bytes from the start of the body.
        offset: usize,
        /// The length of the whole body in bytes.
        length: usize,
    },
    #[error("invalid JSON from byte {offset} of the body on: {problem}")]
    Syntax {
        /// The start of the item that is not JSON, in bytes from the start of the body.
        offset: usize,
        /// The JSON parser's message.
        problem: String,
    },
    #[error("unexpected text after the end of the array, at byte {offset} of the body")]
    TrailingText {
        /// The start of that text, in bytes from the start of the body.
        offset: usize,
    },
    #[error("the item is {found}, not an object")]
    ItemNotAnObject { found: JsonKind },
    #[error("the item has no `msys`")]
    MissingMsys,
    #[error("`msys` is {found}, not an object")]
    MsysNotAnObject { found: JsonKind },
    #[error("`msys` holds more than one class: {classes}")]
    SeveralClasses {
        /// The first few of them.
        classes: String,
    },
    #[error("`msys.{class}` is {found}, not an object")]
    EventNotAnObject { class: String, found: JsonKind },
    #[error("`{field}` is {found}, not a string")]
    NotText {
        field: &'static str,
        found: JsonKind,
    },
    /// The text would not fit into an index. Lengths are in bytes of UTF-8.
    #[error("`{field}` is {length} bytes long; at most {limit} are accepted")]
    TooLong {
        field: &'static str,
        length: usize,
        limit: usize,
    },
    #[error("`timestamp` is missing")]
    MissingTimestamp,
    #[error(
        "`timestamp` {value:?} is neither seconds since 1970 nor a date and time with zone like 2026-01-31T12:00:00Z"
    )]
    UnreadableTimestamp {
        /// The beginning of the value.
        value: String,
    },
    #[error(
        "`timestamp` {value:?} is not between {earliest} and {latest}{}",
        if *looks_like_milliseconds { " (it looks like milliseconds; seconds are expected)" } else { "" }
    )]
    TimestampOutOfRange {
        /// The beginning of the value.
        value: String,
        /// The first accepted time.
        earliest: Timestamp,
        /// The last accepted time.
        latest: Timestamp,
        /// Whether the value would be accepted if it were divided by 1,000.
        looks_like_milliseconds: bool,
    },
    #[error("the event is nested more than {limit} levels deep")]
    TooDeep { limit: usize },
    #[error("the event holds a number that cannot be stored: {problem}")]
    UnstorableNumber { problem: &'static str },
    #[error(
        "the batch holds more events than can be held at once: send fewer in a batch. All of it is kept in the archived object"
    )]
    BatchTooLarge,
    /// The reason for all items after the first [`MAX_REJECTED_ITEMS`](super::MAX_REJECTED_ITEMS).
    #[error(
        "{count} more items, from this one up to item {last}, cannot be used either ({codes}). They are kept in the archived object"
    )]
    More {
        /// How many they are, including this one.
        count: u32,
        /// The position of the last one, from 0.
        last: u32,
        /// How many have each reason, by its code.
        codes: String,
    },
    /// The item was split as JSON and could then not be parsed as JSON: for unforeseen cases.
    #[error("the item cannot be read: {problem}")]
    UnreadableItem {
        /// The JSON parser's message.
        problem: String,
    },
}

impl RejectReason {
    /// A short constant name for metrics and log fields.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EmptyBody => "empty_body",
            Self::NotAnArray { .. } => "not_an_array",
            Self::NotJson => "not_json",
            Self::Encoded { .. } => "encoded",
            Self::Truncated { .. } => "truncated",
            Self::Syntax { .. } => "invalid_json",
            Self::TrailingText { .. } => "trailing_text",
            Self::ItemNotAnObject { .. } => "item_not_an_object",
            Self::MissingMsys => "missing_msys",
            Self::MsysNotAnObject { .. } => "msys_not_an_object",
            Self::SeveralClasses { .. } => "several_classes",
            Self::EventNotAnObject { .. } => "event_not_an_object",
            Self::NotText { .. } => "not_text",
            Self::TooLong { .. } => "too_long",
            Self::MissingTimestamp => "missing_timestamp",
            Self::UnreadableTimestamp { .. } => "unreadable_timestamp",
            Self::TimestampOutOfRange { .. } => "timestamp_out_of_range",
            Self::TooDeep { .. } => "too_deep",
            Self::UnstorableNumber { .. } => "unstorable_number",
            Self::BatchTooLarge => "batch_too_large",
            Self::More { .. } => "more",
            Self::UnreadableItem { .. } => "unreadable_item",
        }
    }
}

/// The types of JSON values, as named in reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonKind {
    Array,
    Boolean,
    Null,
    Number,
    Object,
    String,
}

impl JsonKind {
    /// The type of a valid JSON value without leading white space, from its first byte.
    pub(super) fn of(value: &[u8]) -> Self {
        match value.first() {
            Some(b'[') => Self::Array,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') => Self::Null,
            Some(b'{') => Self::Object,
            Some(b'"') => Self::String,
            _ => Self::Number,
        }
    }
}

impl fmt::Display for JsonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Array => "an array",
            Self::Boolean => "a boolean",
            Self::Null => "null",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::String => "a string",
        })
    }
}

/// The beginning of a text, to be quoted in a reason.
pub(super) fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 40;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
