//! The events of a plan: what each number's event is, and the bodies that hold them. An event is the same in every body.

pub(super) mod other;

use event_model::Pipeline;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::date};

use super::{
    dice::Dice,
    person,
    plan::{Batch, OtherSender},
};

/// The days on which the events happen. They are over and the first three are in a month that is over, so that days and the month can be
/// compacted while events arrive.
const DAYS: [time::Date; 4] = [
    date!(2026 - 02 - 10),
    date!(2026 - 02 - 11),
    date!(2026 - 02 - 12),
    date!(2026 - 03 - 03),
];
/// So many events in a row happen on one day, so that most batches have events of one or two days.
const EVENTS_IN_A_ROW: u64 = 211;
/// App events of so many users: a user's events are sent in order, those of different users side by side.
const USERS: u64 = 97;
const TYPES: [(&str, &str); 6] = [
    ("message_event", "injection"),
    ("message_event", "delivery"),
    ("message_event", "bounce"),
    ("track_event", "open"),
    ("track_event", "initial_open"),
    ("track_event", "click"),
];

/// The id of an event: letters, digits and hyphens, which is what every destination accepts. That of another sender than SparkPost begins
/// with the sender's name.
pub(super) fn id(seed: u64, pipeline: Pipeline, other: Option<OtherSender>, number: u64) -> String {
    let first = match (pipeline, other) {
        (_, Some(other)) => other.name(),
        (Pipeline::EmailEvents, None) => "e",
        (Pipeline::AppEvents, None) => "a",
        (Pipeline::ProductEvents, None) => "p",
    };
    format!("{first}-{seed}-{number}")
}

/// The id of an item that has to be rejected.
pub(super) fn bad_id(seed: u64, batch: &Batch, number: u64) -> String {
    format!("{BAD}{seed}-{}-{number}", batch.number)
}

/// The beginning of the ids of items that have to be rejected.
pub(super) const BAD: &str = "x-";

/// The body of a batch, as its sender posts it, before compression and signature. `copy` counts the deliveries of the batch.
pub(super) fn body(seed: u64, batch: &Batch, copy: u64) -> Vec<u8> {
    if let Some(other) = batch.other {
        return other::body(seed, other, batch, copy);
    }
    match batch.pipeline {
        Pipeline::EmailEvents => {
            let events = batch.events().map(|number| email_event(seed, number));
            let bad = (0..batch.bad).map(|number| bad_email_event(seed, batch, number));
            Value::Array(events.chain(bad).collect())
                .to_string()
                .into_bytes()
        }
        Pipeline::AppEvents => {
            let events: Vec<Value> = batch
                .events()
                .map(|number| app_event(seed, number))
                .collect();
            let user = batch.number % USERS;
            let (identities, mpid) = if person::owns_batch(batch.pipeline, batch.number) {
                let identities = json!({"customer_id": person::USER, "email": person::ADDRESS});
                (identities, 7)
            } else {
                (
                    json!({"customer_id": format!("user-{user}")}),
                    1_000_000 + user,
                )
            };
            json!({
                "user_identities": identities,
                "mpid": mpid,
                "environment": "production",
                "events": events,
            })
            .to_string()
            .into_bytes()
        }
        Pipeline::ProductEvents => {
            let lines: Vec<String> = batch
                .events()
                .map(|number| product_event(seed, number).to_string())
                .collect();
            lines.join("\n").into_bytes()
        }
    }
}

fn email_event(seed: u64, number: u64) -> Value {
    let (class, kind) = choose_type(seed, number);
    let recipient = if person::owns_event(Pipeline::EmailEvents, number) {
        person::ADDRESS.to_owned()
    } else {
        format!("person-{}@people.example", number % 5_000)
    };
    json!({"msys": {class: {
        "type": kind,
        "event_id": id(seed, Pipeline::EmailEvents, None, number),
        "timestamp": happened(number).unix_timestamp().to_string(),
        "rcpt_to": recipient,
        "message_id": format!("m-{seed}-{}", number / 3),
        "campaign_id": "prove",
        "subject": "Tea at five",
        "rcpt_meta": {"number": number.to_string()},
    }}})
}

/// An event without a usable time: rejected by the loader, with a reason that names the field.
fn bad_email_event(seed: u64, batch: &Batch, number: u64) -> Value {
    json!({"msys": {"message_event": {
        "type": "delivery", "event_id": bad_id(seed, batch, number), "timestamp": "teatime",
    }}})
}

fn app_event(seed: u64, number: u64) -> Value {
    json!({"event_type": "screen_view", "data": {
        "source_message_id": id(seed, Pipeline::AppEvents, None, number),
        "timestamp_unixtime_ms": happened(number).unix_timestamp() * 1_000,
        "screen_name": "Home",
    }})
}

fn product_event(seed: u64, number: u64) -> Value {
    let at = happened(number);
    let (hour, minute, second) = at.to_hms();
    let user = if person::owns_event(Pipeline::ProductEvents, number) {
        person::USER.to_owned()
    } else {
        format!("user-{}", number % 210)
    };
    json!({
        "event": "LOGIN",
        "userId": user,
        "eventId": id(seed, Pipeline::ProductEvents, None, number),
        "dateTime": format!("{} {hour:02}:{minute:02}:{second:02}", at.date()),
    })
}

fn choose_type(seed: u64, number: u64) -> (&'static str, &'static str) {
    let mut dice = Dice::new(seed ^ number, 0x7479_7065);
    dice.choose(&TYPES).unwrap_or(("message_event", "delivery"))
}

/// When an event happened: on one of [`DAYS`].
fn happened(number: u64) -> OffsetDateTime {
    let day = usize::try_from(number / EVENTS_IN_A_ROW).unwrap_or(0) % DAYS.len();
    let second = i64::try_from(Dice::new(number, 0x7469_6d65).below(86_400)).unwrap_or(0);
    let [first, ..] = DAYS;
    let day = DAYS.get(day).copied().unwrap_or(first);
    day.midnight().assume_utc() + time::Duration::seconds(second)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use event_mapping::{Arrival, Mapper, MappingConfig, dry_run};
    use event_model::sparkpost::parse_batch;

    use super::*;

    fn batch(pipeline: Pipeline) -> Batch {
        Batch {
            pipeline,
            other: None,
            number: 3,
            first: 400,
            count: 50,
            again: vec![7, 9],
            bad: 2,
            is_gzip: false,
        }
    }

    #[test]
    fn an_email_batch_parses_into_its_events_and_its_bad_items() {
        let batch = batch(Pipeline::EmailEvents);
        let body = body(5, &batch, 0);

        let parsed = parse_batch(&body, OffsetDateTime::now_utc());

        assert_eq!((parsed.events.len(), parsed.rejected.len()), (52, 2));
        let keys: BTreeSet<_> = parsed.events.iter().map(|event| event.key).collect();
        assert_eq!(keys.len(), 52);
        let text = String::from_utf8(body).unwrap();
        assert!(text.contains("\"e-5-400\"") && text.contains("\"x-5-3-1\""));
    }

    #[test]
    fn every_app_event_is_sent_under_its_id() {
        let body = body(5, &batch(Pipeline::AppEvents), 0);
        let mapper = Mapper::new(MappingConfig::from_json("{}").unwrap()).unwrap();
        let arrival = Arrival {
            sent_at_ms: 0,
            now_ms: 0,
            max_age_ms: None,
        };

        let outcome = dry_run(&mapper, str::from_utf8(&body).unwrap(), &arrival);

        assert_eq!((outcome.event_count, outcome.sent), (52, 52));
        let request = outcome.events[0].request.as_ref().unwrap().to_string();
        let request: Value = serde_json::from_str(&request).unwrap();
        assert_eq!(request["id"], "a-5-400");
    }

    #[test]
    fn an_event_is_the_same_in_every_body() {
        let line = |batch: &Batch, id: &str| -> String {
            let body = String::from_utf8(body(5, batch, 0)).unwrap();
            body.lines()
                .find(|line| line.contains(id))
                .unwrap()
                .to_owned()
        };
        let one = batch(Pipeline::ProductEvents);
        let other = Batch {
            number: 0,
            first: 0,
            again: Vec::new(),
            ..batch(Pipeline::ProductEvents)
        };

        assert_eq!(line(&one, "\"p-5-7\""), line(&other, "\"p-5-7\""));
    }
}
