//! From a body to what is stored of it.

use email_senders::{Received, Sender, Senders, to_sparkpost};
use event_model::{BatchKey, EventKey, sparkpost::parse_batch};
use serde_json::Value;
use time::{OffsetDateTime, macros::datetime};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-30 12:00 UTC);

/// An event as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) key: EventKey,
    pub(crate) event_type: String,
    pub(crate) seconds: i64,
    pub(crate) rcpt_to: Option<String>,
    pub(crate) bounce_class: Option<i16>,
    pub(crate) payload: Value,
    pub(crate) text: String,
}

impl Stored {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.payload[name].as_str()
    }
}

/// What became of a body.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Stored>,
    /// The codes of what was rejected.
    pub(crate) rejected: Vec<&'static str>,
}

/// Loads a body as the loader does: under the key of the object that has it.
pub(crate) fn load(sender: &str, id: Option<&str>, body: &[u8]) -> Outcome {
    load_with(&Senders::default(), sender, id, body)
}

/// Loads a body of one of these senders.
pub(crate) fn load_with(senders: &Senders, sender: &str, id: Option<&str>, body: &[u8]) -> Outcome {
    load_key(senders, &BatchKey::of_sender(sender, id, body), body)
}

/// Loads what a sender posts with these headers.
pub(crate) fn receive(
    senders: &Senders,
    sender: &Sender,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Outcome {
    let header = |name: &str| {
        let found = headers.iter().find(|(header, _)| *header == name);
        found.map(|(_, value)| *value)
    };
    let received = Received {
        header: &header,
        presented_key: None,
        body,
        certificate: None,
        now: NOW,
    };
    load_key(senders, &sender.batch_key(&received), body)
}

fn load_key(senders: &Senders, key: &BatchKey, body: &[u8]) -> Outcome {
    let delivery = senders.delivery(&key.object_key(NOW.date())).unwrap();
    let body = to_sparkpost(delivery.as_ref(), body);
    let batch = parse_batch(&body, NOW);
    let events = batch.events.iter().map(|event| Stored {
        key: event.key,
        event_type: event.event_type.to_string(),
        seconds: event.timestamp.unix_millis() / 1_000,
        rcpt_to: event.rcpt_to.as_deref().map(str::to_owned),
        bounce_class: event.bounce_class,
        payload: serde_json::from_str(&event.payload).unwrap(),
        text: event.payload.to_string(),
    });
    Outcome {
        events: events.collect(),
        rejected: batch
            .rejected
            .iter()
            .map(|item| item.reason.code())
            .collect(),
    }
}

/// The only event of a body.
pub(crate) fn one(sender: &str, body: &str) -> Stored {
    let outcome = load(sender, None, body.as_bytes());
    assert_eq!(outcome.rejected, [] as [&str; 0], "{body}");
    assert_eq!(outcome.events.len(), 1, "{body}");
    outcome.events.into_iter().next().unwrap()
}
