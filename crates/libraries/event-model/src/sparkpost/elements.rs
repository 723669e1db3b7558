//! Splits a body into the elements of its array, as far as it is JSON.

use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::envelope::UsualEnvelope;
use super::reject_reason::{JsonKind, RejectReason};
use crate::{ByteForm, skip_byte_order_marks};

/// One element of the array, or the rest of a body that has no further readable element.
pub(super) struct Element<'a> {
    /// The position in the array, from 0.
    pub(super) ordinal: u32,
    /// The bytes as sent: of the element, or of the rest of the body.
    pub(super) raw: &'a [u8],
    /// The content of the element, if it has the usual form.
    pub(super) usual: Option<UsualEnvelope<'a>>,
    /// Why `raw` is not an element.
    pub(super) problem: Option<RejectReason>,
}

/// The bytes of a value, and its content if it has the usual form.
type Value<'a> = (&'a [u8], Option<UsualEnvelope<'a>>);

/// Iterates over the elements. Each one without a problem is syntactically valid JSON, except for bytes that are not
/// UTF-8, and invalid escapes, inside its strings. A problem is the last item.
///
/// `serde_json` skips values without recursion, so depth costs memory in proportion to the body and no stack.
pub(super) struct Elements<'a> {
    body: &'a [u8],
    /// The position to read from.
    offset: usize,
    /// The position of the next element in the array.
    ordinal: u32,
    finished: bool,
}

impl<'a> Elements<'a> {
    pub(super) fn of(body: &'a [u8]) -> Self {
        Self {
            body,
            offset: 0,
            ordinal: 0,
            finished: false,
        }
    }

    /// The position behind the element that was read last; of a problem, where it begins.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// Reads to the end of the next element; `None` at the end of the array and the body.
    fn read_element(&mut self) -> Result<Option<Value<'a>>, RejectReason> {
        let is_first = self.ordinal == 0;
        if is_first {
            self.open_array()?;
        }
        match self.peek() {
            None => return Err(self.truncated()),
            Some(b']') => return self.close_array(),
            Some(b',') if !is_first => self.offset += 1,
            Some(_) if !is_first => return Err(self.syntax("expected `,` or `]` after an item")),
            Some(_) => {}
        }
        self.peek();
        self.take_value().map(Some)
    }

    fn open_array(&mut self) -> Result<(), RejectReason> {
        if let Some(form) = ByteForm::of(self.body) {
            return Err(RejectReason::Encoded { form });
        }
        self.offset = self.body.len() - skip_byte_order_marks(self.body).len();
        match self.peek() {
            Some(b'[') => {
                self.offset += 1;
                Ok(())
            }
            None => Err(RejectReason::EmptyBody),
            Some(_) if self.rest_is_json() => Err(RejectReason::NotAnArray {
                found: JsonKind::of(self.rest()),
            }),
            Some(_) => Err(RejectReason::NotJson),
        }
    }

    fn close_array<T>(&mut self) -> Result<Option<T>, RejectReason> {
        self.offset += 1;
        match self.peek() {
            None => Ok(None),
            Some(_) => Err(RejectReason::TrailingText {
                offset: self.offset,
            }),
        }
    }

    /// Skips one value. A value without the usual form is read twice.
    fn take_value(&mut self) -> Result<Value<'a>, RejectReason> {
        let rest = self.rest();
        if rest.first() == Some(&b'{') {
            let mut usual_values = Deserializer::from_slice(rest).into_iter();
            if let Some(Ok(usual)) = usual_values.next() {
                let raw = self.take(usual_values.byte_offset());
                return Ok((raw, Some(usual)));
            }
        }
        let mut values = Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
        match values.next() {
            // A number at the end of the body may be truncated.
            Some(Ok(IgnoredAny))
                if values.byte_offset() == rest.len()
                    && rest.last().is_some_and(u8::is_ascii_digit) =>
            {
                Err(self.truncated())
            }
            Some(Ok(IgnoredAny)) => Ok((self.take(values.byte_offset()), None)),
            Some(Err(error)) if !error.is_eof() => Err(self.syntax(&without_position(&error))),
            Some(Err(_)) | None => Err(self.truncated()),
        }
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, _) = self.rest().split_at(length);
        self.offset += length;
        taken
    }

    /// Skips white space and peeks at the next byte.
    fn peek(&mut self) -> Option<u8> {
        let skipped = self
            .rest()
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
        self.offset += skipped;
        self.rest().first().copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.body.get(self.offset..).unwrap_or_default()
    }

    fn rest_is_json(&self) -> bool {
        serde_json::from_slice::<IgnoredAny>(self.rest()).is_ok()
    }

    fn truncated(&self) -> RejectReason {
        RejectReason::Truncated {
            offset: self.offset,
            length: self.body.len(),
        }
    }

    fn syntax(&self, problem: &str) -> RejectReason {
        RejectReason::Syntax {
            offset: self.offset,
            problem: problem.to_owned(),
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        if self.finished {
            return None;
        }
        let ordinal = self.ordinal;
        match self.read_element() {
            Ok(Some((raw, usual))) => {
                self.ordinal = ordinal.saturating_add(1);
                Some(Element {
                    ordinal,
                    raw,
                    usual,
                    problem: None,
                })
            }
            Ok(None) => {
                self.finished = true;
                None
            }
            Err(problem) => {
                self.finished = true;
                Some(Element {
                    ordinal,
                    raw: self.rest(),
                    usual: None,
                    problem: Some(problem),
                })
            }
        }
    }
}

/// `serde_json`'s message without the line and column, which would refer to a slice of the body.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}
