//! Values read by the JSON parser, and its errors as [`Fault`]s.

use std::borrow::Cow;

use jiter::{Jiter, JiterError, JiterErrorType, JsonErrorType};

use super::fault::{Fault, Reason};

/// The length of the value at the start of `bytes`. Strings in it need not be UTF-8.
pub(crate) fn value_len(bytes: &[u8]) -> Result<usize, Fault> {
    let mut parser = Jiter::new(bytes);
    parser.next_skip().map_err(fault)?;
    Ok(parser.current_index())
}

/// The number that `bytes` are, if they are one and it is finite.
pub(crate) fn number(bytes: &[u8]) -> Option<f64> {
    let mut parser = Jiter::new(bytes);
    let number = parser.next_float().ok()?;
    (parser.current_index() == bytes.len() && number.is_finite()).then_some(number)
}

/// Whether `bytes` are a number, of any size.
pub(crate) fn is_number(bytes: &[u8]) -> bool {
    let mut parser = Jiter::new(bytes);
    parser.next_number_bytes().is_ok() && parser.current_index() == bytes.len()
}

/// The whole number of 64 bits that `bytes` are, if they are one.
pub(crate) fn whole_number(bytes: &[u8]) -> Option<i64> {
    let mut parser = Jiter::new(bytes);
    let number = to_whole(parser.next_number_bytes().ok()?)?;
    (parser.current_index() == bytes.len()).then_some(number)
}

/// A JSON number as a whole number, if it is written as one and has 64 bits. (The parser's own integers end one digit
/// earlier.)
pub(crate) fn to_whole(number: &[u8]) -> Option<i64> {
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// What the parser found wrong.
pub(crate) fn fault(error: JiterError) -> Fault {
    let at = error.index;
    let JiterErrorType::JsonError(kind) = error.error_type else {
        return broken(at, Reason::Malformed, "a value of another type");
    };
    match kind {
        JsonErrorType::EofWhileParsingList
        | JsonErrorType::EofWhileParsingObject
        | JsonErrorType::EofWhileParsingString
        | JsonErrorType::EofWhileParsingValue => Fault::Unfinished,
        JsonErrorType::LoneLeadingSurrogateInHexEscape
        | JsonErrorType::UnexpectedEndOfHexEscape => Fault::LoneSurrogate { at },
        JsonErrorType::InvalidUnicodeCodePoint => not_utf8(at),
        JsonErrorType::RecursionLimitExceeded => {
            broken(at, Reason::TooDeep, "values nested deeper than 200 levels")
        }
        JsonErrorType::ControlCharacterWhileParsingString => {
            broken(at, Reason::Malformed, "a control character in a string")
        }
        kind => broken(at, Reason::Malformed, kind.to_string()),
    }
}

/// A byte of the record that no UTF-8 text has there.
pub(crate) fn not_utf8(at: usize) -> Fault {
    broken(at, Reason::NotUtf8, "a byte that is not UTF-8")
}

fn broken(at: usize, reason: Reason, what: impl Into<Cow<'static, str>>) -> Fault {
    Fault::Broken {
        at,
        reason,
        detail: format!("{} at byte {at} of the record", what.into()).into(),
    }
}
