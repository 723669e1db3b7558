//! Why a piece of the input cannot become a row.

use std::borrow::Cow;

/// Why a piece of the input cannot become a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reason {
    /// Not the start of a JSON value.
    NotJson,
    /// JSON, but not an object.
    NotAnObject,
    /// An object without keys: every column would be NULL.
    EmptyObject,
    /// An object that breaks JSON's rules.
    Malformed,
    /// The input ends inside the object.
    Truncated,
    /// Text that is not UTF-8.
    NotUtf8,
    /// Nested deeper than [`jiter`] reads.
    TooDeep,
    /// Longer than [`MAX_RECORD_BYTES`](super::sink::MAX_RECORD_BYTES).
    TooLong,
    /// The rest of an input that could not be expanded to its end.
    NotExpanded,
    /// The whole of an input that is compressed in another way, or text of another encoding.
    Encoded,
    /// The rows of the message would exceed the memory limit.
    TooMuch,
    /// The model of the message's sender rejects the body, or a part of it, for this reason.
    Body(&'static str),
}

/// Why [`Sink::object`](super::sink::Sink::object) took nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The object does not end where the bytes do.
    Unfinished,
    /// The object has an escape for half a character, at `at`.
    LoneSurrogate {
        /// Bytes from the object's start.
        at: usize,
    },
    /// There is an error at `at`; where the object ends is unknown.
    Broken {
        /// Bytes from the object's start.
        at: usize,
        /// Why.
        reason: Reason,
        /// Details for a person; contains none of the bytes.
        detail: Cow<'static, str>,
    },
    /// The object is complete and cannot become a row.
    Useless {
        /// Its length.
        len: usize,
        /// Why.
        reason: Reason,
        /// Details for a person; contains none of the bytes.
        detail: &'static str,
    },
}

impl Reason {
    /// The code that rejections are counted and found by.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::EmptyObject => "empty_object",
            Self::Malformed => "malformed_json",
            Self::Truncated => "truncated",
            Self::NotUtf8 => "not_utf8",
            Self::TooDeep => "too_deep",
            Self::TooLong => "too_long",
            Self::NotExpanded => "not_expanded",
            Self::Encoded => "encoded",
            Self::TooMuch => "too_much",
            Self::Body(code) => code,
        }
    }
}

impl Fault {
    /// Reason and details, for an object that is known to be complete.
    pub(crate) fn into_reason(self) -> (Reason, String) {
        match self {
            Self::Unfinished => (Reason::Malformed, "an object that does not end".to_owned()),
            Self::LoneSurrogate { .. } => (
                Reason::Malformed,
                "an escape for half a character".to_owned(),
            ),
            Self::Broken { reason, detail, .. } => (reason, detail.into_owned()),
            Self::Useless { reason, detail, .. } => (reason, detail.to_owned()),
        }
    }

    /// How far into the bytes, of which there are `len`, the fault was found.
    pub(crate) fn at(&self, len: usize) -> usize {
        match self {
            Self::Unfinished => len,
            Self::LoneSurrogate { at } | Self::Broken { at, .. } => *at,
            Self::Useless { len, .. } => *len,
        }
    }
}
