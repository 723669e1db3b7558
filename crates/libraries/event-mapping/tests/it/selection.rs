//! Ordinals: an event is selected by the ordinal under which it was mapped.

use std::collections::BTreeSet;

use event_mapping::{Mapped, Mapper, Outcome};
use event_model::mparticle::select_events;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    mapping_properties::{any_batch, any_value},
    mparticle_samples::{ARRIVAL, mapper},
};

/// Every element of a body is counted once, whatever it is.
fn mapped_count(mapped: &Mapped<'_>) -> u32 {
    let more = mapped.more.skipped.values().sum::<u64>() + mapped.more.rejected_count();
    u32::try_from(mapped.events.len() as u64 + more).unwrap()
}

/// What became of an event, without the texts that depend on its position.
fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Send(call) => call.json.clone(),
        Outcome::Skip(reason) => reason.to_string(),
        Outcome::Reject(rejection, item) => format!("{} {item}", rejection.reason),
    }
}

fn assert_selected_as_mapped(mapping: &Mapper, body: &str) -> Result<(), TestCaseError> {
    let mapped = mapping.map(body, &ARRIVAL);
    let count = mapped_count(&mapped);
    for event in &mapped.events {
        let selected = select_events(body, &BTreeSet::from([event.ordinal]));
        prop_assert_eq!(selected.len(), 1, "{} of {}", event.ordinal, body);

        let again = mapping.map(&selected[0], &ARRIVAL);

        prop_assert_eq!(again.events.len(), 1, "{}", &selected[0]);
        prop_assert_eq!(shown(&again.events[0].outcome), shown(&event.outcome));
    }
    let all = select_events(body, &(0..count).collect());
    let none = select_events(body, &(count..count + 10).collect());
    let all: u32 = all
        .iter()
        .map(|body| mapped_count(&mapping.map(body, &ARRIVAL)))
        .sum();
    prop_assert_eq!((all, none), (count, Vec::new()));
    Ok(())
}

/// A body as they are sent: a batch, several of them, or something among them that is none. A list in a list is left out: as a
/// body of its own it would be a list of batches.
fn any_body() -> impl Strategy<Value = Value> {
    let events = (any_batch(), any_value()).prop_map(|(mut batch, events)| {
        batch["events"] = events;
        batch
    });
    let part = prop_oneof![
        4 => any_batch(),
        2 => events,
        1 => Just(json!({"request_type": "alias"})),
        1 => any_value().prop_filter("a list is no part", |value| !value.is_array()),
    ];
    prop_oneof![
        any_batch(),
        prop::collection::vec(part, 0..4).prop_map(Value::from),
    ]
}

proptest! {
    #[test]
    fn an_event_is_selected_by_the_ordinal_under_which_it_was_mapped(body in any_body()) {
        let mapper = mapper(r#"{"scope":"everything","purchases":"purchase","identity":{"without":"reject"}}"#);

        assert_selected_as_mapped(&mapper, &body.to_string())?;
    }
}

#[test]
fn events_of_odd_forms_are_selected_by_the_ordinals_under_which_they_were_mapped() {
    let mapper = mapper("{}");
    for body in [
        r#"[{"mpid":1,"events":{"a":1}},{"mpid":2,"events":[{"event_type":"custom_event","data":{}}]}]"#,
        r#"[{"mpid":1,"events":[1,2],"events":null},{"mpid":2,"events":[{}, 3, null, [4], {"\ud800":1}]}]"#,
        r#"[{"mpid":1,"events":"x"},7,{"\ud83d":1},{"mpid":1},{"events":[{"data":{}}]}]"#,
        r#"{"events":7}"#,
        "[]",
        "no JSON",
        "",
    ] {
        assert_selected_as_mapped(&mapper, body).unwrap();
    }
}

#[test]
fn events_that_are_only_counted_have_ordinals_too() {
    let breadcrumb = r#"{"event_type":"breadcrumb","data":{}}"#;
    let nameless = r#"{"event_type":"custom_event","data":{}}"#;
    let events = [vec![breadcrumb; 1_001], vec![nameless]].concat().join(",");
    let body = format!(r#"{{"user_identities":{{"customer_id":"u"}},"events":[{events}]}}"#);

    let mapped = mapper(r#"{"scope":"everything"}"#).map(&body, &ARRIVAL);

    let last = mapped.events.last().unwrap();
    assert!(matches!(last.outcome, Outcome::Reject(..)));
    assert_eq!(last.ordinal, 1_001);
    let selected = select_events(&body, &BTreeSet::from([1_001]));
    assert!(selected[0].contains(nameless) && !selected[0].contains(breadcrumb));
}
