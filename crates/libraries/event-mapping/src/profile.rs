//! What is known about a user, as updates of the profile.

use std::{borrow::Cow, collections::HashSet};

use super::{
    Call, Note, Operation, SkipReason,
    data_fields::push_once,
    field_name::{self, MAX_TEXT_BYTES},
    outcome::NotSent,
    subject::Subject,
};
use crate::iterable::{JsonObject, UserUpdate};
use event_model::mparticle::{Event, Field, last_places, text_id};

/// mParticle's reserved name of a phone number, and Iterable's.
const MOBILE: &str = "$Mobile";
const PHONE_NUMBER: &str = "phoneNumber";

/// The update for all that a batch says about its user; `None` when it says nothing, or not about whom.
pub(super) fn map_attributes(subject: &Subject<'_, '_>) -> Option<Call> {
    let mut update = Update::default();
    let entries = subject.batch.user_attributes.entries().unwrap_or_default();
    let last_places = last_places(&entries);
    for (place, (name, field)) in entries.iter().enumerate() {
        if last_places.get(name.as_ref()) == Some(&place) {
            update.set(subject, name, *field);
        } else if subject.mapper.config.attributes.sends(name) && field.json().is_some() {
            update.notes.push(Note::left_out(name));
        }
    }
    for name in subject.batch.deleted_user_attributes.items() {
        let Some(name) = name.string() else {
            push_once(&mut update.notes, Note::left_out("deleted_user_attributes"));
            continue;
        };
        if !last_places.contains_key(name.as_ref()) {
            update.remove(subject, &name);
        }
    }
    let at_ms = subject.arrival.batch_time_ms(subject.batch);
    update.finish(subject, at_ms).ok().flatten()
}

/// The update for a change of one attribute.
pub(super) fn map_change<'a>(
    subject: &Subject<'_, 'a>,
    event: &Event<'a>,
) -> Result<Call, NotSent> {
    if !subject.mapper.config.profiles {
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
        update.remove(subject, &name);
    } else {
        update.set(subject, &name, data.new_value);
    }
    let at_ms = subject.time_ms(&data)?;
    update
        .finish(subject, at_ms)?
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
    fn set(&mut self, subject: &Subject<'_, '_>, name: &str, field: Field<'_>) {
        let attributes = &subject.mapper.config.attributes;
        if !attributes.sends(name) || field.json().is_none() {
            return;
        }
        let value = match name {
            MOBILE => phone_number(field),
            _ => attributes.value(name, field),
        };
        match value.filter(|json| json.len() <= MAX_TEXT_BYTES + 2) {
            Some(json) => {
                let is_changed = name == MOBILE
                    && field
                        .text()
                        .is_some_and(|sent| json[1..json.len() - 1] != *sent);
                if self.put(name, &json) && is_changed {
                    self.notes.push(Note::changed(name));
                }
            }
            None => self.notes.push(Note::left_out(name)),
        }
    }

    fn remove(&mut self, subject: &Subject<'_, '_>, name: &str) {
        if subject.mapper.config.attributes.sends(name) {
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
    fn finish(self, subject: &Subject<'_, '_>, at_ms: i64) -> Result<Option<Call>, NotSent> {
        if self.fields.is_empty() {
            return Ok(None);
        }
        let user = subject.user()?.clone();
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
fn phone_number(field: Field<'_>) -> Option<Cow<'static, str>> {
    let digits: String = field
        .text()?
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '+')
        .collect();
    digits
        .contains(|c: char| c.is_ascii_digit())
        .then(|| Cow::Owned(format!("\"{digits}\"")))
}
