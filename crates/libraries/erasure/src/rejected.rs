//! An object under `rejected/` without a person's items.

use std::ops::Range;

use base64::{Engine, engine::general_purpose::STANDARD};
use event_model::Pipeline;

use crate::{
    Found, Names, RewriteError, Rewritten, Verdict,
    rewrite::{Change, Piece, write_verified},
    text::{last, members, scalar},
    verdict::{mention_in, verdict_of},
};

/// The object of rejected lines, with blanks in place of those whose item is the person's: the ids of rejected items, and
/// what was marked as done about them, are made of the position of a line.
///
/// A line that names where its item is, and does not have it, stays.
///
/// # Errors
/// When the result cannot be verified.
pub fn rewrite_rejected(
    pipeline: Pipeline,
    body: &[u8],
    person: &impl Names,
) -> Result<Rewritten, RewriteError> {
    let mut found = Found::default();
    let pieces: Vec<Piece<'_>> = lines_of(body)
        .into_iter()
        .map(|(bytes, _)| {
            let line = String::from_utf8_lossy(&body[bytes.clone()]);
            let change = if found.count(verdict_of_line(pipeline, &line, person)) {
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

fn verdict_of_line(pipeline: Pipeline, line: &str, person: &impl Names) -> Verdict {
    let line_members = members(line);
    let text = |name| last(&line_members, name).and_then(scalar);
    let item = match (text("item"), text("item_base64")) {
        (Some(item), _) => Some(item.into_owned().into_bytes()),
        (None, Some(encoded)) => STANDARD.decode(encoded.as_bytes()).ok(),
        (None, None) => None,
    };
    let of_item = item.map_or(Verdict::Unrelated, |item| {
        verdict_of(pipeline, &item, person)
    });
    match of_item {
        Verdict::Theirs | Verdict::Mentioned => of_item,
        Verdict::Unrelated => mention_in(line, person),
    }
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
