//! An archived message of app events without a person's parts.

use std::borrow::Cow;

use event_model::mparticle::{ArchivedMessage, for_each_item};

use super::{Change, Found};
use crate::{
    Names, Verdict, app,
    app_mention::{Mention, mention_in_part, without_events},
    verdict::mention_in,
};

/// What becomes of an archived message. An object that is none is a body, as for the archiver.
pub(super) fn change_of_message<'a>(
    record: &[u8],
    person: &impl Names,
    found: &mut Found,
) -> Change<'a> {
    let text = String::from_utf8_lossy(record);
    let Ok(message) = serde_json::from_str::<ArchivedMessage<'_>>(&text) else {
        return match kept_parts(&text, person, found).as_deref() {
            None => Change::Keep,
            Some([part]) => Change::Replace(part.as_bytes().to_vec().into()),
            // An object has one part.
            Some(_) => Change::Remove,
        };
    };
    let Some(kept) = kept_parts(&message.body, person, found) else {
        return Change::Keep;
    };
    if kept.is_empty() {
        return Change::Remove;
    }
    let body = format!("[{}]", kept.join(","));
    let message = ArchivedMessage {
        body: Cow::Owned(body),
        message_id: message.message_id,
        sent_at: message.sent_at,
    };
    let line = serde_json::to_vec(&message);
    Change::Replace(line.expect("texts are always JSON").into())
}

/// The parts of a body that stay; none if all of it does.
fn kept_parts<'b>(
    body: &'b str,
    person: &impl Names,
    found: &mut Found,
) -> Option<Vec<Cow<'b, str>>> {
    let mut kept = Vec::new();
    let mut is_changed = false;
    for_each_item(body, |part, json| {
        if app::is_part_theirs(&part, json, person) {
            is_changed |= found.count(Verdict::Theirs);
        } else if !person.erases_mentions() {
            found.count(mention_in(json, person));
            kept.push(Cow::Borrowed(json));
        } else {
            match mention_in_part(&part, json, person) {
                Mention::Nowhere => kept.push(Cow::Borrowed(json)),
                Mention::InAll => is_changed |= found.count(Verdict::MentionErased),
                Mention::InEvents(marks) => {
                    let marked = marks.iter().filter(|is_marked| **is_marked);
                    marked.for_each(|_| is_changed |= found.count(Verdict::MentionErased));
                    kept.push(Cow::Owned(without_events(json, &marks)));
                }
            }
        }
    });
    is_changed.then_some(kept)
}
