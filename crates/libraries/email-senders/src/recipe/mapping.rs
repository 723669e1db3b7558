//! Where the events of a sender have what a search needs.

use std::collections::BTreeMap;

use event_model::sparkpost::EventType;

use super::{
    pointer::Pointer,
    section::{RecipeError, Section},
};
use crate::fields::to_list;

/// SparkPost's members that a recipe can fill, and what their values are.
const FIELDS: [(&str, FieldKind); 20] = [
    ("rcpt_to", FieldKind::Text),
    ("subject", FieldKind::Text),
    ("friendly_from", FieldKind::Text),
    ("msg_from", FieldKind::Text),
    ("message_id", FieldKind::Text),
    ("transmission_id", FieldKind::Text),
    ("campaign_id", FieldKind::Text),
    ("template_id", FieldKind::Text),
    ("subaccount_id", FieldKind::Text),
    ("sending_ip", FieldKind::Text),
    ("ip_pool", FieldKind::Text),
    ("ip_address", FieldKind::Text),
    ("user_agent", FieldKind::Text),
    ("target_link_url", FieldKind::Text),
    ("reason", FieldKind::Text),
    ("raw_reason", FieldKind::Text),
    ("error_code", FieldKind::Text),
    ("bounce_class", FieldKind::Text),
    ("rcpt_meta", FieldKind::Metadata),
    ("rcpt_tags", FieldKind::List),
];
const MAX_WORD: usize = 128;

/// What a value becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldKind {
    /// A text or a number; of a list the only item.
    Text,
    /// An object, or a list of names with values.
    Metadata,
    /// A list of texts; a text is a list of one.
    List,
}

/// The member `mapping` of a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) events: Option<Pointer>,
    pub(super) word: Word,
    pub(super) types: BTreeMap<String, EventType>,
    pub(super) timestamp: Vec<Pointer>,
    pub(super) event_id: Vec<Pointer>,
    pub(super) fields: Vec<Field>,
}

/// Where the sender's word for the type of an event is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Header(String),
    Body(Vec<Pointer>),
}

/// A member of SparkPost's and where its value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: FieldKind,
    pub(super) pointers: Vec<Pointer>,
}

impl Mapping {
    pub(super) fn of(mapping: &Section<'_>) -> Result<Self, RecipeError> {
        mapping.allow(&[
            "events",
            "type",
            "type_header",
            "types",
            "timestamp",
            "event_id",
            "fields",
        ])?;
        let mut events = mapping.pointers("events")?;
        if events.len() > 1 {
            return Err(mapping.error("events", "must be one pointer"));
        }
        Ok(Self {
            events: events.pop(),
            word: Word::of(mapping)?,
            types: types(mapping)?,
            timestamp: mapping.pointers("timestamp")?,
            event_id: mapping.pointers("event_id")?,
            fields: fields(mapping)?,
        })
    }

    pub(super) fn word_header(&self) -> Option<&str> {
        match &self.word {
            Word::Header(header) => Some(header),
            Word::Body(_) => None,
        }
    }

    /// The list of the events inside an object of a body; none if the object is the event, or has no list there.
    pub(super) fn list_in<'a>(&self, object: &'a str) -> Option<&'a str> {
        let found = self.events.as_ref()?.find(object)?;
        found.starts_with('[').then_some(found)
    }
}

impl Word {
    fn of(mapping: &Section<'_>) -> Result<Self, RecipeError> {
        let pointers = mapping.pointers("type")?;
        match (mapping.header("type_header")?, pointers.is_empty()) {
            (Some(header), true) => Ok(Self::Header(header)),
            (None, false) => Ok(Self::Body(pointers)),
            (None, true) => {
                let expected =
                    "is missing: give the pointer to the type of an event, or type_header";
                Err(mapping.error("type", expected))
            }
            (Some(_), false) => {
                let expected = "must be left out where mapping.type is given";
                Err(mapping.error("type_header", expected))
            }
        }
    }
}

/// The types of SparkPost by the words of the sender.
fn types(mapping: &Section<'_>) -> Result<BTreeMap<String, EventType>, RecipeError> {
    if mapping.value("types").is_none() {
        return Ok(BTreeMap::new());
    }
    let types = mapping.section("types")?;
    let types = types.members().map(|(word, value)| {
        if !(1..=MAX_WORD).contains(&word.len()) {
            let expected = format!("must have words of 1 to {MAX_WORD} bytes");
            return Err(mapping.error("types", expected));
        }
        let known = value.as_str().and_then(|name| name.parse().ok());
        let event_type = known.ok_or_else(|| {
            let expected = "must be a type of SparkPost's, such as delivery, bounce, open or click; leave a word out that has none";
            types.error(word, expected)
        })?;
        Ok((word.to_owned(), event_type))
    });
    types.collect()
}

fn fields(mapping: &Section<'_>) -> Result<Vec<Field>, RecipeError> {
    if mapping.value("fields").is_none() {
        return Ok(Vec::new());
    }
    let section = mapping.section("fields")?;
    section.allow(&FIELDS.map(|(name, _)| name))?;
    let mut fields = Vec::new();
    for (name, kind) in FIELDS {
        let pointers = section.pointers(name)?;
        if !pointers.is_empty() {
            fields.push(Field {
                name,
                kind,
                pointers,
            });
        }
    }
    Ok(fields)
}

/// The first text that one of the pointers finds: a text, a number or a boolean; of a list the only item, since nothing says which of
/// several is meant. Any other value is passed over, like one that is absent.
pub(super) fn text_at<'a>(
    pointers: &[Pointer],
    json: &'a str,
) -> Option<std::borrow::Cow<'a, str>> {
    pointers.iter().find_map(|pointer| {
        let found = pointer.find(json)?;
        let is_one = !found.starts_with('[') || to_list(found).len() == 1;
        is_one.then(|| crate::fields::to_text(found)).flatten()
    })
}
