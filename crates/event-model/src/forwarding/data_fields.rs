//! Everything about an event that is not its name, user, id or time.

use std::borrow::Cow;

use super::{AttributeConfig, Note};
use crate::{
    iterable::JsonObject,
    mparticle::{Decimal, Entries, Field, last_places},
};

/// The fields of an event under construction. The first one of a name holds, so what the event's type says comes first,
/// then where the event comes from, then the app's own attributes.
#[derive(Debug, Default)]
pub(super) struct DataFields<'n> {
    object: JsonObject,
    names: Vec<Cow<'n, str>>,
    notes: Vec<Note>,
}

impl<'n> DataFields<'n> {
    /// Adds a string or the digits of a number, as a string.
    pub(super) fn text(&mut self, name: impl Into<Cow<'n, str>>, field: Field<'_>) {
        if let Some(text) = field.text() {
            self.string(name, &text);
        }
    }

    /// Adds a string.
    pub(super) fn string(&mut self, name: impl Into<Cow<'n, str>>, text: &str) {
        let name = name.into();
        self.object.text(&name, text);
        self.names.push(name);
    }

    /// Adds a number, sent as a number or as a string.
    pub(super) fn number(&mut self, name: &'static str, field: Field<'_>) {
        if let Some(number) = field.decimal() {
            self.json(name, number.as_json());
        }
    }

    /// Adds a boolean, sent as such or as a string.
    pub(super) fn boolean(&mut self, name: &'static str, field: Field<'_>) {
        if let Some(value) = field.boolean() {
            self.json(name, if value { "true" } else { "false" });
        }
    }

    /// Adds a value that is JSON already.
    pub(super) fn json(&mut self, name: impl Into<Cow<'n, str>>, json: &str) {
        let name = name.into();
        self.object.json(&name, json);
        self.names.push(name);
    }

    /// Adds an array of values that are JSON already, unless it is empty.
    pub(super) fn array(&mut self, name: &'static str, items: &[String]) {
        if !items.is_empty() {
            self.object.array(name, items.iter().map(String::as_str));
            self.names.push(Cow::Borrowed(name));
        }
    }

    /// Adds the app's own attributes. Of a name that is there twice the last value holds, as for any JSON reader.
    pub(super) fn attributes(&mut self, config: &AttributeConfig, entries: &Entries<'_>) {
        let last_places = last_places(entries);
        for (place, (name, field)) in entries.iter().enumerate() {
            let is_last = last_places.get(name.as_ref()) == Some(&place);
            if !is_last || !config.sends(name) {
                continue;
            }
            if name.is_empty() {
                self.notes.push(Note::FieldLeftOut(String::new()));
                continue;
            }
            if self.names.iter().any(|taken| taken == name) || field.json().is_none() {
                continue;
            }
            match config.value(name, *field) {
                Some(json) => self.object.json(name, &json),
                None => self
                    .notes
                    .push(Note::FieldLeftOut(name.clone().into_owned())),
            }
        }
    }

    pub(super) fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    pub(super) fn finish(self) -> (JsonObject, Vec<Note>) {
        (self.object, self.notes)
    }
}

impl AttributeConfig {
    /// Whether an attribute of this name is sent.
    pub(super) fn sends(&self, name: &str) -> bool {
        (self.only.is_empty() || self.only.contains(name)) && !self.except.contains(name)
    }

    /// An attribute's value as JSON of the type it is sent with.
    pub(super) fn value<'a>(&self, name: &str, field: Field<'a>) -> Option<Cow<'a, str>> {
        match self.types.get(name) {
            Some(field_type) => field_type.apply(field),
            None => self.coerce.apply(field),
        }
    }
}

/// Adds a number to an object, when the field is one.
pub(super) fn write_number(object: &mut JsonObject, name: &str, field: Field<'_>) {
    if let Some(number) = field.decimal() {
        object.json(name, Decimal::as_json(&number));
    }
}

/// Adds a string to an object, when the field is one or is a number.
pub(super) fn write_text(object: &mut JsonObject, name: &str, field: Field<'_>) {
    if let Some(text) = field.text() {
        object.text(name, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forwarding::{FieldType, MappingConfig};

    fn entries(json: &str) -> Entries<'_> {
        serde_json::from_str::<Field<'_>>(json)
            .unwrap()
            .entries()
            .unwrap()
    }

    #[test]
    fn first_of_a_name_holds_and_last_among_attributes() {
        let mut fields = DataFields::default();
        fields.string("screen_name", "Home");

        fields.attributes(
            &AttributeConfig::default(),
            &entries(r#"{"screen_name":"Other","a":"1","b":null,"a":"2","":"x"}"#),
        );

        let (object, notes) = fields.finish();
        assert_eq!(object.finish(), r#"{"screen_name":"Home","a":"2"}"#);
        assert_eq!(notes, [Note::FieldLeftOut(String::new())]);
    }

    #[test]
    fn attributes_are_chosen_and_typed() {
        let config = MappingConfig::from_json(
            r#"{"attributes":{"types":{"price":"number","size":"integer"},"except":["secret"]}}"#,
        )
        .unwrap();
        let mut fields = DataFields::default();

        fields.attributes(
            &config.attributes,
            &entries(r#"{"price":"11.90","size":"L","secret":"x","other":5}"#),
        );

        let (object, notes) = fields.finish();
        assert_eq!(config.attributes.types["price"], FieldType::Number);
        assert_eq!(object.finish(), r#"{"price":11.90,"other":"5"}"#);
        assert_eq!(notes, [Note::FieldLeftOut("size".to_owned())]);
    }
}
