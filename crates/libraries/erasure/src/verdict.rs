//! Whose an item is.

use event_model::Pipeline;
use serde::de::IgnoredAny;

use crate::{Names, app, email, product, text::any_text};

/// What an item has to do with the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the person's.
    Theirs,
    /// It is somebody else's, or nobody's that its fields name, and has a name of the person somewhere.
    Mentioned,
    /// The same, of a person whose mentions are erased ([`Person::deep`](crate::Person::deep)).
    MentionErased,
    /// Nothing.
    Unrelated,
}

impl Verdict {
    /// Whether the item goes.
    pub const fn is_erased(self) -> bool {
        match self {
            Self::Theirs | Self::MentionErased => true,
            Self::Mentioned | Self::Unrelated => false,
        }
    }
}

/// What the item has to do with the person: an element of a batch of SparkPost's, a body of mParticle's or one of its batches, or a record of a
/// tracker's. A body with batches of several users is nobody's.
pub fn verdict_of(pipeline: Pipeline, item: &[u8], person: &impl Names) -> Verdict {
    let text = String::from_utf8_lossy(item);
    let json = text.trim();
    // A piece that is cut may go on with other people's items.
    let is_theirs = is_json(json)
        && match pipeline {
            Pipeline::EmailEvents => email::is_theirs(json, person),
            Pipeline::AppEvents => app::is_theirs(json, person),
            Pipeline::ProductEvents => product::is_theirs(json, person),
        };
    if is_theirs {
        Verdict::Theirs
    } else {
        verdict_of_other(&text, person)
    }
}

/// What a piece that is not the person's has to do with the person. Here alone is decided whether somebody else's item goes.
pub(crate) fn verdict_of_other(piece: &str, person: &impl Names) -> Verdict {
    match mention_in(piece, person) {
        Verdict::Mentioned if person.erases_mentions() => Verdict::MentionErased,
        verdict => verdict,
    }
}

/// The same of a piece that stays, because it is no item, or cannot be told from others' items.
pub(crate) fn mention_in(piece: &str, person: &impl Names) -> Verdict {
    if has_mention(piece, person) {
        Verdict::Mentioned
    } else {
        Verdict::Unrelated
    }
}

/// Whether a piece has a name of the person.
pub(crate) fn has_mention(piece: &str, person: &impl Names) -> bool {
    if !person.finds_mentions() {
        return false;
    }
    if is_json(piece) {
        any_text(piece.trim(), |text| person.is_mentioned_in(text))
    } else {
        person.is_mentioned_in(piece)
    }
}

/// Whether this is one whole value of JSON.
pub(crate) fn is_json(piece: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(piece).is_ok()
}
