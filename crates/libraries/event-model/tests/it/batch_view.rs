//! A whole [`Batch`] in a form that is easy to review as a snapshot.

use event_model::sparkpost::{Batch, Event, RejectedItem};
use memchr::memmem;
use serde_json::{Map, Value, json};

/// Shows everything in a batch. Empty columns are left out, and a payload that is a slice of the body is marked as
/// such.
pub(crate) fn batch_view(body: &[u8], batch: &Batch<'_>) -> Value {
    json!({
        "received": batch.received(),
        "sanitized": batch.sanitized,
        "events": batch.events.iter().map(|event| event_view(body, event)).collect::<Vec<_>>(),
        "rejected": batch.rejected.iter().map(rejected_view).collect::<Vec<_>>(),
    })
}

fn event_view(body: &[u8], event: &Event<'_>) -> Value {
    let texts = [
        ("transmission_id", &event.transmission_id),
        ("message_id", &event.message_id),
        ("rcpt_to", &event.rcpt_to),
        ("recipient_domain", &event.recipient_domain),
        ("campaign_id", &event.campaign_id),
        ("template_id", &event.template_id),
        ("subject", &event.subject),
        ("friendly_from", &event.friendly_from),
        ("sending_domain", &event.sending_domain),
        ("reason", &event.reason),
    ];
    let mut columns: Map<_, _> = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_ref()?))))
        .collect();
    columns.extend(
        event
            .subaccount_id
            .map(|id| ("subaccount_id".to_owned(), json!(id))),
    );
    columns.extend(
        event
            .bounce_class
            .map(|class| ("bounce_class".to_owned(), json!(class))),
    );
    json!({
        "ordinal": event.ordinal,
        "key": event.key.to_string(),
        "timestamp": event.timestamp.to_string(),
        "type": event.event_type,
        "columns": columns,
        "payload": payload_view(body, &event.payload),
    })
}

fn payload_view(body: &[u8], payload: &str) -> Value {
    match memmem::find(body, payload.as_bytes()) {
        Some(_) => json!("as sent"),
        None => serde_json::from_str(payload).expect("a payload is JSON"),
    }
}

fn rejected_view(item: &RejectedItem<'_>) -> Value {
    json!({
        "ordinal": item.ordinal,
        "code": item.reason.code(),
        "reason": item.reason.to_string(),
        "raw": String::from_utf8_lossy(&item.raw),
    })
}
