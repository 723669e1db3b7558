//! Properties of every mParticle body, on generated ones.

use std::collections::BTreeSet;

use event_mapping::{
    Arrival, Mapped, Note, Outcome, dry_run,
    iterable::{MAX_ID_BYTES, track_bulk_body},
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::mparticle_samples::{ARRIVAL, mapper};

const CONFIGS: [&str; 3] = [
    "{}",
    r#"{"scope":"everything","profiles":true,"identity":{"without":"placeholder"},"attributes":{"coerce":"as_sent"}}"#,
    r#"{"scope":"everything","purchases":"purchase","identity":{"project":"email","without":"reject"},
        "consent":{"regulation":"ccpa"},"attributes":{"coerce":"mparticle","types":{"price":"number"}}}"#,
];

const TYPES: [&str; 14] = [
    "screen_view",
    "session_start",
    "session_end",
    "application_state_transition",
    "custom_event",
    "commerce_event",
    "first_run",
    "opt_out",
    "profile",
    "push_message",
    "crash_report",
    "user_attribute_change",
    "brand_new",
    "",
];

/// Any value in the position of any other.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e6..1e6).prop_map(Value::from),
        any::<i64>().prop_map(|number| Value::from(number.to_string())),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z$ ._#]{0,6}|[0-9]{1,2}", inner, 0..4)
                .prop_map(|map| Value::from(Map::from_iter(map))),
        ]
    })
}

fn any_product() -> impl Strategy<Value = Value> {
    (any_value(), any_value(), any_value(), any_value()).prop_map(|(id, name, price, quantity)| {
        json!({"id": id, "name": name, "price": price, "quantity": quantity})
    })
}

fn any_event() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "timestamp_unixtime_ms",
        "event_id",
        "source_message_id",
        "session_uuid",
        "session_id",
        "custom_attributes",
        "event_name",
        "screen_name",
        "session_duration_ms",
        "application_transition_type",
        "is_first_run",
        "is_opted_out",
        "user_attribute_name",
        "new",
        "deleted",
        "currency_code",
        "product_impressions",
    ]);
    let data = prop::collection::btree_map(names, any_value(), 0..6);
    let action = prop::sample::select(vec!["purchase", "add_to_cart", "unknown", ""]);
    let products = prop::collection::vec(any_product(), 0..3);
    let event = (prop::sample::select(TYPES.to_vec()), data, action, products).prop_map(
        |(event_type, data, action, products)| {
            let mut data: Map<String, Value> = data
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            if event_type == "commerce_event" {
                data.insert(
                    "product_action".to_owned(),
                    json!({"action": action, "products": products}),
                );
            }
            json!({"event_type": event_type, "data": data})
        },
    );
    prop_oneof![9 => event, 1 => any_value()]
}

/// A batch of events of any type.
pub(crate) fn any_batch() -> impl Strategy<Value = Value> {
    let identities = prop_oneof![
        Just(json!({"customer_id": "ada", "email": "ada@example.com"})),
        Just(json!([{"identity_type": "email", "identity": "ada@example.com"}])),
        any_value(),
    ];
    let environment = prop_oneof![3 => Just(json!("production")), 1 => any_value()];
    (prop::collection::vec(any_event(), 0..8), identities, environment, any_value(), any_value()).prop_map(
        |(events, identities, environment, mpid, attributes)| {
            json!({"events": events, "user_identities": identities, "environment": environment, "mpid": mpid,
                "user_attributes": attributes, "schema_version": 2})
        },
    )
}

/// Sent, skipped, rejected.
fn tally(mapped: &Mapped<'_>) -> [usize; 3] {
    let mut tally = [0; 3];
    for event in &mapped.events {
        match event.outcome {
            Outcome::Send(_) => tally[0] += 1,
            Outcome::Skip(_) => tally[1] += 1,
            Outcome::Reject(..) => tally[2] += 1,
        }
    }
    tally
}

/// The content of an event of a type besides its attributes: the type, and the members of its data that are fields.
const FIELDS: [(&str, &[&str]); 6] = [
    ("screen_view", &["activity_type"]),
    ("session_end", &["session_duration_ms"]),
    (
        "application_state_transition",
        &[
            "is_first_run",
            "is_upgrade",
            "launch_referral",
            "successfully_closed",
        ],
    ),
    ("opt_out", &["is_opted_out"]),
    ("profile", &["profile_event_type"]),
    ("custom_event", &["custom_event_type"]),
];
const ORDER_FIELDS: [&str; 6] = [
    "total_amount",
    "tax_amount",
    "shipping_amount",
    "transaction_id",
    "coupon_code",
    "checkout_step",
];
const PRODUCT_FIELDS: [&str; 6] = ["id", "name", "price", "quantity", "category", "brand"];

/// A value of any type, often one that resembles a number.
fn any_amount() -> impl Strategy<Value = Value> {
    let amounts = ["1,299.00", "$5", "NaN", "59.90", "12", "", " "];
    prop_oneof![
        2 => prop::sample::select(amounts.to_vec()).prop_map(Value::from),
        1 => any_value(),
    ]
}

fn members(names: &'static [&'static str]) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map(prop::sample::select(names.to_vec()), any_amount(), 0..5).prop_map(
        |members| {
            members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()
        },
    )
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        _ => true,
    }
}

/// Every name, at any depth, is one that Iterable accepts.
fn assert_names_are_allowed(value: &Value) -> Result<(), TestCaseError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(assert_names_are_allowed),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            prop_assert!(
                !name.trim().is_empty()
                    && !name.starts_with('_')
                    && !name.contains(['.', ',', '#'])
                    && !name.bytes().all(|byte| byte.is_ascii_digit()),
                "{name}"
            );
            assert_names_are_allowed(value)
        }),
        _ => Ok(()),
    }
}

proptest! {
    #[test]
    fn no_value_of_a_kinds_own_fields_goes_without_a_note(
        kind in prop::sample::select(FIELDS.to_vec()),
        values in prop::collection::vec(any_amount(), 4),
    ) {
        let (event_type, names) = kind;
        let mut data: Map<String, Value> = names.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value)).collect();
        data.insert("event_name".to_owned(), "x".into());
        let body = json!({"user_identities": {"customer_id": "ada"}, "events": [{"event_type": event_type, "data": data}]}).to_string();
        let config = r#"{"scope":"everything","events":{"profile":{"send":true}}}"#;

        let mapped = mapper(config).map(&body, &ARRIVAL);

        for event in &mapped.events {
            let Outcome::Send(call) = &event.outcome else { continue };
            let request: Value = serde_json::from_str(&call.json).unwrap();
            for name in names.iter().filter(|name| says_something(&data[**name])) {
                let is_sent = request["dataFields"].get(*name).is_some();
                let is_told = call.notes.iter().filter_map(Note::field).any(|field| field.starts_with(name));
                prop_assert!(is_sent != is_told, "{}: {:?} in {}", name, call.notes, call.json);
            }
        }
    }

    #[test]
    fn no_value_of_an_order_goes_without_a_note(
        order in members(&ORDER_FIELDS),
        product in members(&PRODUCT_FIELDS),
        mode in prop::sample::select(vec!["purchase", "event"]),
    ) {
        let mut action = order.clone();
        action.insert("action".to_owned(), "purchase".into());
        action.insert("products".to_owned(), json!([product]));
        let event = json!({"event_type": "commerce_event", "data": {"product_action": action}});
        let body = json!({"user_identities": {"customer_id": "ada"}, "events": [event]}).to_string();

        let mapped = mapper(&json!({"purchases": mode}).to_string()).map(&body, &ARRIVAL);

        let Outcome::Send(call) = &mapped.events[0].outcome else { panic!("{mapped:?}") };
        let request: Value = serde_json::from_str(&call.json).unwrap();
        let fields = &request["dataFields"];
        let is_told = |name: &str| call.notes.iter().filter_map(Note::field).any(|field| field.starts_with(name));
        for (name, _) in order.iter().filter(|(_, value)| says_something(value)) {
            let is_sent = fields.get(name).is_some() || name == "total_amount" && request.get("total").is_some();
            prop_assert!(is_sent || is_told(name), "{}: {:?} in {}", name, call.notes, call.json);
        }
        let item = request.pointer("/items/0").or_else(|| fields.pointer("/products/0")).unwrap();
        for (name, _) in product.iter().filter(|(_, value)| says_something(value)) {
            let is_sent = item.get(name).is_some()
                || item["dataFields"].get(name).is_some()
                || name == "category" && item.get("categories").is_some();
            let is_told = is_told(&format!("products.{name}")) || is_told(&format!("items.{name}"));
            prop_assert!(is_sent || is_told, "{}: {:?} in {}", name, call.notes, call.json);
        }
    }

    #[test]
    fn no_attribute_goes_without_a_note(
        attributes in prop::collection::btree_map("[a-z_.#,]{0,4}|email|createdAt|screen_name|[0-9]{1,2}", any_value(), 0..8),
        config in prop::sample::select(CONFIGS.to_vec()),
    ) {
        let event = json!({"event_type": "screen_view", "data": {"screen_name": "s", "custom_attributes": attributes}});
        let body = json!({"mpid": 5, "user_identities": {"customer_id": "ada", "email": "ada@example.com"}, "events": [event]}).to_string();

        let mapped = mapper(config).map(&body, &ARRIVAL);

        for event in &mapped.events {
            let Outcome::Send(call) = &event.outcome else { continue };
            let request: Value = serde_json::from_str(&call.json).unwrap();
            let fields = request["dataFields"].as_object().unwrap();
            for name in fields.keys() {
                prop_assert!(!name.contains(['.', ',', '#']) && !name.starts_with('_') && name != "email", "{}", name);
            }
            for (name, _) in attributes.iter().filter(|(_, value)| !value.is_null()) {
                let is_own = fields.contains_key(name) && name != "screen_name";
                let is_told = |note: &&Note| note.field() == Some(name) && !matches!(note, Note::FieldChanged(_) | Note::FieldTypeChanged(_));
                let notes = call.notes.iter().filter(is_told).count();
                prop_assert_eq!(usize::from(is_own) + notes, 1, "{}: {:?} in {}", name, call.notes, call.json);
            }
        }
    }

    #[test]
    fn attribute_is_sent_as_it_came_or_a_note_says_what_was_changed(
        attributes in prop::collection::btree_map("[a-z]{1,4}", any_value(), 0..8),
        config in prop::sample::select(CONFIGS.to_vec()),
        is_profile: bool,
    ) {
        let (config, batch) = if is_profile {
            (r#"{"profiles":true}"#, json!({"user_attributes": attributes, "events": []}))
        } else {
            let data = json!({"screen_name": "s", "custom_attributes": attributes});
            (config, json!({"events": [{"event_type": "screen_view", "data": data}]}))
        };
        let mut batch = batch;
        batch["user_identities"] = json!({"customer_id": "ada", "email": "ada@example.com"});
        let body = batch.to_string();
        let sent: Value = serde_json::from_str(&json!(attributes).to_string()).unwrap();

        let mapped = mapper(config).map(&body, &ARRIVAL);

        let calls = mapped.events.iter().filter_map(|event| match &event.outcome {
            Outcome::Send(call) => Some(call),
            Outcome::Skip(_) | Outcome::Reject(..) => None,
        });
        for call in calls.chain(&mapped.profiles) {
            let request: Value = serde_json::from_str(&call.json).unwrap();
            assert_names_are_allowed(&request["dataFields"])?;
            for (name, value) in sent.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()) {
                let is_same = request["dataFields"].get(name) == Some(value);
                let is_told = call.notes.iter().filter_map(Note::field).any(|field| {
                    field.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                });
                prop_assert!(is_same != is_told, "{}: {:?} in {}", name, call.notes, call.json);
            }
        }
    }

    #[test]
    fn event_name_is_within_the_limits_and_a_changed_one_is_noted(
        name in "[a-z\n\u{0}ä ]{1,6}|[a-zä]{250,300}",
        prefix in "|app_",
    ) {
        let event = json!({"event_type": "custom_event", "data": {"event_name": name}});
        let body = json!({"user_identities": {"customer_id": "ada"}, "events": [event]}).to_string();
        let config = json!({"scope": "everything", "event_name_prefix": prefix}).to_string();

        let mapped = mapper(&config).map(&body, &ARRIVAL);

        if let Outcome::Send(call) = &mapped.events[0].outcome {
            prop_assert!(call.event_name.chars().count() <= 255 && !call.event_name.contains(char::is_control));
            let is_noted = call.notes.iter().any(|note| note.field() == Some("event_name"));
            prop_assert_eq!(is_noted, call.event_name != format!("{prefix}{name}"));
            let request: Value = serde_json::from_str(&call.json).unwrap();
            prop_assert_eq!(request["eventName"].as_str(), Some(call.event_name.as_str()));
        }
    }

    #[test]
    fn every_event_ends_in_one_way(batch in any_batch()) {
        let body = batch.to_string();
        let events = batch["events"].as_array().unwrap().len();

        for config in CONFIGS {
            let mapped = mapper(config).map(&body, &ARRIVAL);

            prop_assert_eq!(tally(&mapped).iter().sum::<usize>(), events);
            let ordinals: Vec<_> = mapped.events.iter().map(|event| event.ordinal as usize).collect();
            prop_assert_eq!(ordinals, (0..events).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_sent_is_a_request_of_iterables(batch in any_batch()) {
        let body = batch.to_string();

        for config in CONFIGS {
            let mapped = mapper(config).map(&body, &ARRIVAL);

            for event in &mapped.events {
                let Outcome::Send(call) = &event.outcome else { continue };
                let request: Value = serde_json::from_str(&call.json).unwrap();
                prop_assert!(call.id.len() <= MAX_ID_BYTES && !call.id.is_empty());
                prop_assert!(call.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
                prop_assert!(request["dataFields"].is_object());
                let user = if request["user"].is_object() { &request["user"] } else { &request };
                prop_assert!(user["email"].is_string() != user["userId"].is_string());
                if let Some(created_at) = request["createdAt"].as_i64() {
                    prop_assert!((0..4_102_444_800).contains(&created_at));
                }
            }
        }
    }

    #[test]
    fn the_same_body_gives_the_same_requests_at_any_time(batch in any_batch(), later_ms in 0..86_400_000_i64) {
        let body = batch.to_string();
        let mapper = mapper(CONFIGS[1]);
        let later = Arrival { now_ms: ARRIVAL.now_ms + later_ms, ..ARRIVAL };
        let ids = |arrival: &Arrival| -> Vec<String> {
            let mapped = mapper.map(&body, arrival);
            mapped.events.into_iter().filter_map(|event| match event.outcome {
                Outcome::Send(call) => Some(call.id),
                Outcome::Skip(_) | Outcome::Reject(..) => None,
            }).collect()
        };

        prop_assert_eq!(ids(&ARRIVAL), ids(&later));
    }

    #[test]
    fn events_of_different_content_have_different_ids(screens in prop::collection::btree_set("[a-z]{1,8}", 1..20)) {
        let events: Vec<_> = screens.iter()
            .map(|screen| json!({"event_type": "screen_view", "data": {"screen_name": screen}}))
            .collect();
        let body = json!({"events": events, "user_identities": {"customer_id": "ada"}}).to_string();

        let report = dry_run(&mapper("{}"), &body, &ARRIVAL);

        let ids: BTreeSet<String> = report.events.iter()
            .map(|event| serde_json::from_str::<Value>(event.request.as_ref().unwrap().get()).unwrap()["id"].to_string())
            .collect();
        prop_assert_eq!(ids.len(), screens.len());
    }

    #[test]
    fn any_text_is_accounted_for(text: String) {
        let mapped = mapper("{}").map(&text, &ARRIVAL);

        prop_assert!(mapped.events.len() <= 1 || text.trim_start().starts_with('['));
    }
}

#[test]
fn bodies_of_requests_are_put_together_from_events() {
    let body = track_bulk_body([r#"{"a":1}"#, "{}"]);

    assert_eq!(body, r#"{"events":[{"a":1},{}]}"#);
}
