//! Events as senders other than SparkPost write them, and the bodies that hold them. Each has a recipient of its own, by whom its row is
//! recognised, because these senders' events have no id that is stored.

use event_model::Pipeline;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::happened;
use crate::prove::{
    dice::Dice,
    person,
    plan::{Batch, OtherSender},
};

/// Recipients of one message of Amazon SES.
const RECIPIENTS: u64 = 3;
const LINK: &str = "https://shop.example/tea?cup=5";

/// The body of a batch. In another `copy` the ids differ that the sender makes whenever it delivers an event again.
pub(super) fn body(seed: u64, other: OtherSender, batch: &Batch, copy: u64) -> Vec<u8> {
    let events = || batch.events().map(|number| Event { seed, number });
    let text = match other {
        OtherSender::SendGrid => {
            let list: Vec<Value> = events().map(|event| event.sendgrid(copy)).collect();
            // With SendGrid's own ending, which is signed too.
            format!("{}\r\n", Value::Array(list))
        }
        OtherSender::Ses => ses(seed, batch),
        OtherSender::Mailgun => events().map(|event| event.mailgun().to_string()).collect(),
        OtherSender::Postmark => events().map(|event| event.postmark().to_string()).collect(),
        OtherSender::Resend => events().map(|event| event.resend().to_string()).collect(),
        OtherSender::Bird => events().map(|event| event.bird().to_string()).collect(),
    };
    text.into_bytes()
}

/// Whether Postmark takes a batch's event for a bounce, which it delivers for longer than all others.
pub(in crate::prove) fn is_bounce_of_postmark(seed: u64, batch: &Batch) -> bool {
    let event = Event {
        seed,
        number: batch.first,
    };
    batch.other == Some(OtherSender::Postmark) && event.kind(POSTMARK) == "Bounce"
}

/// Whether Mailgun's event is a delivery, of which it makes one attempt.
pub(in crate::prove) fn is_delivery_of_mailgun(seed: u64, batch: &Batch) -> bool {
    let event = Event {
        seed,
        number: batch.first,
    };
    batch.other == Some(OtherSender::Mailgun) && event.kind(MAILGUN) == "delivered"
}

const MAILGUN: [&str; 5] = ["accepted", "delivered", "failed", "opened", "clicked"];
const POSTMARK: [&str; 5] = ["Delivery", "Bounce", "Open", "Click", "SubscriptionChange"];

#[derive(Clone, Copy)]
struct Event {
    seed: u64,
    number: u64,
}

impl Event {
    fn kind(self, kinds: [&'static str; 5]) -> &'static str {
        let mut dice = Dice::new(self.seed ^ self.number, 0x7479_7065);
        dice.choose(&kinds).unwrap_or(kinds[0])
    }

    fn is_of_person(self) -> bool {
        person::owns_event(Pipeline::EmailEvents, self.number)
    }

    fn recipient(self) -> String {
        if self.is_of_person() {
            return person::ADDRESS.to_owned();
        }
        format!("{}-{}@people.example", self.seed, self.number)
    }

    fn time(self) -> OffsetDateTime {
        happened(self.number)
    }

    /// The time as `2026-02-10T12:00:00Z`.
    fn rfc3339(self) -> String {
        self.time().format(&Rfc3339).unwrap_or_default()
    }

    fn message(self) -> String {
        format!("m-{}-{}", self.seed, self.number / 3)
    }

    fn sendgrid(self, copy: u64) -> Value {
        let kind = self.kind(["processed", "delivered", "bounce", "open", "click"]);
        let mut event = json!({
            "email": self.recipient(),
            "event": kind,
            "timestamp": self.time().unix_timestamp(),
            "sg_message_id": format!("{}.filter", self.message()),
            // Another one whenever the event is delivered again.
            "sg_event_id": format!("sg-{}-{copy}", self.number),
            "category": ["tea"],
            "number": self.number.to_string(),
        });
        match kind {
            "bounce" => event["reason"] = json!("550 5.1.1 no such user"),
            "click" => event["url"] = json!(LINK),
            _ => {}
        }
        event
    }

    fn mailgun(self) -> Value {
        json!({"event-data": {
            "event": self.kind(MAILGUN),
            "severity": "permanent",
            "id": format!("mg-{}-{}", self.seed, self.number),
            // With microseconds.
            "timestamp": format!("{}.908181", self.time().unix_timestamp()).parse::<serde_json::Number>().ok(),
            "recipient": self.recipient(),
            "message": {"headers": {"message-id": format!("{}@shop.example", self.message()), "subject": "Tea at five"}},
            "user-variables": {"number": self.number.to_string()},
            "url": LINK,
        }})
    }

    fn postmark(self) -> Value {
        let kind = self.kind(POSTMARK);
        let (address, time) = match kind {
            "Bounce" => ("Email", "BouncedAt"),
            "Delivery" => ("Recipient", "DeliveredAt"),
            "SubscriptionChange" => ("Recipient", "ChangedAt"),
            _ => ("Recipient", "ReceivedAt"),
        };
        // Seven decimals, as in its own samples.
        let at = self.rfc3339().replace('Z', ".3963933Z");
        let mut event = json!({
            "RecordType": kind,
            "MessageStream": "outbound",
            "MessageID": self.message(),
            "Tag": "tea",
            "Metadata": {"number": self.number.to_string()},
            address: self.recipient(),
            time: at,
        });
        match kind {
            "Bounce" => {
                // Beyond 2^53.
                event["ID"] = json!(9_000_000_000_000_000_000_u64 + self.number);
                event["TypeCode"] = json!(1);
            }
            "Click" => event["OriginalLink"] = json!(LINK),
            "SubscriptionChange" => {
                event["Origin"] = json!("Recipient");
                event["SuppressSending"] = json!(true);
                event["SuppressionReason"] = json!("ManualSuppression");
            }
            _ => {}
        }
        event
    }

    fn resend(self) -> Value {
        let kinds = [
            "email.sent",
            "email.delivered",
            "email.bounced",
            "email.opened",
            "email.clicked",
        ];
        json!({
            "type": self.kind(kinds),
            "created_at": self.rfc3339(),
            "data": {
                "email_id": self.message(),
                "to": [self.recipient()],
                "subject": "Tea at five",
                "tags": {"number": self.number.to_string()},
            },
        })
    }

    fn bird(self) -> Value {
        let kinds = [
            "email.processed",
            "email.delivered",
            "email.bounced",
            "email.opened",
            "email.clicked",
        ];
        json!({
            "type": self.kind(kinds),
            "timestamp": self.rfc3339(),
            "data": {
                "email_id": format!("em_{}", self.message()),
                "recipient_id": format!("er_{}-{}", self.seed, self.number),
                "recipient": self.recipient(),
                "metadata": {"number": self.number.to_string()},
            },
        })
    }
}

/// What Firehose stores of the events of Amazon SES: one a line, and one for several recipients of a message. How they are grouped
/// differs between batches, and their rows do not.
fn ses(seed: u64, batch: &Batch) -> String {
    let events: Vec<Event> = batch
        .events()
        .map(|number| Event { seed, number })
        .collect();
    // An event of the person and of others would be nobody's.
    let is_one_message = |one: &Event, other: &Event| {
        one.number / RECIPIENTS == other.number / RECIPIENTS
            && !one.is_of_person()
            && !other.is_of_person()
    };
    let mut lines = String::new();
    for group in events.chunk_by(is_one_message) {
        let Some(message) = group.first().map(|event| event.number / RECIPIENTS) else {
            continue;
        };
        // One time and one type for the whole message.
        let first = Event {
            seed,
            number: message * RECIPIENTS,
        };
        for event in ses_events(first, group) {
            lines.push_str(&event.to_string());
            lines.push('\n');
        }
    }
    lines
}

fn ses_events(message: Event, group: &[Event]) -> Vec<Value> {
    let kind = message.kind(["Send", "Delivery", "Bounce", "Open", "Click"]);
    let at = message.rfc3339();
    let recipients: Vec<String> = group.iter().map(|event| event.recipient()).collect();
    let of = |destination: &[String], part: &str, details: Value| {
        json!({
            "eventType": kind,
            "mail": {
                "timestamp": at,
                "messageId": message.message(),
                "source": "tea@shop.example",
                "destination": destination,
                "tags": {"ses:configuration-set": ["cistern"], "campaign_id": ["prove"]},
            },
            part: details,
        })
    };
    let bounced = || {
        let recipients = recipients.iter();
        recipients
            .map(|address| json!({"emailAddress": address, "status": "5.1.1"}))
            .collect::<Vec<_>>()
    };
    match kind {
        "Send" => vec![of(&recipients, "send", json!({}))],
        "Delivery" => vec![of(
            &recipients,
            "delivery",
            json!({"timestamp": at, "recipients": recipients}),
        )],
        "Bounce" => vec![of(
            &recipients,
            "bounce",
            json!({
                "timestamp": at, "bounceType": "Permanent", "bounceSubType": "General", "feedbackId": message.message(),
                "bouncedRecipients": bounced(),
            }),
        )],
        // Nothing says which of several it was, so these are of messages to one.
        "Open" => alone(&recipients, |to| {
            of(
                to,
                "open",
                json!({"timestamp": at, "ipAddress": "192.0.2.1"}),
            )
        }),
        _ => alone(&recipients, |to| {
            of(to, "click", json!({"timestamp": at, "link": LINK}))
        }),
    }
}

fn alone(recipients: &[String], event: impl Fn(&[String]) -> Value) -> Vec<Value> {
    recipients.chunks(1).map(event).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use email_senders::{Senders, to_sparkpost};
    use event_model::{BatchKey, sparkpost::parse_batch};
    use time::macros::date;

    use super::*;

    fn batch(other: OtherSender, first: u64, count: u64, again: &[u64]) -> Batch {
        Batch {
            pipeline: Pipeline::EmailEvents,
            other: Some(other),
            number: 3,
            first,
            count,
            again: again.to_vec(),
            bad: 0,
            is_gzip: false,
        }
    }

    /// The recipients and keys of the rows that a body becomes.
    fn rows(other: OtherSender, batch: &Batch, copy: u64) -> BTreeSet<(String, String)> {
        let body = body(5, other, batch, copy);
        let id = format!("d-{}", batch.first);
        let key =
            BatchKey::of_sender(other.name(), Some(&id), &body).object_key(date!(2026 - 11 - 30));
        let delivery = Senders::default().delivery(&key).unwrap();
        let translated = to_sparkpost(delivery.as_ref(), &body);
        let parsed = parse_batch(&translated, OffsetDateTime::now_utc());
        assert_eq!(parsed.rejected.len(), 0, "{other:?}");
        let rows: BTreeSet<_> = parsed
            .events
            .iter()
            .map(|event| {
                let recipient = event.rcpt_to.as_deref().unwrap_or_default();
                (recipient.to_owned(), format!("{:?}", event.key))
            })
            .collect();
        assert_eq!(rows.len(), parsed.events.len(), "{other:?}");
        rows
    }

    #[test]
    fn every_number_is_one_row_of_its_recipient() {
        for other in OtherSender::ALL {
            let many = matches!(other, OtherSender::SendGrid | OtherSender::Ses);
            let (count, steps) = if many { (200, 1) } else { (1, 200) };
            let mut recipients = BTreeSet::new();
            for step in 0..steps {
                let batch = batch(other, 400 + step, count, &[]);
                recipients.extend(
                    rows(other, &batch, 0)
                        .into_iter()
                        .map(|(recipient, _)| recipient),
                );
            }

            let expected: BTreeSet<_> = (400..600)
                .map(|number| Event { seed: 5, number }.recipient().to_lowercase())
                .collect();
            assert_eq!(expected.len(), 196);
            assert_eq!(recipients, expected, "{other:?}");
        }
    }

    #[test]
    fn an_event_has_one_key_in_every_batch_and_copy() {
        for other in [OtherSender::SendGrid, OtherSender::Ses] {
            let first = rows(other, &batch(other, 0, 60, &[]), 0);
            let later = rows(other, &batch(other, 60, 1, &[7, 20, 21, 44]), 1);

            assert_eq!(
                later.iter().filter(|row| first.contains(row)).count(),
                4,
                "{other:?}"
            );
        }
    }
}
