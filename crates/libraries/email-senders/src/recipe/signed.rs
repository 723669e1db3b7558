//! What a sender signs: a template such as `{timestamp}.{body}`.

use super::section::{RecipeError, Section};

/// A part of the signed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Id,
    Timestamp,
    Body,
}

const MEMBER: &str = "signed";
const EXPECTED: &str = "must be a template of texts, {id}, {timestamp} and {body}, each at most once and {body} always, such as {timestamp}.{body}: \
                        without the body, one signature would prove every body";

/// The parts of the template in `proof.signed`.
pub(super) fn parts(proof: &Section<'_>) -> Result<Vec<Part>, RecipeError> {
    let template = proof.text(MEMBER, 128)?.unwrap_or("{body}");
    let error = || proof.error(MEMBER, EXPECTED);
    let mut parts = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (text, braced) = rest.split_once('{').unwrap_or((rest, ""));
        if text.contains('}') {
            return Err(error());
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.to_owned()));
        }
        if text.len() == rest.len() {
            break;
        }
        let (name, after) = braced.split_once('}').ok_or_else(error)?;
        let part = match name {
            "id" => Part::Id,
            "timestamp" => Part::Timestamp,
            "body" => Part::Body,
            _ => return Err(error()),
        };
        if parts.contains(&part) {
            return Err(error());
        }
        parts.push(part);
        rest = after;
    }
    if parts.contains(&Part::Body) {
        Ok(parts)
    } else {
        Err(error())
    }
}
