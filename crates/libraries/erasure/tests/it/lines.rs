//! Rejected lines of app events, which do not say themselves whose they are.

use erasure::{Found, LineOwners, Person, rewrite_rejected};
use event_model::{Pipeline::AppEvents, mparticle::ArchivedMessage};
use serde_json::{Value, json};

const KEY: &str = "raw/mparticle/dt=2026-01-31/hour=12/run-1.ndjson.gz";

fn jane() -> Person {
    Person::new(&["jane@x.org"], &["u-1001"]).unwrap()
}

/// An event without anybody's name.
fn event(id: &str) -> Value {
    json!({"event_type": "custom_event", "data": {"source_message_id": id, "custom_attributes": {"n": id}}})
}

fn batch(address: &str, customer: &str, events: &[Value]) -> Value {
    json!({"user_identities": {"email": address, "customer_id": customer}, "events": events})
}

/// The archived messages with these bodies.
fn archived(bodies: &[Value]) -> String {
    let lines = bodies.iter().map(|body| {
        let body = body.to_string();
        let message = ArchivedMessage::new("m-1", 1_769_860_800_000, &body);
        serde_json::to_string(&message).unwrap() + "\n"
    });
    lines.collect()
}

/// A message of each of Jane and Bob, and one of both.
fn archive() -> String {
    archived(&[
        batch("jane@x.org", "c-1", &[event("e-1"), json!("Jane's note")]),
        batch("bob@x.org", "c-2", &[event("e-2")]),
        json!([
            batch("jane@x.org", "c-1", &[event("e-3"), event("same")]),
            batch("bob@x.org", "c-2", &[event("e-4"), event("same")]),
        ]),
    ])
}

fn line(item: &Value) -> Value {
    json!({"reason": "no_event_name", "source_key": KEY, "message_id": "m-1", "item": item.to_string()})
}

fn call(field: &str, name: &str, id: &str) -> Value {
    json!({field: name, "eventName": "view", "id": id, "createdAt": 1_769_860_800, "dataFields": {"mpid": "7"}})
}

/// What becomes of the lines: blank, kept or undecided, which is kept too.
fn rewritten(lines: &[Value], archive: Option<&str>) -> (Vec<bool>, Found) {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let body = lines.join("\n") + "\n";
    let mut owners = LineOwners::asked_by(body.as_bytes());
    let sources: Vec<String> = owners.sources().map(str::to_owned).collect();
    if let Some(archive) = archive {
        for source in sources {
            owners.read(&source, archive.as_bytes(), &jane());
        }
    }
    let rewritten = rewrite_rejected(AppEvents, body.as_bytes(), &jane(), &owners).unwrap();
    let text = rewritten
        .bytes
        .map_or(body, |bytes| String::from_utf8(bytes).unwrap());
    let is_blank = text.lines().map(|line| line.trim().is_empty()).collect();
    (is_blank, rewritten.found)
}

fn found(theirs: u64, mentioned: u64, undecided: u64) -> Found {
    Found {
        theirs,
        mentioned,
        undecided,
        ..Found::default()
    }
}

#[test]
fn an_event_without_its_batch_and_a_call_are_whose_the_batch_in_the_raw_object_is() {
    let lines = [
        line(&event("e-1")),
        line(&event("e-2")),
        line(&event("e-3")),
        line(&event("e-4")),
        line(&json!("Jane's note")),
        // By a name that the request does not have.
        line(&call("userId", "c-1", "e-1")),
        line(&call("userId", "c-2", "e-2")),
        line(&json!({"user": {"userId": "c-1"}, "id": "e-3", "total": 1})),
    ];

    let (is_blank, found_lines) = rewritten(&lines, Some(&archive()));

    assert_eq!(
        is_blank,
        [true, false, true, false, true, true, false, true]
    );
    assert_eq!(found_lines, found(5, 0, 0));
}

#[test]
fn a_call_with_the_persons_name_is_the_persons_without_a_raw_object() {
    let lines = [
        line(&call("userId", "u-1001", "e-9")),
        line(&call("email", "JANE@x.org", "e-9")),
        line(&json!({"user": {"email": "jane@x.org"}, "id": "e-9", "total": 1})),
    ];

    assert_eq!(rewritten(&lines, None), (vec![true; 3], found(3, 0, 0)));
}

#[test]
fn what_the_raw_object_does_not_say_is_undecided_and_stays() {
    let lines = [line(&event("e-1")), line(&call("userId", "c-1", "e-1"))];
    let erased = archived(&[batch("bob@x.org", "c-2", &[event("e-2")])]);

    for archive in [None, Some(erased.as_str())] {
        assert_eq!(rewritten(&lines, archive), (vec![false; 2], found(0, 0, 2)));
    }
    let of_both = [line(&event("same"))];
    assert_eq!(
        rewritten(&of_both, Some(&archive())),
        (vec![false], found(0, 0, 1))
    );
}

#[test]
fn lines_that_say_whose_they_are_or_nothing_of_anybody_ask_no_raw_object() {
    let lines = [
        json!({"reason": "more", "detail": "7 more events", "source_key": KEY}),
        line(&json!({"event_type": "custom_event", "data": null})),
        line(&json!({"event_type": "custom_event", "data": {}})),
        line(&json!(7)),
        line(&batch("bob@x.org", "c-2", &[event("e-2")])),
        json!({"reason": "not_a_notification", "source_key": "m-1", "item": "{\"Records\":[]}"}),
        json!({"reason": "not_json", "source_key": KEY, "item": "{\"data\":"}),
    ];

    assert_eq!(
        rewritten(&lines, None),
        (vec![false; lines.len()], found(0, 0, 0))
    );
}

#[test]
fn an_event_of_somebody_else_that_mentions_the_person_stays_and_is_counted() {
    let event = json!({"data": {"friend": "jane@x.org"}});
    let archive = archived(&[batch("bob@x.org", "c-2", std::slice::from_ref(&event))]);

    assert_eq!(
        rewritten(&[line(&event)], Some(&archive)),
        (vec![false], found(0, 1, 0))
    );
}
