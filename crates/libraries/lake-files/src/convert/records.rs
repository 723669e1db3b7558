//! Finds the records in a stream of bytes: where each starts, and where to resume after one that cannot be read.
//!
//! Trackers, Firehose and people deliver JSON objects one per line, concatenated without line ends, in arrays, or indented over
//! many lines, with damage in between. Every byte ends in exactly one record or in exactly one rejection, except separators: white
//! space, commas, byte order marks, and the brackets of an array of objects.
//!
//! After damage, reading resumes at the next line, or earlier at a `{` that follows a `}`, which in JSON occurs only between two
//! objects or inside a string. It never resumes inside a damaged object, because an inner object would then count as an event.

mod cursor;
mod surrogates;

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

use event_model::ByteForm;

use self::cursor::Cursor;
pub(crate) use self::surrogates::replace_lone as replace_lone_surrogates;
use super::{
    fault::{Fault, Reason},
    json,
    sink::{MAX_RECORD_BYTES, Rejected, Sink, WindowEnd},
};

/// How many bytes of an input are shown that is rejected as a whole.
const MAX_REFUSED_BYTES: usize = 1 << 10;

/// After this many failures in a row, reading resumes only at the end of a line, because one long line of junk must not be parsed
/// from every bracket in it.
const MAX_RESTARTS: u32 = 64;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Walks over the windows of one input.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    /// The offset of the window's first byte in the input.
    offset: u64,
    in_array: bool,
    /// Whether something was taken already.
    has_begun: bool,
    /// Inside a line that was too long: the rest of it is rejected too.
    is_skipping: bool,
    failures_in_a_row: u32,
}

/// How to go on: at so many bytes from here, or with a longer window.
enum Next {
    Step(usize),
    Wait,
}

impl Splitter {
    /// Takes the records of `window` as far as they are complete and the sink is not full, and returns how many bytes were
    /// used. The next window must begin with the first byte that was not; unless the sink was full, it must be longer, up to
    /// [`MAX_RECORD_BYTES`].
    pub(crate) fn advance<S: Sink>(
        &mut self,
        window: &[u8],
        tail: WindowEnd,
        sink: &mut S,
    ) -> usize {
        // The window with its half characters replaced, from the first record on that needs it.
        let mut sanitized: Option<Vec<u8>> = None;
        let mut at = 0;
        while !sink.is_full() {
            at += self.separators_len(&window[at..]);
            let cursor = Cursor {
                rest: &window[at..],
                offset: self.offset + to_u64(at),
                tail,
            };
            let next = match cursor.rest.first() {
                None => break,
                Some(_) if self.is_skipping => self.skip_line(&cursor, sink),
                Some(b'{') => {
                    let visible = cursor.visible();
                    let mut result = sink.object(visible, cursor.offset);
                    if let Err(Fault::LoneSurrogate { .. }) = result {
                        let sanitized =
                            sanitized.get_or_insert_with(|| surrogates::replace_lone(window));
                        result = sink.object(&sanitized[at..at + visible.len()], cursor.offset);
                    }
                    self.after_object(&cursor, result, sink)
                }
                Some(_) => self.take_other(&cursor, sink),
            };
            match next {
                Next::Step(len) => {
                    self.has_begun = true;
                    at += len;
                }
                Next::Wait => break,
            }
        }
        self.offset += to_u64(at);
        at
    }

    /// Takes the whole of an input as one rejection, of which `start` is the first window.
    pub(crate) fn refuse<S: Sink>(start: &[u8], form: ByteForm, sink: &mut S) {
        sink.reject(Rejected {
            offset: 0,
            bytes: &start[..start.len().min(MAX_REFUSED_BYTES)],
            reason: Reason::Encoded,
            detail: format!(
                "the object is {form}, not JSON text in UTF-8, plain or compressed by gzip once; this is how it begins"
            )
            .into(),
        });
    }

    /// Takes `bytes`, the unread rest of an input that broke off, as one rejection.
    pub(crate) fn give_up<S: Sink>(&self, bytes: &[u8], detail: String, sink: &mut S) {
        sink.reject(Rejected {
            offset: self.offset,
            bytes,
            reason: Reason::NotExpanded,
            detail: detail.into(),
        });
    }

    /// How many bytes at the start of `rest` only separate.
    fn separators_len(&self, rest: &[u8]) -> usize {
        if self.is_skipping {
            return 0;
        }
        let mut len = 0;
        while let Some(byte) = rest.get(len) {
            if is_separator(*byte) {
                len += 1;
            } else if rest[len..].starts_with(BYTE_ORDER_MARK) {
                len += BYTE_ORDER_MARK.len();
            } else {
                break;
            }
        }
        len
    }

    fn after_object<S: Sink>(
        &mut self,
        cursor: &Cursor<'_>,
        result: Result<usize, Fault>,
        sink: &mut S,
    ) -> Next {
        let (at, reason, detail) = match result {
            Ok(len) => {
                self.failures_in_a_row = 0;
                return Next::Step(len);
            }
            Err(Fault::Useless {
                len,
                reason,
                detail,
            }) => {
                self.failures_in_a_row = 0;
                sink.reject(cursor.rejected(len, reason, detail));
                return Next::Step(len);
            }
            Err(Fault::Unfinished) if cursor.is_too_long() => (
                MAX_RECORD_BYTES,
                Reason::TooLong,
                "the object does not end within 4 MiB".into(),
            ),
            Err(Fault::Unfinished) => (
                cursor.rest.len(),
                Reason::Truncated,
                "the input ends before the object does".into(),
            ),
            Err(Fault::LoneSurrogate { at }) => (
                at,
                Reason::Malformed,
                "an escape for half a character".into(),
            ),
            Err(Fault::Broken { at, reason, detail }) => (at, reason, detail),
        };
        if cursor.may_be_cut_at(at) {
            return Next::Wait;
        }
        self.restart(cursor, reason, detail, sink)
    }

    /// Whether the bracket at the beginning of `visible` begins an array of records; none if the window ends too early to say.
    ///
    /// A log line may begin with a bracket too, so an object has to follow, or nothing. At the beginning of the input another value with
    /// a comma behind it is enough: a webhook's batch may begin with an item that is not an object.
    fn begins_array(&self, cursor: &Cursor<'_>, visible: &[u8]) -> Option<bool> {
        let start = visible.iter().skip(1).position(|byte| !is_separator(*byte));
        let Some(start) = start.map(|skipped| skipped + 1) else {
            return (!cursor.may_be_cut_at(visible.len())).then_some(false);
        };
        let (_, first) = visible.split_at(start);
        match first.first() {
            Some(b'{' | b']') => Some(true),
            _ if self.has_begun => Some(false),
            _ => match json::value_len(first) {
                Ok(len) => match first.get(len..)?.trim_ascii_start().first() {
                    None if cursor.may_be_cut_at(visible.len()) => None,
                    next => Some(next == Some(&b',')),
                },
                Err(fault) if cursor.may_be_cut_at(start + fault.at(first.len())) => None,
                Err(_) => Some(false),
            },
        }
    }

    /// Takes what begins with anything but a brace.
    fn take_other<S: Sink>(&mut self, cursor: &Cursor<'_>, sink: &mut S) -> Next {
        let visible = cursor.visible();
        match visible.first() {
            Some(b']') if self.in_array => {
                self.in_array = false;
                return Next::Step(1);
            }
            Some(b'[') if !self.in_array => match self.begins_array(cursor, visible) {
                Some(true) => {
                    self.in_array = true;
                    return Next::Step(1);
                }
                Some(false) => {}
                None => return Next::Wait,
            },
            _ => {}
        }
        match json::value_len(visible) {
            Ok(len) if cursor.may_be_cut_at(len) => Next::Wait,
            Ok(len)
                if visible
                    .get(len)
                    .is_none_or(|next| is_separator(*next) || b"]{".contains(next)) =>
            {
                sink.reject(cursor.rejected(
                    len,
                    Reason::NotAnObject,
                    "a value that is not an object",
                ));
                Next::Step(len)
            }
            Err(fault) if cursor.may_be_cut_at(fault.at(visible.len())) => Next::Wait,
            Ok(_) | Err(_) => self.restart(
                cursor,
                Reason::NotJson,
                "no JSON value begins like this".into(),
                sink,
            ),
        }
    }

    /// Rejects what is here, up to where the next record may begin.
    fn restart<S: Sink>(
        &mut self,
        cursor: &Cursor<'_>,
        reason: Reason,
        detail: Cow<'static, str>,
        sink: &mut S,
    ) -> Next {
        let visible = cursor.visible();
        let line_end = memchr(b'\n', visible);
        let line = &visible[..line_end.unwrap_or(visible.len())];
        let between_objects = if self.failures_in_a_row < MAX_RESTARTS {
            start_after_object(line)
        } else {
            None
        };
        let len = match between_objects.or(line_end) {
            Some(len) => len,
            None if cursor.may_be_cut_at(visible.len()) => return Next::Wait,
            None => {
                self.is_skipping = cursor.is_too_long();
                visible.len()
            }
        };
        self.failures_in_a_row += 1;
        sink.reject(Rejected {
            offset: cursor.offset,
            bytes: trim_end(&visible[..len]),
            reason,
            detail,
        });
        Next::Step(len)
    }

    fn skip_line<S: Sink>(&mut self, cursor: &Cursor<'_>, sink: &mut S) -> Next {
        let visible = cursor.visible();
        let len = match memchr(b'\n', visible) {
            Some(len) => {
                self.is_skipping = false;
                len
            }
            None if cursor.may_be_cut_at(visible.len()) => return Next::Wait,
            None => visible.len(),
        };
        if len > 0 {
            sink.reject(cursor.rejected(
                len,
                Reason::TooLong,
                "the rest of a line whose start was rejected",
            ));
        }
        Next::Step(len)
    }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',')
}

/// The first `{` that follows a `}` with nothing or white space between them.
fn start_after_object(line: &[u8]) -> Option<usize> {
    memchr_iter(b'{', line).find(|brace| trim_end(&line[..*brace]).ends_with(b"}"))
}

/// Without the white space at the end, as JSON has it: a form feed is none.
fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes
        .iter()
        .rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    &bytes[..end.map_or(0, |last| last + 1)]
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).expect("no address has more than 64 bits")
}

#[cfg(test)]
mod tests;
