//! The values of an app's own attributes in the form in which they are sent, with a note for each change.
//!
//! The type of a value follows the configuration. Names inside of lists and objects follow the same rules as the names of
//! attributes, because each of them becomes a field at the destination.

use std::{borrow::Cow, collections::HashSet};

use event_model::{
    json::JsonObject,
    mparticle::{Field, Kind, Names},
};

use super::{
    AttributeConfig, Note,
    field_name::{self, MAX_TEXT_BYTES},
};

/// The deepest nesting of lists and objects that is sent. Iterable publishes no limit; this one bounds the work of reading them.
const MAX_DEPTH: usize = 20;

/// The notes about one attribute that name a path. Further ones name the attribute, which bounds their memory.
const MAX_PATH_NOTES: usize = 100;

/// A value as JSON, and what was changed in it.
#[derive(Debug)]
pub(super) struct Rendered<'a> {
    pub(super) json: Cow<'a, str>,
    pub(super) notes: Vec<Note>,
}

impl AttributeConfig {
    /// Whether an attribute of this name is sent.
    pub(super) fn sends(&self, name: &str) -> bool {
        (self.only.is_empty() || self.only.contains(name)) && !self.except.contains(name)
    }

    /// An attribute's value in the form in which it is sent; `None` if it has none, or is too long.
    pub(super) fn render<'a>(
        &self,
        name: &str,
        prefix: &str,
        field: Field<'a>,
    ) -> Option<Rendered<'a>> {
        let json = match self.types.get(name) {
            Some(field_type) => field_type.apply(field)?,
            None => self.coerce.apply(field)?,
        };
        if json.len() > MAX_TEXT_BYTES + 2 {
            return None;
        }
        match field.kind() {
            Kind::Array | Kind::Object => {
                let mut nested = Nested::new(name, prefix);
                let json = nested.value(field, name, 1)?;
                let notes = nested.notes;
                (json.len() <= MAX_TEXT_BYTES + 2).then_some(Rendered { json, notes })
            }
            Kind::Absent | Kind::Boolean | Kind::Number | Kind::String => {
                let notes = scalar_note(name, &json, field).into_iter().collect();
                Some(Rendered { json, notes })
            }
        }
    }
}

/// What is changed in a value that is neither a list nor an object.
fn scalar_note(name: &str, json: &str, sent: Field<'_>) -> Option<Note> {
    let kind = match json.bytes().next() {
        Some(b'"') => Kind::String,
        Some(b't' | b'f') => Kind::Boolean,
        _ => Kind::Number,
    };
    if kind != sent.kind() {
        return Some(Note::type_changed(name));
    }
    let is_changed = match kind {
        Kind::String => is_sanitized(json, sent),
        _ => sent.json() != Some(json),
    };
    is_changed.then(|| Note::changed(name))
}

/// Whether a lone surrogate became U+FFFD.
pub(super) fn is_sanitized(text: &str, field: Field<'_>) -> bool {
    let sent = field.json().unwrap_or_default();
    let is_replacement = |text: &str| text.contains('\u{fffd}');
    is_replacement(text) && !is_replacement(sent) && !sent.to_ascii_lowercase().contains("\\ufffd")
}

/// Rewrites the lists and objects of one attribute.
struct Nested<'n> {
    attribute: &'n str,
    prefix: &'n str,
    notes: Vec<Note>,
    known: HashSet<Note>,
}

impl<'n> Nested<'n> {
    fn new(attribute: &'n str, prefix: &'n str) -> Self {
        Self {
            attribute,
            prefix,
            notes: Vec::new(),
            known: HashSet::new(),
        }
    }

    /// The value, borrowed unless something in it is changed; `None` if it is left out.
    fn value<'a>(&mut self, field: Field<'a>, path: &str, depth: usize) -> Option<Cow<'a, str>> {
        let json = field.json()?;
        match field.kind() {
            Kind::Absent | Kind::Boolean | Kind::Number => Some(Cow::Borrowed(json)),
            Kind::String => {
                let text = super::coercion::string_json(field, json);
                if is_sanitized(&text, field) {
                    self.note(Note::changed, path);
                }
                Some(text)
            }
            Kind::Array | Kind::Object if depth > MAX_DEPTH => {
                self.note(Note::left_out, path);
                None
            }
            Kind::Array => Some(self.array(field, json, path, depth)),
            Kind::Object => self.object(field, json, path, depth),
        }
    }

    fn array<'a>(
        &mut self,
        field: Field<'a>,
        json: &'a str,
        path: &str,
        depth: usize,
    ) -> Cow<'a, str> {
        let mut is_changed = false;
        let mut items = Vec::new();
        for item in field.items() {
            // An element that is null keeps its position.
            if item.kind() == Kind::Absent {
                items.push(Cow::Borrowed("null"));
                continue;
            }
            match self.value(item, path, depth + 1) {
                Some(value) => {
                    is_changed |= matches!(value, Cow::Owned(_));
                    items.push(value);
                }
                None => is_changed = true,
            }
        }
        if is_changed {
            Cow::Owned(format!("[{}]", items.join(",")))
        } else {
            Cow::Borrowed(json)
        }
    }

    fn object<'a>(
        &mut self,
        field: Field<'a>,
        json: &'a str,
        path: &str,
        depth: usize,
    ) -> Option<Cow<'a, str>> {
        let Ok(entries) = field.entries() else {
            self.note(Note::left_out, path);
            return None;
        };
        let names = Names::of(&entries);
        let mut is_changed = false;
        let mut renamed: HashSet<String> = HashSet::new();
        let mut object = JsonObject::default();
        for (index, (name, field)) in entries.iter().enumerate() {
            let member_path = format!("{path}.{name}");
            let is_last = names.counts(index);
            let sent_name = field_name::of_member(name, self.prefix).filter(|sent_name| {
                let is_taken = sent_name != name
                    && (names.contains(sent_name.as_ref()) || renamed.contains(sent_name.as_ref()));
                is_last && !is_taken
            });
            let Some(sent_name) = sent_name else {
                is_changed = true;
                self.note(Note::left_out, &member_path);
                continue;
            };
            let value = match field.kind() {
                Kind::Absent => Some(Cow::Borrowed("null")),
                _ => self.value(*field, &member_path, depth + 1),
            };
            let Some(value) = value else {
                is_changed = true;
                continue;
            };
            is_changed |= matches!(value, Cow::Owned(_)) || sent_name != *name;
            if sent_name != *name {
                self.note(Note::renamed, &member_path);
                renamed.insert(sent_name.clone().into_owned());
            }
            object.json(&sent_name, &value);
        }
        Some(if is_changed {
            Cow::Owned(object.finish())
        } else {
            Cow::Borrowed(json)
        })
    }

    /// Notes a change at a path, once for the elements of a list.
    fn note(&mut self, note: fn(&str) -> Note, path: &str) {
        let is_full = self.notes.len() >= MAX_PATH_NOTES;
        let note = note(if is_full { self.attribute } else { path });
        if self.known.insert(note.clone()) {
            self.notes.push(note);
        }
    }
}

#[cfg(test)]
mod tests;
