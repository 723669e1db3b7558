//! The rows that the store writes in Postgres' binary form, compared by Postgres with the same values written as binds.

use std::borrow::Cow;

use event_model::{EventKey, Timestamp, sparkpost::Event};
use proptest::{collection::vec, option, prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Map, Number, Value};
use sqlx::PgPool;
use time::macros::datetime;
use uuid::Uuid;

use crate::support::*;

const ROUNDS: u32 = 8;
const EVENTS_A_ROUND: usize = 64;

/// Any text without the one character that Postgres cannot store, and short enough for an index.
fn text() -> impl Strategy<Value = String> {
    "[^\0]{0,60}"
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::Array),
            vec((text(), inner), 0..6).prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

fn any_event() -> impl Strategy<Value = Event<'static>> {
    let accepted = datetime!(2010-01-04 0:00 UTC)..datetime!(2012-01-01 0:00 UTC);
    let micros = |at| Timestamp::from_time(at).unix_micros();
    (
        micros(accepted.start)..micros(accepted.end),
        any::<u128>(),
        text(),
        vec(option::of(text()), 10),
        option::of(any::<i32>()),
        option::of(any::<i16>()),
        json(),
    )
        .prop_map(
            |(micros, key, event_type, texts, subaccount_id, bounce_class, payload)| {
                let mut texts = texts.into_iter().map(|text| text.map(Cow::Owned));
                let mut next = || texts.next().flatten();
                Event {
                    ordinal: 0,
                    key: EventKey::from_u128(key),
                    timestamp: Timestamp::from_unix_micros(micros).unwrap(),
                    event_type: Cow::Owned(event_type),
                    transmission_id: next(),
                    message_id: next(),
                    rcpt_to: next(),
                    recipient_domain: next(),
                    campaign_id: next(),
                    template_id: next(),
                    subject: next(),
                    friendly_from: next(),
                    sending_domain: next(),
                    reason: next(),
                    subaccount_id,
                    bounce_class,
                    payload: Cow::Owned(payload.to_string()),
                }
            },
        )
}

/// Whether the stored row equals the event; all values except the payload are compared as values, the payload as jsonb.
const IS_EQUAL: &str = "
    select (
        type, transmission_id, message_id, rcpt_to, recipient_domain, campaign_id, template_id, subject,
        friendly_from, sending_domain, reason, subaccount_id, bounce_class, event
    ) is not distinct from (
        $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $10::text,
        $11::text, $12::text, $13::text, $14::integer, $15::smallint, $16::text::jsonb
    )
    from email_events
    where ts = $1 and event_key = $2";

async fn is_stored_as_it_is(pool: &PgPool, event: &Event<'_>) -> bool {
    let found: Option<bool> = sqlx::query_scalar(IS_EQUAL)
        .bind(event.timestamp.to_time())
        .bind(Uuid::from_u128(event.key.as_u128()))
        .bind(event.event_type.as_ref())
        .bind(event.transmission_id.as_deref())
        .bind(event.message_id.as_deref())
        .bind(event.rcpt_to.as_deref())
        .bind(event.recipient_domain.as_deref())
        .bind(event.campaign_id.as_deref())
        .bind(event.template_id.as_deref())
        .bind(event.subject.as_deref())
        .bind(event.friendly_from.as_deref())
        .bind(event.sending_domain.as_deref())
        .bind(event.reason.as_deref())
        .bind(event.subaccount_id)
        .bind(event.bounce_class)
        .bind(event.payload.as_ref())
        .fetch_optional(pool)
        .await
        .unwrap();
    found == Some(true)
}

#[sqlx::test(migrations = "../../../migrations")]
async fn whatever_an_event_holds_is_stored_as_it_is(pool: PgPool) {
    let store = store(&pool);
    let mut runner = TestRunner::default();
    for round in 0..ROUNDS {
        let events = vec(any_event(), EVENTS_A_ROUND)
            .new_tree(&mut runner)
            .unwrap()
            .current();

        let outcome = store
            .load_batch(&key(&round.to_string()), &batch(events.clone()))
            .await
            .unwrap();

        assert_eq!(outcome, loaded(events.len().try_into().unwrap(), 0, 0));
        for event in &events {
            assert!(is_stored_as_it_is(&pool, event).await, "{event:?}");
        }
    }
}
