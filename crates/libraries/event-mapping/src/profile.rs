//! Updates of user profiles.

use std::{borrow::Cow, collections::HashSet};

use event_model::{
    json::JsonObject,
    mparticle::{Batch, EventData, Field, Kind, Names},
};

use super::{
    MappingConfig, Note, SkipReason,
    attribute_value::Rendered,
    data_fields::push_once,
    field_name::{self, MAX_TEXT_BYTES},
    outcome::NotSent,
};

/// mParticle's reserved name of a phone number, and Iterable's name.
const MOBILE: &str = "$Mobile";
const PHONE_NUMBER: &str = "phoneNumber";

/// The update with everything that a batch says about its user.
pub(super) fn from_batch(config: &MappingConfig, batch: &Batch<'_>) -> Update {
    let mut update = Update::default();
    let entries = batch.user_attributes.entries().unwrap_or_default();
    let names = Names::of(&entries);
    for (index, (name, field)) in entries.iter().enumerate() {
        if names.counts(index) {
            update.set(config, name, *field);
        } else if config.attributes.sends(name) && field.json().is_some() {
            update.notes.push(Note::left_out(name));
        }
    }
    for name in batch.deleted_user_attributes.items() {
        let Some(name) = name.string() else {
            push_once(&mut update.notes, Note::left_out("deleted_user_attributes"));
            continue;
        };
        if !names.contains(name.as_ref()) {
            update.remove(config, &name);
        }
    }
    update
}

/// The update for a change of one attribute.
pub(super) fn from_change(config: &MappingConfig, data: &EventData<'_>) -> Result<Update, NotSent> {
    let Some(name) = data
        .user_attribute_name
        .string()
        .filter(|name| !name.is_empty())
    else {
        return Err(SkipReason::TypeNotMapped.into());
    };
    let mut update = Update::default();
    if data.deleted.boolean() == Some(true) {
        update.remove(config, &name);
    } else {
        update.set(config, &name, data.new_value);
    }
    Ok(update)
}

/// Changes of a user's profile.
#[derive(Default)]
pub(super) struct Update {
    fields: JsonObject,
    /// The names under which the fields are sent.
    names: HashSet<String>,
    notes: Vec<Note>,
}

impl Update {
    fn set(&mut self, config: &MappingConfig, name: &str, field: Field<'_>) {
        let attributes = &config.attributes;
        if !attributes.sends(name) || field.json().is_none() {
            return;
        }
        let rendered = match name {
            MOBILE => phone_number(field),
            _ => attributes.render(name, &config.context_prefix.0, field),
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

    fn remove(&mut self, config: &MappingConfig, name: &str) {
        if config.attributes.sends(name) {
            self.put(name, "null");
        }
    }

    /// Adds a field under an allowed name, unless another field has it.
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

    /// The fields and the notes; `None` if there is nothing to update.
    pub(super) fn finish(self) -> Option<(JsonObject, Vec<Note>)> {
        (!self.fields.is_empty()).then_some((self.fields, self.notes))
    }
}

/// Digits and a plus sign, as in mParticle's own connection.
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
