//! Iterates over the JSON values of a body, holding one at a time. Pure.

use event_model::BYTE_ORDER_MARK;
use serde_json::value::RawValue;

use crate::{
    body_error::BodyError,
    position::{Outer, Position},
};

/// Calls `take` with each value of a sequence.
pub(crate) fn each_in_sequence<'a>(
    text: &'a [u8],
    mut take: impl FnMut(&'a RawValue, Position) -> Result<(), BodyError>,
) -> Result<(), BodyError> {
    let (mut at, mut line, mut counted) = (0, 1, 0);
    loop {
        at += spaces(&text[at..]);
        if at == text.len() {
            return Ok(());
        }
        line += text[counted..at].split(|byte| *byte == b'\n').count() - 1;
        counted = at;
        let position = Position::of(Outer::Line(line));
        let (value, len) = next_value(&text[at..]).ok_or(BodyError::NotJson { position })?;
        take(value, position)?;
        at += len;
    }
}

/// Calls `take` with each element of the array at the start of the text. `position` makes the position of an element from its number,
/// counted from 1. Only white space may follow the array.
pub(crate) fn each_element<'a>(
    text: &'a [u8],
    position: impl Fn(usize) -> Position,
    mut take: impl FnMut(&'a RawValue, Position) -> Result<(), BodyError>,
) -> Result<(), BodyError> {
    let mut number = 1;
    let fault = |number| BodyError::NotJson {
        position: position(number),
    };
    let mut at = spaces(text) + 1;
    at += spaces(text.get(at..).unwrap_or_default());
    if text.get(at) == Some(&b']') {
        return end_of_array(&text[at + 1..]).ok_or_else(|| fault(number));
    }
    loop {
        let rest = text.get(at..).unwrap_or_default();
        at += spaces(rest);
        let (value, len) = next_value(&text[at..]).ok_or_else(|| fault(number))?;
        take(value, position(number))?;
        number += 1;
        at += len;
        at += spaces(&text[at..]);
        match text.get(at) {
            Some(b',') => at += 1,
            Some(b']') => return end_of_array(&text[at + 1..]).ok_or_else(|| fault(number)),
            Some(_) | None => return Err(fault(number)),
        }
    }
}

fn end_of_array(rest: &[u8]) -> Option<()> {
    (spaces(rest) == rest.len()).then_some(())
}

/// The value at the start of `text`, and its length.
fn next_value(text: &[u8]) -> Option<(&RawValue, usize)> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
    let value = values.next()?.ok()?;
    Some((value, values.byte_offset()))
}

/// The length of the separators at the start: white space, and byte order marks, of which concatenated files have several.
pub(crate) fn spaces(text: &[u8]) -> usize {
    let mut len = 0;
    while let Some(byte) = text.get(len) {
        if is_space(*byte) {
            len += 1;
        } else if text[len..].starts_with(BYTE_ORDER_MARK) {
            len += BYTE_ORDER_MARK.len();
        } else {
            break;
        }
    }
    len
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
