//! An object under `rejected/` without a person's items.

mod owners;

use std::{borrow::Cow, ops::Range};

use base64::{Engine, engine::general_purpose::STANDARD};
use event_model::Pipeline;

pub use self::owners::LineOwners;
use self::owners::{Owner, Question};
use crate::{
    Found, Names, RewriteError, Rewritten, Verdict,
    rewrite::{Change, Piece, write_verified},
    text::{last, members, scalar},
    verdict::{verdict_of, verdict_of_other},
};

/// The members of a call of the forwarder's that have the one name by which the destination knows the user; of a purchase, they are
/// inside `user`.
const CALL_USERS: [&str; 2] = ["userId", "email"];

/// The object of rejected lines, with blanks in place of those whose item is the person's: the ids of rejected items, and
/// what was marked as done about them, are made of the position of a line.
///
/// A line that names where its item is, and does not have it, stays. Of app events, `owners` has the answers of the raw objects; it may be
/// empty for the other pipelines, whose items say whose they are.
///
/// # Errors
/// When the result cannot be verified.
pub fn rewrite_rejected(
    pipeline: Pipeline,
    body: &[u8],
    person: &impl Names,
    owners: &LineOwners,
) -> Result<Rewritten, RewriteError> {
    let mut found = Found::default();
    let pieces: Vec<Piece<'_>> = lines_of(body)
        .into_iter()
        .map(|(bytes, _)| {
            let text = String::from_utf8_lossy(&body[bytes.clone()]);
            let verdict = verdict_of_line(pipeline, &text, person, owners);
            found.undecided += u64::from(verdict.is_none());
            let change = if verdict.is_some_and(|verdict| found.count(verdict)) {
                Change::Replace(vec![b' '; bytes.len()].into())
            } else {
                Change::Keep
            };
            Piece { bytes, change }
        })
        .collect();
    let bytes = write_verified(body, &pieces, lines_of)?;
    Ok(Rewritten { bytes, found })
}

/// What a line has to do with the person; `None` if that cannot be known.
fn verdict_of_line(
    pipeline: Pipeline,
    text: &str,
    person: &impl Names,
    owners: &LineOwners,
) -> Option<Verdict> {
    let line = Line::of(text);
    let item = line.item.as_deref().unwrap_or_default();
    let of_item = verdict_of(pipeline, item, person);
    if of_item == Verdict::Theirs {
        return Some(of_item);
    }
    let of_line = match of_item {
        Verdict::Theirs | Verdict::MentionErased | Verdict::Mentioned => of_item,
        Verdict::Unrelated => verdict_of_other(text, person),
    };
    if pipeline == Pipeline::AppEvents {
        if is_call_for(&String::from_utf8_lossy(item), person) {
            return Some(Verdict::Theirs);
        }
        match Question::of(&line).map(|question| owners.answer(&question)) {
            None | Some(Owner::Others) => {}
            Some(Owner::Theirs) => return Some(Verdict::Theirs),
            Some(Owner::Mentions) => return Some(Verdict::MentionErased),
            // Whosever it is, it goes.
            Some(Owner::Unknown | Owner::Both) if of_line.is_erased() => {}
            Some(Owner::Unknown | Owner::Both) => return None,
        }
    }
    Some(of_line)
}

/// What is read of a line.
struct Line<'l> {
    item: Option<Vec<u8>>,
    source_key: Option<Cow<'l, str>>,
}

impl<'l> Line<'l> {
    fn of(line: &'l str) -> Self {
        let line_members = members(line);
        let text = |name| last(&line_members, name).and_then(scalar);
        let item = match (text("item"), text("item_base64")) {
            (Some(item), _) => Some(item.into_owned().into_bytes()),
            (None, Some(encoded)) => STANDARD.decode(encoded.as_bytes()).ok(),
            (None, None) => None,
        };
        let source_key = text("source_key");
        Self { item, source_key }
    }
}

fn is_call_for(item: &str, person: &impl Names) -> bool {
    let call = members(item);
    let user = last(&call, "user").map(members).unwrap_or_default();
    [call, user].iter().any(|members| {
        let mut names = CALL_USERS.iter().filter_map(|name| last(members, name));
        names.any(|name| scalar(name).is_some_and(|name| person.has_name(&name)))
    })
}

fn lines_of(body: &[u8]) -> Vec<(Range<usize>, bool)> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let text_len = line.strip_suffix(b"\n").unwrap_or(line).len();
        if text_len > 0 {
            lines.push((start..start + text_len, true));
        }
        start += line.len();
    }
    lines
}
