//! A raw object without a person's items.

mod message;

use std::{borrow::Cow, ops::Range};

use email_senders::UnknownSender;
use event_model::{
    ByteForm, Pipeline,
    sparkpost::{PING, item_ranges},
};
use lake_files::record_ranges;

use self::message::change_of_message;
use crate::{
    Names, Verdict,
    verdict::{mention_in, verdict_of, verdict_of_other},
};

/// What was found in an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Items of the person.
    pub theirs: u64,
    /// Items of others, or damaged pieces, that mention the person.
    pub mentioned: u64,
    /// Of these, those that go.
    pub mentions_erased: u64,
    /// Items that stay although it is not known whose they are.
    pub undecided: u64,
}

/// An object without the person's items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The new bytes, expanded as the old ones; `None` if nothing of it is the person's.
    pub bytes: Option<Vec<u8>>,
    /// What was found in the old ones.
    pub found: Found,
}

/// Why an object cannot be rewritten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// The bytes are compressed, or text in another encoding.
    #[error("the object is {0}, in which nobody can be found: expand or decode it first")]
    Encoded(ByteForm),
    /// Which of its items are the person's is not known.
    #[error(transparent)]
    Unknown(#[from] UnknownSender),
    /// The result is not what was to be kept. Nothing must be replaced by it.
    #[error(
        "the object without the person's items does not read as the remaining ones: it stays as it is"
    )]
    NotVerified,
}

/// A part of an object, and what is to become of it.
pub(crate) struct Piece<'a> {
    pub(crate) bytes: Range<usize>,
    pub(crate) change: Change<'a>,
}

pub(crate) enum Change<'a> {
    Keep,
    Replace(Cow<'a, [u8]>),
    Remove,
    /// The rest of the object goes, with the comma before it, and this ends the object.
    End(&'static str),
}

/// What becomes of a damaged piece that mentions a person whose mentions are erased.
#[derive(Clone, Copy)]
enum Damage {
    Keep,
    Remove,
    End(&'static str),
}

/// The expanded raw object of a pipeline without the person's items.
///
/// # Errors
/// When the bytes are not expanded, or the result cannot be verified.
pub fn rewrite(
    pipeline: Pipeline,
    body: &[u8],
    person: &impl Names,
) -> Result<Rewritten, RewriteError> {
    if let Some(form) = ByteForm::of(body) {
        return Err(RewriteError::Encoded(form));
    }
    if person.erases_mentions() {
        // Damage goes with the person's mentions if what is left can be read without it. Else it stays, and is counted as a mention.
        for damage in damages(pipeline) {
            match rewrite_with(*damage, pipeline, body, person) {
                Err(RewriteError::NotVerified) => {}
                rewritten => return rewritten,
            }
        }
    }
    rewrite_with(Damage::Keep, pipeline, body, person)
}

/// How an object may end without its damaged rest.
const fn damages(pipeline: Pipeline) -> &'static [Damage] {
    match pipeline {
        Pipeline::EmailEvents => &[Damage::End("]"), Damage::End(""), Damage::End("[]")],
        Pipeline::AppEvents | Pipeline::ProductEvents => &[Damage::Remove],
    }
}

fn rewrite_with(
    damage: Damage,
    pipeline: Pipeline,
    body: &[u8],
    person: &impl Names,
) -> Result<Rewritten, RewriteError> {
    let mut found = Found::default();
    let pieces = pieces_of(damage, pipeline, body, person, &mut found);
    let bytes = write_verified(body, &pieces, |bytes| ranges_of(pipeline, bytes))?;
    if let Some(bytes) = &bytes {
        let mut left = Found::default();
        pieces_of(damage, pipeline, bytes, person, &mut left);
        if left.theirs + left.mentions_erased > 0 {
            return Err(RewriteError::NotVerified);
        }
    }
    Ok(Rewritten { bytes, found })
}

fn pieces_of<'a>(
    damage: Damage,
    pipeline: Pipeline,
    body: &'a [u8],
    person: &impl Names,
    found: &mut Found,
) -> Vec<Piece<'a>> {
    let ranges = ranges_of(pipeline, body).into_iter();
    ranges
        .map(|(bytes, is_item)| {
            let raw = &body[bytes.clone()];
            let change = if !is_item {
                change_of_damage(damage, raw, person, found)
            } else if pipeline == Pipeline::AppEvents {
                change_of_message(raw, person, found)
            } else if found.count(verdict_of(pipeline, raw, person)) {
                match pipeline {
                    // It takes a position, as an item does, and is none.
                    Pipeline::EmailEvents => Change::Replace(Cow::Borrowed(PING.as_bytes())),
                    Pipeline::AppEvents | Pipeline::ProductEvents => Change::Remove,
                }
            } else {
                Change::Keep
            };
            Piece { bytes, change }
        })
        .collect()
}

/// Where the pieces of an object are, and which of them can be an item.
fn ranges_of(pipeline: Pipeline, body: &[u8]) -> Vec<(Range<usize>, bool)> {
    match pipeline {
        Pipeline::EmailEvents => item_ranges(body)
            .map(|item| (item.bytes, item.is_item))
            .collect(),
        Pipeline::AppEvents | Pipeline::ProductEvents => record_ranges(body)
            .into_iter()
            .map(|record| (record.bytes, record.is_object))
            .collect(),
    }
}

fn change_of_damage<'a>(
    damage: Damage,
    raw: &[u8],
    person: &impl Names,
    found: &mut Found,
) -> Change<'a> {
    let piece = String::from_utf8_lossy(raw);
    let (verdict, change) = match damage {
        Damage::Keep => (mention_in(&piece, person), Change::Keep),
        Damage::Remove => (verdict_of_other(&piece, person), Change::Remove),
        Damage::End(end) => (verdict_of_other(&piece, person), Change::End(end)),
    };
    if found.count(verdict) {
        change
    } else {
        Change::Keep
    }
}

impl Found {
    /// Counts an item, and whether it goes.
    pub(crate) fn count(&mut self, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Theirs => self.theirs += 1,
            Verdict::MentionErased => {
                self.mentioned += 1;
                self.mentions_erased += 1;
            }
            Verdict::Mentioned => self.mentioned += 1,
            Verdict::Unrelated => {}
        }
        verdict.is_erased()
    }
}

/// The changed bytes, if anything is to be changed, after they were split again into exactly the pieces that were to be kept.
pub(crate) fn write_verified(
    body: &[u8],
    pieces: &[Piece<'_>],
    ranges_of: impl Fn(&[u8]) -> Vec<(Range<usize>, bool)>,
) -> Result<Option<Vec<u8>>, RewriteError> {
    if pieces
        .iter()
        .all(|piece| matches!(piece.change, Change::Keep))
    {
        return Ok(None);
    }
    let mut new = Vec::with_capacity(body.len());
    let mut expected: Vec<&[u8]> = Vec::new();
    let mut at = 0;
    for piece in pieces {
        new.extend_from_slice(&body[at..piece.bytes.start]);
        at = piece.bytes.end;
        match &piece.change {
            Change::Keep => expected.push(&body[piece.bytes.clone()]),
            Change::Replace(bytes) => expected.push(bytes),
            Change::Remove => {
                at += take_separator(&mut new, &body[at..]);
                continue;
            }
            Change::End(end) => {
                let text_len = new.trim_ascii_end().len();
                new.truncate(text_len - usize::from(new[..text_len].ends_with(b",")));
                new.extend_from_slice(end.as_bytes());
                at = body.len();
                continue;
            }
        }
        new.extend_from_slice(expected.last().copied().unwrap_or_default());
    }
    new.extend_from_slice(&body[at..]);
    let is_right = ranges_of(&new)
        .into_iter()
        .map(|(bytes, _)| &new[bytes])
        .eq(expected);
    if is_right {
        Ok(Some(new))
    } else {
        Err(RewriteError::NotVerified)
    }
}

/// How much of what follows a removed record goes with it: the comma or the line end. Of the last record of an array, the comma
/// before it goes instead.
fn take_separator(before: &mut Vec<u8>, after: &[u8]) -> usize {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace();
    let blank = after.iter().take_while(|byte| is_blank(byte)).count();
    match after.get(blank) {
        Some(b',') => return blank + 1,
        Some(b']') => {
            let text_len = before.trim_ascii_end().len();
            if before[..text_len].ends_with(b",") {
                before.truncate(text_len - 1);
            }
            return 0;
        }
        _ => {}
    }
    let line_end = after.iter().position(|byte| *byte == b'\n');
    match line_end {
        Some(at) if at < blank && (before.is_empty() || before.ends_with(b"\n")) => at + 1,
        _ => 0,
    }
}
