//! The results for a body are bounded, and every item is counted.

use event_mapping::{
    Arrival, Call, MAX_CALL_BYTES, MAX_SINGLE_REJECTIONS, Mapped, Mapper, MappingConfig, Note,
    Outcome, RejectReason,
};
use serde_json::Value;

const NOW_MS: i64 = 1_767_312_000_000;

fn list(item: &str, count: usize) -> String {
    format!("[{}]", vec![item; count].join(","))
}

fn map(body: &str) -> Mapped<'_> {
    map_by("{}", body)
}

fn map_by<'a>(config: &str, body: &'a str) -> Mapped<'a> {
    let mapper = Mapper::new(MappingConfig::from_json(config).unwrap()).unwrap();
    mapper.map(
        body,
        &Arrival {
            sent_at_ms: NOW_MS,
            now_ms: NOW_MS,
            max_age_ms: None,
        },
    )
}

#[test]
fn elements_that_are_no_events_or_no_batches_are_counted_after_the_first_thousand() {
    for (body, reason) in [
        (
            format!(r#"{{"events":{}}}"#, list("0", 100_000)),
            RejectReason::NotAnEvent,
        ),
        (list("0", 100_000), RejectReason::NotABatch),
        (list("{}", 100_000), RejectReason::NotABatch),
        (
            list(r#"{"event_type":1}"#, 100_000),
            RejectReason::BareEvent,
        ),
    ] {
        let mapped = map(&body);

        assert_eq!(mapped.events.len(), MAX_SINGLE_REJECTIONS);
        let more = 100_000 - MAX_SINGLE_REJECTIONS as u64;
        assert_eq!(mapped.more.rejected.get(&reason), Some(&more), "{reason}");
        assert_eq!(mapped.more.rejected_ordinals, Some((1_000, 99_999)));
    }
}

#[test]
fn skipped_events_are_counted_after_the_first_thousand() {
    let body = format!(r#"{{"mpid":1,"events":{}}}"#, list("{}", 5_000));

    let mapped = map(&body);

    assert_eq!(mapped.events.len(), MAX_SINGLE_REJECTIONS);
    assert_eq!(mapped.more.skipped.values().sum::<u64>(), 4_000);
}

#[test]
fn what_is_said_once_and_copied_into_each_event_is_bounded() {
    let platform = "x".repeat(30_000);
    let events = list(r#"{"event_type":"session_start"}"#, 10_000);
    let body = format!(
        r#"{{"user_identities":{{"customer_id":"ada"}},"device_info":{{"platform":"{platform}"}},"events":{events}}}"#
    );

    let mapped = map(&body);

    let sent = mapped.events.len() as u64;
    assert!(mapped.call_bytes() < MAX_CALL_BYTES + 2 * platform.len());
    assert!(sent > 10, "{sent}");
    assert_eq!(
        mapped.more.rejected[&RejectReason::TooManyEvents],
        10_000 - sent
    );
}

#[test]
fn profile_without_room_takes_no_ordinal_of_an_event() {
    let platform = "x".repeat(30_000);
    let events = list(r#"{"event_type":"session_start"}"#, 1_000);
    let full = format!(
        r#"{{"user_identities":{{"customer_id":"ada"}},"user_attributes":{{"size":"L"}},"device_info":{{"platform":"{platform}"}},"events":{events}}}"#
    );
    let body = format!(r#"[{full},{{"mpid":1,"events":[7]}}]"#);

    let mapped = map_by(r#"{"profiles":true}"#, &body);

    assert!(mapped.profiles.is_empty());
    assert_eq!(mapped.more.rejected_ordinals.unwrap().1, 999);
    let last = mapped.events.last().unwrap();
    assert!(matches!(&last.outcome, Outcome::Reject(rejection, _)
        if rejection.reason == RejectReason::NotAnEvent));
    assert_eq!(last.ordinal, 1_000);
}

/// The call of a commerce event with these members, by a configuration that sends purchases as such or as events.
fn commerce_call(members: &str, purchases: &str) -> Call {
    let body = format!(
        r#"{{"user_identities":{{"customer_id":"u"}},"events":[{{"event_type":"commerce_event","data":{{{members}}}}}]}}"#
    );
    let config = format!(r#"{{"scope":"everything","purchases":"{purchases}"}}"#);
    let mut mapped = map_by(&config, &body);
    match mapped.events.pop().unwrap().outcome {
        Outcome::Send(call) => call,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_element_of_a_list_that_is_no_object_is_no_item_and_is_noted_once() {
    let junk = list("0", 300_000);
    for (members, list) in [
        (
            format!(r#""product_action":{{"action":"view","products":{junk}}}"#),
            "products",
        ),
        (
            format!(
                r#""product_action":{{"action":"view"}},"promotion_action":{{"promotions":{junk}}}"#
            ),
            "promotions",
        ),
        (
            format!(r#""product_impressions":[{{"products":{junk}}}]"#),
            "impressions",
        ),
    ] {
        let call = commerce_call(&members, "event");

        let request: Value = serde_json::from_str(&call.json).unwrap();
        assert_eq!(request["dataFields"].get(list), None);
        assert!(call.json.capacity() < 4_096, "{}", call.json.capacity());
        let notes: Vec<_> = call.notes.iter().map(Note::field).collect();
        assert_eq!(notes, [Some(list)]);
    }
}

#[test]
fn products_among_other_elements_are_all_kept() {
    let product = r#"{"id":"a","name":"Tea","price":1.50,"quantity":2}"#;
    let products = format!(r#"null,0,{product},"x",[],{product},{{"\ud83d":1}}"#);
    let action = |products: &str| {
        format!(r#""product_action":{{"action":"purchase","products":[{products}]}}"#)
    };

    let event = commerce_call(&action(&products), "event");
    let purchase = commerce_call(&action(&format!("0,{product},null,{product}")), "purchase");

    let event: Value = serde_json::from_str(&event.json).unwrap();
    let names: Vec<_> = event["dataFields"]["products"]
        .as_array()
        .unwrap()
        .iter()
        .map(|product| product.get("name").is_some())
        .collect();
    assert_eq!(names, [true, true, false]);
    let request: Value = serde_json::from_str(&purchase.json).unwrap();
    assert_eq!(request["items"].as_array().unwrap().len(), 2);
    assert_eq!(request["total"], 6.0);
    let codes: Vec<_> = purchase
        .notes
        .iter()
        .map(|note| (note.code(), note.field()))
        .collect();
    assert_eq!(
        codes,
        [("field_left_out", Some("items")), ("total_computed", None)]
    );
}

/// A mebibyte of products is a call of a few, and no product is left out.
#[test]
fn long_lists_of_products_take_about_as_much_memory_as_was_sent() {
    for (product, purchases) in [
        ("{}", "event"),
        (r#"{"id":1}"#, "event"),
        (r#"{"id":1,"name":1,"price":1}"#, "purchase"),
        (
            r#"{"id":1,"name":1,"price":1,"quantity":0.5,"brand":"x"}"#,
            "purchase",
        ),
    ] {
        let count = (1 << 20) / (product.len() + 1);
        let products = list(product, count);
        let members = format!(r#""product_action":{{"action":"purchase","products":{products}}}"#);

        let call = commerce_call(&members, purchases);

        let request: Value = serde_json::from_str(&call.json).unwrap();
        let items = request
            .get("items")
            .unwrap_or(&request["dataFields"]["products"]);
        assert_eq!(items.as_array().unwrap().len(), count, "{product}");
        assert!(call.json.capacity() < 8 << 20, "{}", call.json.capacity());
    }
}

#[test]
fn byte_order_marks_are_no_part_of_a_body() {
    for start in ["\u{feff}", "\u{feff}\u{feff}", " \n\u{feff} "] {
        let body = format!(r#"{start}{{"events":[{{"event_type":"session_start"}}]}}"#);
        assert_eq!(map(&body).events.len(), 1, "{start:?}");
        assert_eq!(map(&body).more.rejected_count(), 0);
    }
}
