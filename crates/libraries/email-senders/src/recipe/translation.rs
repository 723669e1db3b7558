//! What an event of a sender with a recipe becomes. What the mapping does not find is absent.

use event_model::sparkpost::EventType;

use super::{
    mapping::{Field, FieldKind, Mapping, Word, text_at},
    word_of_key,
};
use crate::{
    event_key::ContentKey,
    fields::{to_list, to_text},
    provider::Element,
    rows::{Meaning, Row, Rows, metadata},
};

/// Longer ids of events become hashes.
const MAX_ID: usize = 128;

impl Mapping {
    /// Adds the event. `has_id` says whether the deliveries have ids.
    pub(super) fn translate(
        &self,
        name: &str,
        has_id: bool,
        element: &Element<'_>,
        rows: &mut Rows<'_>,
    ) {
        let event = element.text;
        let (word_in_key, delivery_id) = self.parts_of(element.delivery_id);
        let word = match &self.word {
            Word::Header(_) => word_in_key.and_then(word_of_key),
            Word::Body(pointers) => text_at(pointers, event),
        };
        let word = word.unwrap_or("unknown".into());
        let meaning = self.types.get(word.as_ref()).map_or_else(
            || Meaning::other("unknown"),
            |event_type| Meaning::is(*event_type, common_word(*event_type)),
        );
        let mut row = Row::default();
        if row.time(text_at(&self.timestamp, event)).is_none() {
            // The key alone says when it arrived, so that reading it again gives the same event.
            row.time(Some(format!("{}T00:00:00Z", element.day)));
            row.mark_arrival_day();
        }
        for field in &self.fields {
            field.copy(event, &mut row);
        }
        let key = match text_at(&self.event_id, event) {
            Some(id) => own_key(name, &id),
            None if has_id => own_key(name, delivery_id),
            None => ContentKey::of(name)
                .with(Some(&word))
                .with_value(Some(event))
                .finish(),
        };
        rows.add(event, &word, meaning, &key, row);
    }

    /// The word and the id in the id of a delivery, see [`Recipe::batch_key`](super::Recipe::batch_key).
    fn parts_of<'a>(&self, delivery_id: &'a str) -> (Option<&'a str>, &'a str) {
        match (self.word_header(), delivery_id.split_once('=')) {
            (Some(_), Some((word, id))) if !word.is_empty() => (Some(word), id),
            _ => (None, delivery_id),
        }
    }
}

/// The id of an event, with the sender before it: the ids of two senders may be the same.
fn own_key(name: &str, id: &str) -> String {
    if id.len() <= MAX_ID {
        format!("{name}.{id}")
    } else {
        ContentKey::of(name).with(Some(id)).finish()
    }
}

impl Field {
    /// Copies what the first of the pointers finds that such a field can have.
    fn copy(&self, event: &str, row: &mut Row) {
        let mut found = self
            .pointers
            .iter()
            .filter_map(|pointer| pointer.find(event));
        match self.kind {
            FieldKind::Text => row.text(self.name, text_at(&self.pointers, event)),
            FieldKind::Metadata => {
                let objects = found.map(|json| metadata(Some(json)));
                if let Some(object) = objects.into_iter().find(|object| !object.is_empty()) {
                    row.object(self.name, object);
                }
            }
            FieldKind::List => {
                let is_text = |item: &&str| item.starts_with('"') && to_text(item).is_some();
                let texts = found.find_map(|json| {
                    let texts: Vec<&str> = to_list(json).into_iter().filter(is_text).collect();
                    (!texts.is_empty()).then_some(texts)
                });
                row.list(self.name, texts.unwrap_or_default());
            }
        }
    }
}

/// The word that all providers share.
fn common_word(event_type: EventType) -> &'static str {
    match event_type {
        EventType::Injection | EventType::RelayInjection => "sent",
        EventType::Delivery | EventType::RelayDelivery => "delivered",
        EventType::Delay | EventType::RelayTempfail => "deferred",
        EventType::Bounce | EventType::OutOfBand | EventType::RelayPermfail => "bounced",
        EventType::PolicyRejection | EventType::RelayRejection => "rejected",
        EventType::GenerationFailure | EventType::GenerationRejection => "failed",
        EventType::SpamComplaint => "complained",
        EventType::Open
        | EventType::InitialOpen
        | EventType::AmpOpen
        | EventType::AmpInitialOpen => "opened",
        EventType::Click | EventType::AmpClick => "clicked",
        EventType::ListUnsubscribe | EventType::LinkUnsubscribe => "unsubscribed",
        EventType::AbTestCancelled
        | EventType::AbTestCompleted
        | EventType::Error
        | EventType::SmsStatus
        | EventType::Success => "unknown",
    }
}
