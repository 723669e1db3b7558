//! Bodies of strangers and of broken senders: how much becomes of them, and that their neighbours are not touched.

use email_senders::{Recipe, Refused, Senders, to_sparkpost};
use event_model::{
    BatchKey,
    sparkpost::{parse_batch, split_items},
};

use crate::{
    deliveries::{NOW, load, load_with, receive},
    signatures::Request,
};

/// What a function of 256 MB has room for, beside the body and what is decoded of it.
const MAX_TRANSLATED: usize = 100 << 20;

/// What the loader reads of a body, and how many items it counts.
fn translated(sender: &str, body: &[u8]) -> (Vec<u8>, usize) {
    let key = BatchKey::of_sender(sender, None, body).object_key(NOW.date());
    let delivery = Senders::default().delivery(&key).unwrap();
    let translated = to_sparkpost(delivery.as_ref(), body).into_owned();
    let received = parse_batch(&translated, NOW).received();
    (translated, received)
}

#[test]
fn small_items_become_no_more_than_a_function_has_room_for_and_each_is_counted() {
    for (item, count) in [("{}", 600_000), ("1", 300_000), (r#"{"event":1}"#, 300_000)] {
        let body = format!("[{item}{}]", format!(",{item}").repeat(count - 1));
        for sender in ["postmark", "mailgun"] {
            let (translated, received) = translated(sender, body.as_bytes());

            assert!(translated.len() < MAX_TRANSLATED, "{sender} {item}");
            assert_eq!(received, count, "{sender} {item}");
        }
    }
}

/// The whole event is in the row of each of its recipients.
#[test]
fn one_event_about_many_recipients_is_bounded_and_its_neighbour_is_stored() {
    let recipient = r#"{"emailAddress":"jane@x.example"}"#;
    let recipients = format!("{recipient}{}", format!(",{recipient}").repeat(20_000));
    let bounce = format!(
        r#"{{"eventType":"Bounce","bounce":{{"bouncedRecipients":[{recipients}],"timestamp":"2026-11-30T11:00:00Z"}},"mail":{{"messageId":"m"}}}}"#
    );
    let neighbour = r#"{"eventType":"Send","send":{},"mail":{"messageId":"n","timestamp":"2026-11-30T11:00:00Z","destination":["bob@x.example"]}}"#;

    let (translated, received) = translated("ses", format!("{neighbour}{bounce}").as_bytes());

    assert!(translated.len() < MAX_TRANSLATED);
    assert_eq!(received, 2);
}

#[test]
fn requests_of_strangers_are_refused_whatever_their_size() {
    let names: Vec<String> = (0..200_000).map(|n| format!("{n:x}=")).collect();
    let members = r#""":1,"#.repeat(2_000_000);
    for body in [
        names.join("&"),
        "a&".repeat(4_000_000),
        format!("{{{members}\"b\":1}}"),
        format!(r#"{{"signature":{{{members}"b":1}}}}"#),
    ] {
        let request = Request {
            body: body.into_bytes(),
            secrets: vec!["key-of-sixteen-letters".to_owned()],
            ..Request::default()
        };
        assert_eq!(request.check("mailgun"), Err(Refused::Missing));
    }
}

#[test]
fn message_of_sns_that_is_not_json_ends_nobody_elses_event() {
    let good = r#"{"eventType":"Send","send":{},"mail":{"messageId":"n","timestamp":"2026-11-30T11:00:00Z","destination":["bob@x.example"]}}"#;
    for message in [
        r#"{"a":1"#,
        r#"{"a":1}}"#,
        r#"{"a":1}}}},{"msys":{"message_event":{"type":"delivery","event_id":"x","timestamp":"1796000000"}}},{"msys":{"m":{"timestamp":"1796000000""#,
        r"{",
        r#"{"a":1} {"b":2}"#,
    ] {
        let message = serde_json::Value::from(message);
        let broken = format!(r#"{{"Type":"Notification","TopicArn":"t","Message":{message}}}"#);

        let outcome = load("ses", None, format!("{broken}{good}").as_bytes());

        let providers: Vec<_> = outcome
            .events
            .iter()
            .map(|event| event.text("provider"))
            .collect();
        assert!(
            providers.iter().all(|provider| *provider == Some("ses")),
            "{message}"
        );
        let recipients = outcome
            .events
            .iter()
            .filter_map(|event| event.rcpt_to.as_deref());
        assert_eq!(
            recipients.collect::<Vec<_>>(),
            ["bob@x.example"],
            "{message}"
        );
        assert_eq!(
            outcome.events.len() + outcome.rejected.len(),
            2,
            "{message}"
        );
    }
}

/// What is erased is found in the items of the body, one by one; what is stored is read of the whole body.
#[test]
fn items_of_a_body_are_the_events_that_are_stored_of_it() {
    let recipe = br#"{"name":"own","proof":{"signature_header":"S"},
        "mapping":{"events":"/events","type":"/type","timestamp":"/at","fields":{"rcpt_to":"/to"}}}"#;
    let senders = Senders::default()
        .with(Recipe::parse(recipe).unwrap(), false)
        .unwrap();
    for body in [
        b"{\"events\":[{\"type\":\"\xe4\",\"to\":\"a@x.example\"},{\"type\":\"b\"},7]}".as_slice(),
        b"{\"events\":[]}{\"events\":[{\"type\":\"b\"}]} {\"type\":\"c\"}\n{\"type\":",
        b"[{\"type\":\"\xff\"},\"a=b\",{\"events\":[{},{}]}]",
        b"\xef\xbb\xbf [{\"type\":\"a\"}] ",
        b"type=a&type=b",
        b"[{\"type\":\"a\"},{\"ty",
        b"7",
        b"",
    ] {
        for sender in ["own", "postmark", "mailgun"] {
            let key = BatchKey::of_sender(sender, None, body).object_key(NOW.date());
            let delivery = senders.delivery(&key).unwrap().unwrap();
            let whole = to_sparkpost(Some(&delivery), body).into_owned();
            let Some(items) = delivery.items(body) else {
                assert_eq!(whole, body);
                continue;
            };
            let one_by_one: Vec<Vec<u8>> = items
                .iter()
                .flat_map(|item| split_items(&item.events).map(|(_, event)| event.to_vec()))
                .collect();
            let stored: Vec<Vec<u8>> = split_items(&whole)
                .map(|(_, event)| event.to_vec())
                .collect();
            let text = String::from_utf8_lossy(body);
            assert_eq!(one_by_one, stored, "{sender}: {text}");
        }
    }
}

#[test]
fn source_that_has_no_text_hides_none_of_the_others() {
    let recipe = br#"{"name":"own","proof":{"signature_header":"S"},"mapping":{"type":["/kind","/type"],
        "timestamp":["/at","/time"],"event_id":["/id","/uuid"],
        "fields":{"rcpt_to":["/to","/email"],"rcpt_meta":["/meta","/data"],"rcpt_tags":["/tags","/labels"]}}}"#;
    let senders = Senders::default()
        .with(Recipe::parse(recipe).unwrap(), false)
        .unwrap();
    for junk in [r#""""#, "{}", "[]", "null", "[[]]", r#"["",""]"#] {
        let body = format!(
            r#"{{"kind":{junk},"type":"t","at":{junk},"time":"2026-11-30T11:00:00Z","id":{junk},"uuid":"u1","to":{junk},
            "email":"jane@x.example","meta":{junk},"data":{{"a":1}},"tags":{junk},"labels":["l"]}}"#
        );

        let outcome = load_with(&senders, "own", None, body.as_bytes());

        let event = &outcome.events[0];
        assert_eq!(event.event_type, "own.t", "{junk}");
        assert_eq!(event.text("event_id"), Some("own.u1"), "{junk}");
        assert_eq!(event.rcpt_to.as_deref(), Some("jane@x.example"), "{junk}");
        assert_eq!(event.text("timestamp_is_arrival_day"), None, "{junk}");
        assert_eq!(event.payload["rcpt_meta"]["a"], 1, "{junk}");
        assert_eq!(event.payload["rcpt_tags"][0], "l", "{junk}");
    }
}

#[test]
fn any_type_in_a_header_is_the_type_whatever_the_id() {
    let recipe = br#"{"name":"shop","proof":{"signature_header":"S","id_header":"X-Id"},
        "mapping":{"type_header":"X-Topic","timestamp":"/at","types":{"orders/create":"injection"}}}"#;
    let senders = Senders::default()
        .with(Recipe::parse(recipe).unwrap(), false)
        .unwrap();
    let sender = senders.named("shop").unwrap();
    let body = br#"{"at":"2026-11-30T11:00:00Z"}"#;
    for (word, expected) in [
        (Some("push"), "shop.push"),
        (Some("orders/create"), "injection"),
        (Some("a=b"), "shop.a=b"),
        (Some("hex.61"), "shop.hex.61"),
        (Some("Größe"), "shop.Größe"),
        (None, "shop.unknown"),
    ] {
        for id in ["d-1", "d/1 é", "YWI=", "=", &"i".repeat(120), ""] {
            let mut headers = vec![("x-id", id)];
            headers.extend(word.map(|word| ("x-topic", word)));

            let outcome = receive(&senders, &sender, &headers, body);

            assert_eq!(outcome.events[0].event_type, expected, "{word:?} {id}");
        }
    }
}
