//! The fields of an event: everything except its name, user, id and time.

use std::{
    borrow::{BorrowMut, Cow},
    collections::HashSet,
};

use event_model::{
    json::JsonObject,
    mparticle::{Decimal, Entries, Field, Kind, Names},
};

use super::{
    AttributeConfig, Note,
    attribute_value::is_sanitized,
    field_name::{self, MAX_TEXT_BYTES},
    item_list::ItemList,
};

/// The fields of an event under construction. The first field of a name counts, so the order is: the fields of the
/// event's type, those of its origin, the app's own attributes.
#[derive(Debug, Default)]
pub(super) struct DataFields<'n> {
    object: JsonObject,
    names: Vec<Cow<'n, str>>,
    notes: Vec<Note>,
}

impl<'n> DataFields<'n> {
    /// Adds a string or the digits of a number, as a string.
    pub(super) fn text(&mut self, name: &'static str, field: Field<'_>) {
        match field.text() {
            Some(text) => {
                if is_sanitized(&text, field) {
                    self.note(Note::changed(name));
                }
                self.string(name, &text);
            }
            None => self.leave_out(name, field),
        }
    }

    /// Adds a string.
    pub(super) fn string(&mut self, name: impl Into<Cow<'n, str>>, text: &str) {
        let name = name.into();
        if text.len() > MAX_TEXT_BYTES {
            return self.note(Note::left_out(&name));
        }
        self.object.text(&name, text);
        self.names.push(name);
    }

    /// Adds a number, sent as a number or as a string. Text that is not a number is added as text.
    pub(super) fn number(&mut self, name: &'static str, field: Field<'_>) {
        match (field.decimal(), field.kind()) {
            (Some(number), _) => self.json(name, number.as_json()),
            (None, Kind::String) if field.text().is_some() => {
                let text_name = format!("{name}_text");
                self.note(Note::FieldAsText(text_name.clone()));
                self.string(text_name, &field.text().unwrap_or_default());
            }
            (None, _) => self.leave_out(name, field),
        }
    }

    /// Adds a boolean, sent as such or as a string.
    pub(super) fn boolean(&mut self, name: &'static str, field: Field<'_>) {
        match field.boolean() {
            Some(value) => self.json(name, if value { "true" } else { "false" }),
            None => self.leave_out(name, field),
        }
    }

    /// Adds a note that a value of another type is omitted, unless it is empty.
    pub(super) fn leave_out(&mut self, name: &str, field: Field<'_>) {
        if says_something(field) {
            self.note(Note::left_out(name));
        }
    }

    /// Adds a value that is JSON already.
    pub(super) fn json(&mut self, name: impl Into<Cow<'n, str>>, json: &str) {
        let name = name.into();
        self.object.json(&name, json);
        self.names.push(name);
    }

    /// Adds a list, unless it is empty.
    pub(super) fn list(&mut self, name: &'static str, items: ItemList) {
        if let Some(json) = items.finish() {
            self.json(name, &json);
        }
    }

    /// Adds the app's own attributes. If a name occurs twice, the last value counts, as for any JSON reader. A name
    /// that is not allowed is replaced, unless another field has the replacement. `prefix` separates the names.
    pub(super) fn attributes(
        &mut self,
        config: &AttributeConfig,
        prefix: &str,
        entries: &Entries<'_>,
    ) {
        let names = Names::of(entries);
        let mut renamed = HashSet::new();
        for (index, (name, field)) in entries.iter().enumerate() {
            if !config.sends(name) || field.json().is_none() {
                continue;
            }
            let is_last = names.counts(index);
            let sent_name = field_name::of_event(name, prefix).filter(|sent_name| {
                let is_same = sent_name == name;
                let is_taken = self.names.iter().any(|taken| taken == sent_name)
                    || !is_same && names.contains(sent_name.as_ref())
                    || renamed.contains(sent_name.as_ref());
                is_last && !is_taken
            });
            let rendered = config.render(name, prefix, *field);
            match (sent_name, rendered) {
                (Some(sent_name), Some(rendered)) => {
                    if sent_name != *name {
                        self.notes.push(Note::renamed(name));
                        renamed.insert(sent_name.clone().into_owned());
                    }
                    self.notes.extend(rendered.notes);
                    self.object.json(&sent_name, &rendered.json);
                }
                _ => self.notes.push(Note::left_out(name)),
            }
        }
    }

    /// Adds a note, once for all items of a list.
    pub(super) fn note(&mut self, note: Note) {
        push_once(&mut self.notes, note);
    }

    pub(super) fn notes(&mut self) -> &mut Vec<Note> {
        &mut self.notes
    }

    pub(super) fn finish(self) -> (JsonObject, Vec<Note>) {
        (self.object, self.notes)
    }
}

/// Adds a note, unless it is there already. There are few such notes.
pub(super) fn push_once(notes: &mut Vec<Note>, note: Note) {
    if !notes.contains(&note) {
        notes.push(note);
    }
}

/// Whether a value is neither `null` nor blank text.
pub(super) fn says_something(field: Field<'_>) -> bool {
    match field.kind() {
        Kind::Absent => false,
        Kind::String => field.text().is_some(),
        Kind::Boolean | Kind::Number | Kind::Array | Kind::Object => true,
    }
}

/// An item of a list under construction, such as a product: the members of `object`.
pub(super) struct ItemFields<'n, B> {
    pub(super) object: JsonObject<B>,
    list: &'static str,
    notes: &'n mut Vec<Note>,
}

impl<'n, B: BorrowMut<Vec<u8>>> ItemFields<'n, B> {
    /// An item of the list of this name, with its notes in `notes`.
    pub(super) fn new(list: &'static str, object: JsonObject<B>, notes: &'n mut Vec<Note>) -> Self {
        Self {
            object,
            list,
            notes,
        }
    }

    /// Adds a number, sent as a number or as a string. Text that is not a number is added as text.
    pub(super) fn number(&mut self, name: &str, field: Field<'_>) {
        match (field.decimal(), field.kind()) {
            (Some(number), _) => self.object.json(name, Decimal::as_json(&number)),
            (None, Kind::String) if says_something(field) => {
                let text_name = format!("{name}_text");
                push_once(
                    self.notes,
                    Note::FieldAsText(format!("{}.{text_name}", self.list)),
                );
                self.text(&text_name, field);
            }
            (None, _) => self.leave_out(name, field),
        }
    }

    /// Adds a string, if the field is a string or a number.
    pub(super) fn text(&mut self, name: &str, field: Field<'_>) {
        match field.text() {
            Some(text) if text.len() <= MAX_TEXT_BYTES => {
                if is_sanitized(&text, field) {
                    push_once(self.notes, Note::changed(&format!("{}.{name}", self.list)));
                }
                self.object.text(name, &text);
            }
            _ => self.leave_out(name, field),
        }
    }

    fn leave_out(&mut self, name: &str, field: Field<'_>) {
        if says_something(field) {
            push_once(self.notes, Note::left_out(&format!("{}.{name}", self.list)));
        }
    }
}

#[cfg(test)]
mod tests;
