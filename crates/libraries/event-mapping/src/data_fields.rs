//! Everything about an event that is not its name, user, id or time.

use std::{borrow::Cow, collections::HashSet};

use event_model::mparticle::{Decimal, Entries, Field, Kind, last_places};

use super::{
    AttributeConfig, Note,
    attribute_value::is_mended,
    field_name::{self, MAX_TEXT_BYTES},
};
use crate::iterable::JsonObject;

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
    pub(super) fn text(&mut self, name: &'static str, field: Field<'_>) {
        match field.text() {
            Some(text) => {
                if is_mended(&text, field) {
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

    /// Notes that a value of another kind is not added, if it says anything.
    fn leave_out(&mut self, name: &str, field: Field<'_>) {
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

    /// Adds an array of values that are JSON already, unless it is empty.
    pub(super) fn array(&mut self, name: &'static str, items: &[String]) {
        if !items.is_empty() {
            self.object.array(name, items.iter().map(String::as_str));
            self.names.push(Cow::Borrowed(name));
        }
    }

    /// Adds the app's own attributes. Of a name that is there twice the last value holds, as for any JSON reader. A name that is
    /// not allowed is replaced, unless another field has the name that it would get. `prefix` is what sets names apart.
    pub(super) fn attributes(
        &mut self,
        config: &AttributeConfig,
        prefix: &str,
        entries: &Entries<'_>,
    ) {
        let last_places = last_places(entries);
        let mut renamed = HashSet::new();
        for (place, (name, field)) in entries.iter().enumerate() {
            if !config.sends(name) || field.json().is_none() {
                continue;
            }
            let is_last = last_places.get(name.as_ref()) == Some(&place);
            let sent_name = field_name::of_event(name, prefix).filter(|sent_name| {
                let is_same = sent_name == name;
                let is_taken = self.names.iter().any(|taken| taken == sent_name)
                    || !is_same && last_places.contains_key(sent_name.as_ref())
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

/// Whether a value is neither `null` nor a blank text.
pub(super) fn says_something(field: Field<'_>) -> bool {
    match field.kind() {
        Kind::Absent => false,
        Kind::String => field.text().is_some(),
        Kind::Boolean | Kind::Number | Kind::Array | Kind::Object => true,
    }
}

/// An item of a list under construction, such as a product.
pub(super) struct ItemFields<'n> {
    pub(super) object: JsonObject,
    list: &'static str,
    notes: &'n mut Vec<Note>,
}

impl<'n> ItemFields<'n> {
    /// An item of the list of this name, with its notes in `notes`.
    pub(super) fn new(list: &'static str, notes: &'n mut Vec<Note>) -> Self {
        Self {
            object: JsonObject::default(),
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

    /// Adds a string, when the field is one or is a number.
    pub(super) fn text(&mut self, name: &str, field: Field<'_>) {
        match field.text() {
            Some(text) if text.len() <= MAX_TEXT_BYTES => {
                if is_mended(&text, field) {
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
mod tests {
    use super::*;
    use crate::{FieldType, MappingConfig};

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
            "mp_",
            &entries(r#"{"screen_name":"Other","a":"1","b":null,"a":"2","":"x"}"#),
        );

        let (object, notes) = fields.finish();
        assert_eq!(object.finish(), r#"{"screen_name":"Home","a":"2"}"#);
        let left_out = ["screen_name", "a", ""].map(|name| Note::FieldLeftOut(name.to_owned()));
        assert_eq!(notes, left_out);
    }

    #[test]
    fn names_that_are_not_allowed_are_replaced_unless_that_clashes() {
        let mut fields = DataFields::default();
        let long = "x".repeat(33_000);

        fields.attributes(
            &AttributeConfig::default(),
            "mp_",
            &entries(&format!(
                r#"{{"a.b":"1","a_b":"2","email":"3","c.d":"4","c,d":"5","long":"{long}"}}"#
            )),
        );

        let (object, notes) = fields.finish();
        assert_eq!(object.finish(), r#"{"a_b":"2","mp_email":"3","c_d":"4"}"#);
        assert_eq!(
            notes,
            [
                Note::FieldLeftOut("a.b".to_owned()),
                Note::FieldRenamed("email".to_owned()),
                Note::FieldRenamed("c.d".to_owned()),
                Note::FieldLeftOut("c,d".to_owned()),
                Note::FieldLeftOut("long".to_owned()),
            ]
        );
    }

    #[test]
    fn no_value_goes_without_a_note() {
        let field = |json| serde_json::from_str::<Field<'_>>(json).unwrap();
        let mut fields = DataFields::default();

        fields.number("total", field(r#""1,299.00""#));
        fields.number("tax", field("true"));
        fields.number("none", field("null"));
        fields.boolean("is_new", field("1"));
        fields.text("name", field("{}"));
        fields.text("blank", field(r#"" ""#));

        let (object, notes) = fields.finish();
        assert_eq!(object.finish(), r#"{"total_text":"1,299.00"}"#);
        let left_out = ["tax", "is_new", "name"].map(|name| Note::FieldLeftOut(name.to_owned()));
        assert_eq!(notes[0], Note::FieldAsText("total_text".to_owned()));
        assert_eq!(notes[1..], left_out);

        let mut fields = DataFields::default();
        fields.text("half", field(r#""\ud83d""#));
        fields.text("whole", field(r#""\ufffd""#));
        assert_eq!(fields.finish().1, [Note::FieldChanged("half".to_owned())]);
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
            "mp_",
            &entries(r#"{"price":"11.90","size":"L","secret":"x","other":5}"#),
        );

        let (object, notes) = fields.finish();
        assert_eq!(config.attributes.types["price"], FieldType::Number);
        assert_eq!(object.finish(), r#"{"price":11.90,"other":"5"}"#);
        assert_eq!(
            notes,
            [
                Note::FieldTypeChanged("price".to_owned()),
                Note::FieldLeftOut("size".to_owned()),
                Note::FieldTypeChanged("other".to_owned()),
            ]
        );
    }
}
