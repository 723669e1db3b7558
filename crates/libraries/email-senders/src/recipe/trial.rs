//! A generated delivery of a sender with a recipe, which is found where the recipe looks for it.

use serde_json::{Value, json};

use super::{
    mapping::{Field, FieldKind, Mapping, Word},
    pointer::Pointer,
    signature::Signature,
};
use crate::setup::{TestDelivery, Trial};

/// The type of an event for which the recipe names none.
const WORD: &str = "cistern.test";

pub(super) fn delivery(
    signature: &Signature,
    mapping: &Mapping,
    trial: &Trial<'_>,
) -> TestDelivery {
    let word = mapping.types.keys().next().map_or(WORD, String::as_str);
    let mut event = json!({});
    for field in &mapping.fields {
        if let Some(value) = value_of(field, trial) {
            put(&field.pointers, value, &mut event);
        }
    }
    put(&mapping.event_id, trial.id.into(), &mut event);
    put(&mapping.timestamp, trial.time().into(), &mut event);
    if let Word::Body(pointers) = &mapping.word {
        put(pointers, word.into(), &mut event);
    }
    let body = mapping.events.as_ref().map(|pointer| {
        let mut body = json!({});
        pointer.write(&mut body, json!([event]));
        body
    });
    let body = body.unwrap_or(event);
    let seconds = trial.now.unix_timestamp();
    let bytes = body.to_string();
    let mut headers = signature.sign(trial.secret, trial.id, seconds, bytes.as_bytes());
    headers.extend(
        mapping
            .word_header()
            .map(|header| (header.to_owned(), word.to_owned())),
    );
    TestDelivery::proven(headers, &body)
}

fn put(pointers: &[Pointer], value: Value, event: &mut Value) {
    if let Some(pointer) = pointers.first() {
        pointer.write(event, value);
    }
}

fn value_of(field: &Field, trial: &Trial<'_>) -> Option<Value> {
    match (field.kind, field.name) {
        (FieldKind::Text, "rcpt_to") => Some(trial.recipient().into()),
        (FieldKind::Text, "message_id" | "transmission_id") => Some(trial.id.into()),
        (FieldKind::Text, "subject") => Some("A test of Cistern".into()),
        (FieldKind::Text | FieldKind::Metadata | FieldKind::List, _) => None,
    }
}
