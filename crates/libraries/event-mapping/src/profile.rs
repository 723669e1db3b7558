//! What is known about a user, as updates of the profile.

use std::{borrow::Cow, collections::HashSet};

use event_model::mparticle::{Event, Field, Kind, last_places, text_id};

use super::{
    Call, Note, Operation, SkipReason,
    attribute_value::Rendered,
    batch_context::BatchContext,
    data_fields::push_once,
    field_name::{self, MAX_TEXT_BYTES},
    outcome::NotSent,
};
use crate::iterable::{JsonObject, UserUpdate};

/// mParticle's reserved name of a phone number, and Iterable's.
const MOBILE: &str = "$Mobile";
const PHONE_NUMBER: &str = "phoneNumber";

/// The update for all that a batch says about its user; `None` when it says nothing, or not about whom.
pub(super) fn map_attributes(context: &BatchContext<'_, '_>) -> Option<Call> {
    let mut update = Update::default();
    let entries = context.batch.user_attributes.entries().unwrap_or_default();
    let last_places = last_places(&entries);
    for (place, (name, field)) in entries.iter().enumerate() {
        if last_places.get(name.as_ref()) == Some(&place) {
            update.set(context, name, *field);
        } else if context.compiled.config.attributes.sends(name) && field.json().is_some() {
            update.notes.push(Note::left_out(name));
        }
    }
    for name in context.batch.deleted_user_attributes.items() {
        let Some(name) = name.string() else {
            push_once(&mut update.notes, Note::left_out("deleted_user_attributes"));
            continue;
        };
        if !last_places.contains_key(name.as_ref()) {
            update.remove(context, &name);
        }
    }
    let at_ms = context.arrival.batch_time_ms(context.batch);
    update.finish(context, at_ms).ok().flatten()
}

/// The update for a change of one attribute.
pub(super) fn map_change<'a>(
    context: &BatchContext<'_, 'a>,
    event: &Event<'a>,
) -> Result<Call, NotSent> {
    if !context.compiled.config.profiles {
        return Err(SkipReason::TypeOff.into());
    }
    let data = event.data();
    let Some(name) = data
        .user_attribute_name
        .string()
        .filter(|name| !name.is_empty())
    else {
        return Err(SkipReason::TypeNotMapped.into());
    };
    let mut update = Update::default();
    if data.deleted.boolean() == Some(true) {
        update.remove(context, &name);
    } else {
        update.set(context, &name, data.new_value);
    }
    let at_ms = context.time_ms(&data)?;
    update
        .finish(context, at_ms)?
        .ok_or_else(|| SkipReason::NameOff.into())
}

#[derive(Default)]
struct Update {
    fields: JsonObject,
    /// The names that the fields go out under.
    names: HashSet<String>,
    notes: Vec<Note>,
}

impl Update {
    fn set(&mut self, context: &BatchContext<'_, '_>, name: &str, field: Field<'_>) {
        let attributes = &context.compiled.config.attributes;
        if !attributes.sends(name) || field.json().is_none() {
            return;
        }
        let rendered = match name {
            MOBILE => phone_number(field),
            _ => attributes.render(name, &context.compiled.config.context_prefix.0, field),
        };
        match rendered {
            Some(Rendered { json, notes }) => {
                if self.put(name, &json) {
                    self.notes.extend(notes);
                }
            }
            None => self.notes.push(Note::left_out(name)),
        }
    }

    fn remove(&mut self, context: &BatchContext<'_, '_>, name: &str) {
        if context.compiled.config.attributes.sends(name) {
            self.put(name, "null");
        }
    }

    /// Adds a field under the name that it may have, if there is one that no other has.
    fn put(&mut self, name: &str, json: &str) -> bool {
        let sent_name = match name {
            MOBILE => Some(Cow::Borrowed(PHONE_NUMBER)),
            _ => field_name::of_profile(name),
        };
        let free_name = sent_name.filter(|sent_name| !self.names.contains(&**sent_name));
        let Some(sent_name) = free_name else {
            self.notes.push(Note::left_out(name));
            return false;
        };
        if sent_name != name && name != MOBILE {
            self.notes.push(Note::renamed(name));
        }
        self.fields.json(&sent_name, json);
        self.names.insert(sent_name.into_owned());
        true
    }

    /// `None` when there is nothing to update.
    fn finish(self, context: &BatchContext<'_, '_>, at_ms: i64) -> Result<Option<Call>, NotSent> {
        if self.fields.is_empty() {
            return Ok(None);
        }
        let user = context.user()?.clone();
        let json = UserUpdate {
            user: &user,
            data_fields: self.fields,
        }
        .into_json();
        Ok(Some(Call {
            operation: Operation::Profile,
            id: text_id("profile", &json),
            user,
            event_name: String::new(),
            at_ms,
            json,
            notes: self.notes,
        }))
    }
}

/// Digits and a plus sign, as mParticle's own connection sends it.
fn phone_number(field: Field<'_>) -> Option<Rendered<'static>> {
    let sent = field.text()?;
    let digits: String = sent
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '+')
        .collect();
    let is_number = digits.contains(|c: char| c.is_ascii_digit()) && digits.len() <= MAX_TEXT_BYTES;
    is_number.then(|| {
        let note = if field.kind() != Kind::String {
            Some(Note::type_changed(MOBILE))
        } else if digits != *sent {
            Some(Note::changed(MOBILE))
        } else {
            None
        };
        Rendered {
            json: Cow::Owned(format!("\"{digits}\"")),
            notes: note.into_iter().collect(),
        }
    })
}
