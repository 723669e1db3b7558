//! Finds the records in a stream of bytes: where each begins, and where to go on after one that cannot be read.
//!
//! Trackers, Firehose and people deliver JSON objects one a line, one after another without a line's end, in arrays, or
//! indented over many lines, and all of that with damage in between. Here every byte ends in exactly one record or in exactly
//! one rejection, apart from what separates records: white space, commas, byte order marks, and the brackets of an array of
//! objects.
//!
//! After damage, reading goes on at the next line, or earlier at a `{` that follows a `}`: in JSON that only happens between
//! two objects, or inside a string. It never goes on inside a damaged object, since an inner object would then count as an
//! event.

mod surrogates;

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

use event_model::ByteForm;

pub(crate) use self::surrogates::replace_lone as replace_lone_surrogates;
use super::json;

/// The largest record. Firehose takes 1,000 KiB at once, so nothing that came through it is near.
pub(crate) const MAX_RECORD_BYTES: usize = 4 << 20;

/// How much is shown of an input that is refused as a whole.
const MAX_REFUSED_BYTES: usize = 1 << 10;

/// After so many failures in a row, only a line's end counts as a new start: one long line of junk must not be tried anew
/// at every bracket in it.
const MAX_RESTARTS: u32 = 64;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Takes what is found.
pub(crate) trait Sink {
    /// Takes the object that begins at the first byte of `tail`, `offset` bytes from the start of the input, and returns its
    /// length.
    fn object(&mut self, tail: &[u8], offset: u64) -> Result<usize, Fault>;

    /// Takes what cannot become a row.
    fn reject(&mut self, rejected: Rejected<'_>);

    /// True when no more should come before there is room for it.
    fn is_full(&self) -> bool {
        false
    }
}

/// A piece of the input that cannot become a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected<'a> {
    /// Where it begins, in bytes from the start of the input, expanded.
    pub(crate) offset: u64,
    /// Itself.
    pub(crate) bytes: &'a [u8],
    /// Why.
    pub(crate) reason: Reason,
    /// What exactly, for a person; holds none of the bytes.
    pub(crate) detail: Cow<'static, str>,
}

/// Why a piece of the input cannot become a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reason {
    /// It begins as no JSON value does.
    NotJson,
    /// JSON, but no object.
    NotAnObject,
    /// An object without a single key: a row of nothing but NULL.
    EmptyObject,
    /// An object that breaks JSON's rules.
    Malformed,
    /// An object that the input ends in.
    Truncated,
    /// Text that is not UTF-8.
    NotUtf8,
    /// Deeper than [`jiter`] goes.
    TooDeep,
    /// Longer than [`MAX_RECORD_BYTES`].
    TooLong,
    /// The rest of an input that could not be expanded to its end.
    NotExpanded,
    /// The whole of an input that is compressed in another way, or text of another encoding.
    Encoded,
    /// A message whose rows would take more than is held at once.
    TooMuch,
    /// A body of a message, or a part of one, that the model of its sender refuses for this reason.
    Body(&'static str),
}

/// Why [`Sink::object`] took nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The object does not end where the bytes do.
    Unfinished,
    /// The object has an escape for half a character, at `at`.
    LoneSurrogate {
        /// Bytes from the object's start.
        at: usize,
    },
    /// Something is wrong at `at`; where the object ends is unknown.
    Broken {
        /// Bytes from the object's start.
        at: usize,
        /// Why.
        reason: Reason,
        /// What exactly.
        detail: Cow<'static, str>,
    },
    /// The object is whole, and of no use.
    Useless {
        /// Its length.
        len: usize,
        /// Why.
        reason: Reason,
        /// What exactly.
        detail: &'static str,
    },
}

/// What is known about the end of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowEnd {
    /// More may follow: a record that reaches the end of the window is left for the next one.
    Open,
    /// The window ends where the input does.
    End,
}

/// Walks over the windows of one input.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    /// The place of the window's first byte in the input.
    offset: u64,
    in_array: bool,
    /// Inside a line that was too long: the rest of it goes the same way.
    is_skipping: bool,
    failures_in_a_row: u32,
}

/// How to go on: at so many bytes from here, or with a longer window.
enum Next {
    Step(usize),
    Wait,
}

/// The place that is being looked at. Its first byte begins something.
struct Place<'a> {
    rest: &'a [u8],
    offset: u64,
    tail: WindowEnd,
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
            let place = Place {
                rest: &window[at..],
                offset: self.offset + to_u64(at),
                tail,
            };
            let next = match place.rest.first() {
                None => break,
                Some(_) if self.is_skipping => self.skip_line(&place, sink),
                Some(b'{') => {
                    let visible = place.visible();
                    let mut result = sink.object(visible, place.offset);
                    if let Err(Fault::LoneSurrogate { .. }) = result {
                        let sanitized =
                            sanitized.get_or_insert_with(|| surrogates::replace_lone(window));
                        result = sink.object(&sanitized[at..at + visible.len()], place.offset);
                    }
                    self.after_object(&place, result, sink)
                }
                Some(_) => self.take_other(&place, sink),
            };
            match next {
                Next::Step(len) => at += len,
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
        place: &Place<'_>,
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
                sink.reject(place.rejected(len, reason, detail));
                return Next::Step(len);
            }
            Err(Fault::Unfinished) if place.is_too_long() => (
                MAX_RECORD_BYTES,
                Reason::TooLong,
                "the object does not end within 4 MiB".into(),
            ),
            Err(Fault::Unfinished) => (
                place.rest.len(),
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
        if place.may_be_cut_at(at) {
            return Next::Wait;
        }
        self.restart(place, reason, detail, sink)
    }

    /// Takes what begins with anything but a brace.
    fn take_other<S: Sink>(&mut self, place: &Place<'_>, sink: &mut S) -> Next {
        let visible = place.visible();
        match visible.first() {
            Some(b']') if self.in_array => {
                self.in_array = false;
                return Next::Step(1);
            }
            // A log line may begin with a bracket too: only an object in it, or nothing, makes it an array of objects.
            Some(b'[') if !self.in_array => {
                match visible.iter().skip(1).find(|byte| !is_separator(**byte)) {
                    Some(b'{' | b']') => {
                        self.in_array = true;
                        return Next::Step(1);
                    }
                    None if place.may_be_cut_at(visible.len()) => return Next::Wait,
                    _ => {}
                }
            }
            _ => {}
        }
        match json::value_len(visible) {
            Ok(len) if place.may_be_cut_at(len) => Next::Wait,
            Ok(len)
                if visible
                    .get(len)
                    .is_none_or(|next| is_separator(*next) || b"]{".contains(next)) =>
            {
                sink.reject(place.rejected(len, Reason::NotAnObject, "a value that is no object"));
                Next::Step(len)
            }
            Err(fault) if place.may_be_cut_at(fault.at(visible.len())) => Next::Wait,
            Ok(_) | Err(_) => self.restart(
                place,
                Reason::NotJson,
                "no JSON value begins like this".into(),
                sink,
            ),
        }
    }

    /// Rejects what is here, up to where the next record may begin.
    fn restart<S: Sink>(
        &mut self,
        place: &Place<'_>,
        reason: Reason,
        detail: Cow<'static, str>,
        sink: &mut S,
    ) -> Next {
        let visible = place.visible();
        let line_end = memchr(b'\n', visible);
        let line = &visible[..line_end.unwrap_or(visible.len())];
        let between_objects = if self.failures_in_a_row < MAX_RESTARTS {
            start_after_object(line)
        } else {
            None
        };
        let len = match between_objects.or(line_end) {
            Some(len) => len,
            None if place.may_be_cut_at(visible.len()) => return Next::Wait,
            None => {
                self.is_skipping = place.is_too_long();
                visible.len()
            }
        };
        self.failures_in_a_row += 1;
        sink.reject(Rejected {
            offset: place.offset,
            bytes: trim_end(&visible[..len]),
            reason,
            detail,
        });
        Next::Step(len)
    }

    fn skip_line<S: Sink>(&mut self, place: &Place<'_>, sink: &mut S) -> Next {
        let visible = place.visible();
        let len = match memchr(b'\n', visible) {
            Some(len) => {
                self.is_skipping = false;
                len
            }
            None if place.may_be_cut_at(visible.len()) => return Next::Wait,
            None => visible.len(),
        };
        if len > 0 {
            sink.reject(place.rejected(
                len,
                Reason::TooLong,
                "the rest of a line whose start was rejected",
            ));
        }
        Next::Step(len)
    }
}

impl<'a> Place<'a> {
    /// What may be looked at: whether a record is too long must not depend on how much of it is there.
    fn visible(&self) -> &'a [u8] {
        &self.rest[..self.rest.len().min(MAX_RECORD_BYTES)]
    }

    fn is_too_long(&self) -> bool {
        self.rest.len() >= MAX_RECORD_BYTES
    }

    /// Whether what was found at `at` may be an effect of the window's end. An escape or a number may be judged some bytes
    /// after its start, so near the end is as good as at the end.
    fn may_be_cut_at(&self, at: usize) -> bool {
        const LONGEST_LOOK_AHEAD: usize = 16;
        self.tail == WindowEnd::Open
            && !self.is_too_long()
            && at.saturating_add(LONGEST_LOOK_AHEAD) >= self.rest.len()
    }

    fn rejected(&self, len: usize, reason: Reason, detail: &'static str) -> Rejected<'a> {
        Rejected {
            offset: self.offset,
            bytes: &self.rest[..len],
            reason,
            detail: detail.into(),
        }
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
