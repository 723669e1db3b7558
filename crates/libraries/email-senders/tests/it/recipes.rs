//! Senders by configuration: what the events of the recipes of docs/recipes become.

use std::{collections::BTreeMap, fs, path::PathBuf};

use email_senders::{Recipe, Senders, Trial};
use event_model::sparkpost::EventType;
use time::OffsetDateTime;

use crate::{
    deliveries::{NOW as LOADED_AT, Outcome, Stored, load_with, receive},
    signatures::{NOW, Request},
};

pub(crate) const NAMES: [&str; 3] = ["github", "stripe", "own-service"];
pub(crate) const OWN_SECRET: &str = "own_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub(crate) const STRIPE_SECRET: &str = "whsec_test_secret";
/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation>
pub(crate) const GITHUB_SECRET: &str = "It's a Secret to Everybody";

pub(crate) const GITHUB: &str = r#"{"ref":"refs/heads/main","after":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","compare":"https://github.com/o/r/compare/a...b","head_commit":{"message":"Fix it","timestamp":"2026-06-01T19:00:12+02:00","author":{"email":"b@x.example"}},"repository":{"id":35129377123456789,"full_name":"o/r"},"pusher":{"name":"jane","email":"jane@x.example"},"sender":{"login":"jane"}}"#;
pub(crate) const STRIPE: &str = r#"{"id":"evt_1","object":"event","type":"charge.succeeded","created":1780333212,"data":{"object":{"id":"ch_1","receipt_email":"jane@x.example","description":"Order 7","metadata":{"order":"7"}}}}"#;
pub(crate) const OWN_SERVICE: &str = r#"{"batch":7,"events":[{"id":"e1","kind":"mail.bounced","at":"2026-06-01T17:00:12.5Z","to":"jane@x.example","mail":{"id":"m1","subject":"Hi","from":"c@d.example","campaign":"spring","tags":["a","b"]},"data":{"a":1},"answer":"550 5.1.1 unknown","bounce_class":10,"url":"https://x.example/"}]}"#;

pub(crate) fn recipe(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../docs/recipes");
    fs::read(folder.join(format!("{name}.json"))).unwrap()
}

/// The providers and the three recipes.
pub(crate) fn senders() -> Senders {
    NAMES.into_iter().fold(Senders::default(), |senders, name| {
        let recipe = Recipe::parse(&recipe(name)).unwrap();
        senders.with(recipe, false).unwrap()
    })
}

fn only(outcome: Outcome) -> Stored {
    assert_eq!((outcome.rejected, outcome.events.len()), (vec![], 1));
    outcome.events.into_iter().next().unwrap()
}

fn received(name: &str, headers: &[(&str, &str)], body: &str) -> Stored {
    let senders = senders();
    let sender = senders.named(name).unwrap();
    only(receive(&senders, &sender, headers, body.as_bytes()))
}

#[test]
fn mapped_members_are_where_searches_look_for_them() {
    let github = received(
        "github",
        &[
            ("x-github-event", "push"),
            ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ],
        GITHUB,
    );
    let stripe = received("stripe", &[], STRIPE);
    let own = received("own-service", &[("x-own-id", "d-1")], OWN_SERVICE);

    let found = |event: &Stored| {
        (
            event.event_type.clone(),
            event.seconds,
            event.rcpt_to.clone(),
        )
    };
    let jane = || Some("jane@x.example".to_owned());
    assert_eq!(found(&github), ("github.push".to_owned(), NOW, jane()));
    assert_eq!(
        found(&stripe),
        ("stripe.charge.succeeded".to_owned(), NOW, jane())
    );
    assert_eq!(found(&own), ("bounce".to_owned(), NOW, jane()));
    assert_eq!(own.bounce_class, Some(10));
    for (event, name, value) in [
        (
            &github,
            "event_id",
            "github.72d3162e-cc78-11e3-81ab-4c9367dc0958",
        ),
        (&github, "provider_event", "push"),
        (&github, "normalized_event", "unknown"),
        (&github, "subject", "Fix it"),
        (&github, "campaign_id", "o/r"),
        (&stripe, "event_id", "stripe.evt_1"),
        (&stripe, "message_id", "ch_1"),
        (&own, "event_id", "own-service.e1"),
        (&own, "provider", "own-service"),
        (&own, "normalized_event", "bounced"),
        (&own, "raw_reason", "550 5.1.1 unknown"),
    ] {
        assert_eq!(event.text(name), Some(value), "{name}");
    }
    assert_eq!(stripe.payload["rcpt_meta"]["order"], "7");
    assert_eq!(own.payload["rcpt_tags"], serde_json::json!(["a", "b"]));
    assert!(
        github.text.contains(r#""id":35129377123456789,"#),
        "{}",
        github.text
    );
}

#[test]
fn an_event_is_the_same_by_its_id_else_its_delivery_else_its_content() {
    let key = |name, headers: &[(&str, &str)], body: &str| received(name, headers, body).key;
    let push = |id| {
        key(
            "github",
            &[("x-github-event", "push"), ("x-github-delivery", id)],
            GITHUB,
        )
    };
    let again = STRIPE.replace("Order 7", "Order 8");

    assert_eq!(push("a"), push("a"));
    assert_ne!(push("a"), push("b"));
    let ping = key(
        "github",
        &[("x-github-event", "ping"), ("x-github-delivery", "a")],
        GITHUB,
    );
    assert_ne!(ping, push("a"));
    // Without an id the body stands for it, with and without a type.
    assert_eq!(
        key("github", &[("x-github-event", "push")], GITHUB),
        key("github", &[("x-github-event", "push")], GITHUB)
    );
    assert_eq!(key("stripe", &[], STRIPE), key("stripe", &[], &again));
    let without_id = STRIPE.replace(r#""id":"evt_1","#, "");
    let other_order = r#"{"data":{"object":{"id":"ch_1","receipt_email":"jane@x.example","description":"Order 7","metadata":{"order":"7"}}},"created":1780333212,"type":"charge.succeeded","object":"event"}"#;
    assert_eq!(
        key("stripe", &[], &without_id),
        key("stripe", &[], other_order)
    );
    assert_ne!(
        key("stripe", &[], &without_id),
        key("stripe", &[], &without_id.replace("Order 7", "Order 8"))
    );
}

#[test]
fn what_the_mapping_does_not_find_is_absent_and_a_missing_time_is_the_day_of_arrival() {
    let event = received(
        "stripe",
        &[],
        r#"{"id":7,"data":{"object":{"receipt_email":["a@x.example","b@x.example"]}}}"#,
    );

    assert_eq!(event.event_type, "stripe.unknown");
    assert_eq!(event.rcpt_to, None);
    assert_eq!(
        event.seconds,
        LOADED_AT
            .replace_time(time::Time::MIDNIGHT)
            .unix_timestamp()
    );
    assert_eq!(event.payload["timestamp_is_arrival_day"], true);
    assert_eq!(event.text("event_id"), Some("stripe.7"));
    let one = received(
        "stripe",
        &[],
        r#"{"type":"x","created":1780333212,"data":{"object":{"receipt_email":["a@x.example"]}}}"#,
    );
    assert_eq!(one.rcpt_to.as_deref(), Some("a@x.example"));
    assert_eq!(
        one.payload["timestamp_is_arrival_day"],
        serde_json::Value::Null
    );
    // A value that cannot be read as a time shows that the recipe is wrong.
    let senders = senders();
    let wrong = load_with(
        &senders,
        "stripe",
        None,
        br#"{"id":"x","type":"x","created":"soon"}"#,
    );
    assert_eq!(
        (wrong.events.len(), wrong.rejected),
        (0, vec!["unreadable_timestamp"])
    );
}

#[test]
fn events_inside_an_object_are_items_of_their_own() {
    let senders = senders();
    let event = &OWN_SERVICE[21..OWN_SERVICE.len() - 2];
    let body = format!(
        r#"{{"events":[{event}, {}, 7]}}"#,
        event.replace("jane@", "bob@").replace("e1", "e2")
    );
    let outcome = load_with(&senders, "own-service", Some("d-1"), body.as_bytes());
    assert_eq!(
        (outcome.events.len(), outcome.rejected),
        (2, vec!["item_not_an_object"])
    );

    let key = "raw/email/dt=2026-11-30/own-service=d-1-0123456789abcdef.json.gz";
    let items = senders
        .delivery(key)
        .unwrap()
        .unwrap()
        .items(body.as_bytes())
        .unwrap();
    let texts: Vec<&str> = items.iter().map(|item| &body[item.bytes.clone()]).collect();
    assert_eq!((texts[0], texts[2], texts.len()), (event, "7", 3));
    // A body that broke off stays one, even if its events are whole.
    let cut = format!(r#"{{"events":[{event}],"more":"#);
    let outcome = load_with(&senders, "own-service", None, cut.as_bytes());
    assert_eq!((outcome.events.len(), outcome.rejected.len()), (0, 1));
    // Another object of the same sender is an event itself.
    assert_eq!(
        load_with(&senders, "own-service", None, br#"{"kind":"hello"}"#).events[0].event_type,
        "own-service.hello"
    );
}

#[test]
fn test_delivery_is_proven_and_found() {
    for (name, secret) in NAMES
        .into_iter()
        .zip([GITHUB_SECRET, STRIPE_SECRET, OWN_SECRET])
    {
        let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
        let senders = senders();
        let sender = senders.named(name).unwrap();
        let trial = Trial {
            secret,
            id: "cistern-test-1",
            now,
        };
        let delivery = sender.proof().unwrap().test_delivery(&trial);
        let headers = || delivery.headers.iter();
        let headers_map: BTreeMap<String, String> = headers()
            .map(|(name, value)| (name.to_lowercase(), value.clone()))
            .collect();
        let right = Request {
            headers: headers_map,
            body: delivery.body.clone(),
            secrets: vec![secret.to_owned()],
            now: NOW,
            ..Request::default()
        };
        assert_eq!(right.check(name), Ok(()), "{name}");

        let headers: Vec<(&str, &str)> = headers()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let event = only(receive(&senders, &sender, &headers, &delivery.body));
        assert_eq!(
            event.rcpt_to.as_deref(),
            Some("cistern-test-1@example.com"),
            "{name}"
        );
        assert!(
            event.text("event_id").unwrap().ends_with(".cistern-test-1"),
            "{name}"
        );
    }
}

#[test]
fn every_type_of_sparkpost_can_be_named() {
    for event_type in EventType::ALL {
        let json = format!(
            r#"{{"name":"x","proof":{{"signature_header":"S"}},"mapping":{{"type":"/t","timestamp":"/at","types":{{"w":"{event_type}"}}}}}}"#
        );
        let senders = Senders::default()
            .with(Recipe::parse(json.as_bytes()).unwrap(), false)
            .unwrap();
        let outcome = load_with(&senders, "x", None, br#"{"t":"w","at":1780333212}"#);
        assert_eq!(only(outcome).event_type, event_type.as_str());
    }
}
