//! Why an item could not be stored, in words for the person who looks at it later.

use std::fmt;

use crate::{ByteForm, Timestamp};

/// Why an item could not be stored.
///
/// The text goes to `email_events_rejected.reason`. It names the field and what was found there, and holds nothing of a
/// payload but the timestamps and class names that are at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    #[error("empty body")]
    EmptyBody,
    #[error("the body is {found}, not an array of events")]
    NotAnArray { found: JsonKind },
    #[error("the body is no JSON")]
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
        /// Where the item that is cut short begins, in bytes from the start of the body.
        offset: usize,
        /// The length of the whole body in bytes.
        length: usize,
    },
    #[error("invalid JSON from byte {offset} of the body on: {problem}")]
    Syntax {
        /// Where the item that is not JSON begins, in bytes from the start of the body.
        offset: usize,
        /// What the JSON parser says.
        problem: String,
    },
    #[error("unexpected text after the end of the array, at byte {offset} of the body")]
    TrailingText {
        /// Where that text begins, in bytes from the start of the body.
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
        /// The beginning of what was sent.
        value: String,
    },
    #[error(
        "`timestamp` {value:?} is not between {earliest} and {latest}{}",
        if *looks_like_milliseconds { " (it looks like milliseconds; seconds are expected)" } else { "" }
    )]
    TimestampOutOfRange {
        /// The beginning of what was sent.
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
    /// What is said of all the items that came after the first [`MAX_REJECTED_ITEMS`](super::MAX_REJECTED_ITEMS).
    #[error(
        "{count} more items, from this one up to item {last}, cannot be used either ({codes}). They are kept in the archived object"
    )]
    More {
        /// How many there are, this one included.
        count: u32,
        /// The position of the last one, from 0.
        last: u32,
        /// How many there are of each reason, by its code.
        codes: String,
    },
    /// The item passed as JSON and could then not be read as JSON: for whatever was not thought of.
    #[error("the item cannot be read: {problem}")]
    UnreadableItem {
        /// What the JSON parser says.
        problem: String,
    },
}

impl RejectReason {
    /// A short constant name, fit for a metric or a log field.
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

/// The kinds of JSON value, as a reason speaks of them.
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
    /// The kind of a valid JSON value without white space before it, which its first byte tells.
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

/// The beginning of a text that is quoted in a reason.
pub(super) fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 40;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
