//! The traps of the providers' contracts, each by its name.
//!
//! | trap | tests |
//! |---|---|
//! | 1: an event is not a row | `one_event_of_several_recipients_is_several_rows` |
//! | 2: where the key is, which twice is not in the body | `key_is_content_where_the_providers_id_changes_on_a_retry`, `key_is_the_id_of_the_delivery_where_the_body_has_none`, `replay_under_a_new_id_is_the_same_event_of_bird`, `id_that_is_unique_within_a_day_is_completed_by_the_time`, `event_of_ses_that_sns_publishes_twice_is_one`, `events_of_one_webhook_that_differ_in_one_part_are_two`, `an_event_of_ses_is_one_whatever_brings_it`; ingest's `proven_delivery_is_in_the_archive_as_received_with_its_headers` |
//! | 3: a refusal may lose data for good | `a_wrong_proof_is_answered_with_a_status_after_which_the_provider_comes_back`; ingest's `wrong_proof_is_kept_apart_and_counted_and_never_in_the_archive`, `secrets_that_cannot_be_read_are_503_so_that_no_sender_gives_up`, `message_that_is_not_proven_is_503_so_that_sns_comes_again` |
//! | 4: signatures are of raw bytes, or of no body | `proofs.rs`: `signature_is_of_the_bytes_as_they_were_received`, `sns.rs`: `message_that_ends_in_a_line_feed_is_signed_with_it`, `mailgun_signs_a_time_and_a_token_and_postmark_nothing` |
//! | 5: numbers and times | `numbers_keep_every_digit`, `times_are_seconds_milliseconds_or_texts` |
//! | 6: how long each provider repeats | `proofs.rs`: `last_repetition_of_every_provider_is_proven` |
//! | 7: test buttons look like events | `test_pings_are_taken_and_marked` |
//! | 8: what a provider does not tell | `what_a_provider_does_not_tell_is_absent`, `unknown_types_are_kept_under_the_providers_word_and_never_under_sparkposts`, `row_names_its_provider_and_the_providers_word` |

use email_senders::Senders;

use crate::{
    deliveries::{load, one, receive},
    sns::Topic,
};

fn ses_bounce(recipients: &str) -> String {
    format!(
        r#"{{"eventType":"Bounce","bounce":{{"bounceType":"Permanent","bounceSubType":"General","bouncedRecipients":[{recipients}],"timestamp":"2026-08-05T00:41:02.669Z","feedbackId":"f1"}},"mail":{{"timestamp":"2026-08-05T00:40:02.012Z","messageId":"m1","destination":["a@b.example","c@d.example"]}}}}"#
    )
}

#[test]
fn one_event_of_several_recipients_is_several_rows() {
    let recipient = |address: &str| format!(r#"{{"emailAddress":"{address}","status":"5.1.1"}}"#);
    let body = ses_bounce(&format!(
        "{},{}",
        recipient("a@b.example"),
        recipient("c@d.example")
    ));

    let together = load("ses", None, body.as_bytes()).events;
    let alone = one("ses", &ses_bounce(&recipient("c@d.example")));

    let recipients: Vec<_> = together
        .iter()
        .map(|event| event.rcpt_to.as_deref().unwrap())
        .collect();
    assert_eq!(recipients, ["a@b.example", "c@d.example"]);
    assert_ne!(together[0].key, together[1].key);
    // However SES groups them.
    assert_eq!(together[1].key, alone.key);
    assert_eq!(alone.bounce_class, Some(10));
}

const SENDGRID: &str = r#"{"email":"a@b.example","timestamp":1780333212,"event":"click","sg_event_id":"one","sg_message_id":"m.filter","url":"https://x.example/","url_offset":{"index":0,"type":"html"}}"#;

#[test]
fn key_is_content_where_the_providers_id_changes_on_a_retry() {
    let first = one("sendgrid", &format!("[{SENDGRID}]\r\n"));
    let retried = one(
        "sendgrid",
        &format!("[{}]", SENDGRID.replace("\"one\"", "\"two\"")),
    );
    let other_link = one(
        "sendgrid",
        &format!("[{}]", SENDGRID.replace("x.example", "y.example")),
    );
    let as_text = one(
        "sendgrid",
        &format!("[{}]", SENDGRID.replace("1780333212", "\"1780333212\"")),
    );

    assert_eq!(first.key, retried.key);
    assert_eq!(first.key, as_text.key);
    assert_ne!(first.key, other_link.key);
    assert_eq!(retried.payload["provider_data"]["sg_event_id"], "two");
}

#[test]
fn key_is_the_id_of_the_delivery_where_the_body_has_none() {
    let body = br#"{"type":"email.opened","created_at":"2026-05-12T10:00:00.000Z","data":{"email_id":"e","to":["a@b.example"]}}"#;
    let key = |id| load("resend", id, body).events[0].key;

    assert_eq!(key(Some("msg_1")), key(Some("msg_1")));
    assert_ne!(key(Some("msg_1")), key(Some("msg_2")));
    assert_eq!(key(None), key(None));
    let senders = Senders::default();
    let resend = senders.named("resend").unwrap();
    let received = |header| receive(&senders, &resend, &[(header, "msg_1")], body).events[0].key;
    assert_eq!(received("webhook-id"), key(Some("msg_1")));
    assert_eq!(received("svix-id"), key(Some("msg_1")));
}

#[test]
fn replay_under_a_new_id_is_the_same_event_of_bird() {
    let body = br#"{"type":"email.opened","timestamp":"2026-05-21T12:00:00Z","data":{"email_id":"em_1","recipient_id":"er_1","metadata":{"a":1}}}"#;
    let other = br#"{"data":{"metadata":{"a":1},"recipient_id":"er_1","email_id":"em_1"},"timestamp":"2026-05-21T12:00:00.000Z","type":"email.opened"}"#;

    assert_eq!(
        load("bird", Some("msg_1"), body).events[0].key,
        load("bird", Some("msg_2"), other).events[0].key
    );
}

#[test]
fn id_that_is_unique_within_a_day_is_completed_by_the_time() {
    let event = |time: &str| {
        one(
            "mailgun",
            &format!(
                r#"{{"event-data":{{"event":"opened","id":"x","timestamp":{time},"recipient":"a@b.example"}}}}"#
            ),
        )
    };

    assert_ne!(
        event("1529006854.329574").key,
        event("1529093254.329574").key
    );
    assert_eq!(
        event("1529006854.329574").key,
        event("\"1529006854.329574\"").key
    );
}

/// Without their other parts, message ids and times alone would be one event.
#[test]
fn events_of_one_webhook_that_differ_in_one_part_are_two() {
    let click = |location: &str| {
        one(
            "postmark",
            &format!(
                r#"{{"RecordType":"Click","MessageID":"m","Recipient":"a@b.example","ReceivedAt":"2026-01-01T00:00:00Z","OriginalLink":"https://x.example/","ClickLocation":"{location}"}}"#
            ),
        )
    };

    assert_ne!(click("HTML").key, click("Text").key);
    assert_eq!(click("HTML").key, click("HTML").key);
}

#[test]
fn a_wrong_proof_is_answered_with_a_status_after_which_the_provider_comes_back() {
    // What each provider takes as the end of its attempts.
    let final_statuses = [
        ("mailgun", vec![200, 406]),
        ("postmark", vec![200, 403]),
        ("standard", vec![200, 410]),
        // SNS: all of them below 500.
        ("ses", (200..500).collect()),
    ];

    for sender in Senders::default().all() {
        let Some(proof) = sender.proof() else {
            continue;
        };
        let (name, status) = (sender.name(), proof.refusal_status());
        let finals = final_statuses.iter().find(|(known, _)| *known == name);
        let is_final = finals.is_some_and(|(_, statuses)| statuses.contains(&status));
        assert!(!is_final && status >= 400, "{name}");
    }
}

#[test]
fn numbers_keep_every_digit() {
    let bounce = one(
        "postmark",
        r#"{"RecordType":"Bounce","ID":4323372036854775807,"TypeCode":1,"MessageID":"m","Email":"a@b.example","BouncedAt":"2026-01-01T00:00:00.1234567-04:00"}"#,
    );
    let open = one(
        "mailgun",
        r#"{"event-data":{"event":"opened","id":"x","timestamp":1521472262.9081810,"x":0.1281740665435791234,"recipient":"a@b.example"}}"#,
    );

    assert!(
        bounce.text.contains("\"ID\":4323372036854775807,"),
        "{}",
        bounce.text
    );
    assert!(
        open.text
            .contains("\"timestamp\":1521472262.9081810,\"x\":0.1281740665435791234"),
        "{}",
        open.text
    );
    assert_eq!(
        (bounce.seconds, open.seconds),
        (1_767_240_000, 1_521_472_262)
    );
}

#[test]
fn times_are_seconds_milliseconds_or_texts() {
    let event = |time: &str| {
        one(
            "sendgrid",
            &format!(r#"[{{"event":"processed","email":"a@b.example","timestamp":{time}}}]"#),
        )
        .seconds
    };

    assert_eq!(event("1591726752"), 1_591_726_752);
    assert_eq!(event("1591726752372"), 1_591_726_752);
    assert_eq!(event("\"1591726752\""), 1_591_726_752);
}

#[test]
fn test_pings_are_taken_and_marked() {
    let sendgrid = one(
        "sendgrid",
        &format!("[{}]", SENDGRID.replace("\"one\"", "\"sg_event_id\"")),
    );
    let postmark = one(
        "postmark",
        r#"{"RecordType":"Delivery","MessageID":"00000000-0000-0000-0000-000000000000","Recipient":"john@example.com","DeliveredAt":"2022-09-02T11:49:27Z"}"#,
    );
    let real = one("sendgrid", &format!("[{SENDGRID}]"));

    assert_eq!(sendgrid.payload["provider_test"], true);
    assert_eq!(postmark.payload["provider_test"], true);
    assert!(real.payload["provider_test"].is_null());
}

#[test]
fn what_a_provider_does_not_tell_is_absent() {
    let event = one("sendgrid", &format!("[{SENDGRID}]"));
    let resend = one(
        "resend",
        r#"{"type":"email.delivered","created_at":"2026-02-26T10:00:01.000Z","data":{"email_id":"e","to":["a@b.example","c@d.example"]}}"#,
    );

    for name in [
        "subject",
        "friendly_from",
        "template_id",
        "campaign_id",
        "ip_pool",
        "msg_size",
        "bounce_class",
    ] {
        assert!(event.payload[name].is_null(), "{name}");
    }
    // Nothing says which of several it was.
    assert_eq!(resend.rcpt_to, None);
}

#[test]
fn row_names_its_provider_and_the_providers_word() {
    let event = one("sendgrid", &format!("[{SENDGRID}]"));

    assert_eq!(
        (event.text("provider"), event.text("provider_event")),
        (Some("sendgrid"), Some("click"))
    );
    assert_eq!(event.text("normalized_event"), Some("clicked"));
}

#[test]
fn unknown_types_are_kept_under_the_providers_word_and_never_under_sparkposts() {
    for (sender, body, event_type) in [
        (
            "bird",
            r#"{"type":"email.brand_new_event","timestamp":"2026-06-01T17:00:12Z","data":{"foo":"bar"}}"#,
            "bird.email.brand_new_event",
        ),
        (
            "standard",
            r#"{"type":"delivery","timestamp":"2026-06-01T17:00:12Z"}"#,
            "standard.delivery",
        ),
        (
            "sendgrid",
            r#"[{"event":"group_resubscribe","timestamp":1780333212,"email":"a@b.example"}]"#,
            "sendgrid.group_resubscribe",
        ),
        (
            "mailgun",
            r#"{"event-data":{"event":"delivery","timestamp":1780333212}}"#,
            "mailgun.delivery",
        ),
    ] {
        let event = one(sender, body);
        assert_eq!(event.event_type, event_type);
    }
}

#[test]
fn an_event_that_repeats_another_one_is_no_row() {
    let change = |reason: &str| {
        let body = format!(
            r#"{{"RecordType":"SubscriptionChange","MessageID":"m","Recipient":"a@b.example","ChangedAt":"2022-06-05T17:17:32Z","Origin":"Recipient","SuppressSending":true,"SuppressionReason":"{reason}"}}"#
        );
        load("postmark", None, body.as_bytes())
            .events
            .first()
            .map(|event| event.event_type.clone())
    };

    assert_eq!(change("HardBounce"), None);
    assert_eq!(change("SpamComplaint"), None);
    assert_eq!(
        change("ManualSuppression").as_deref(),
        Some("list_unsubscribe")
    );
}

#[test]
fn an_event_of_ses_is_one_whatever_brings_it() {
    let event = ses_bounce(r#"{"emailAddress":"a@b.example"}"#);
    let bus = format!(
        r#"{{"version":"0","id":"1","detail-type":"Email Bounced","source":"aws.ses","time":"2026-08-05T00:41:03Z","detail":{event}}}"#
    );
    let topic = serde_json::json!({"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:x", "Message": format!("{event}\n"), "Timestamp": "2026-08-05T00:41:04Z"});
    let identity = event.replace("eventType", "notificationType");

    let keys: Vec<_> = [event.clone(), bus, topic.to_string(), identity]
        .iter()
        .map(|body| one("ses", body).key)
        .collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    // Firehose puts them behind each other, EventBridge without a line feed.
    let two = load("ses", None, format!("{event}{event}\n").as_bytes()).events;
    assert_eq!((two.len(), two[0].key == two[1].key), (2, true));
    let confirmation = serde_json::json!({"Type": "SubscriptionConfirmation", "TopicArn": "arn:aws:sns:x", "Message": "You have chosen"});
    assert!(
        load("ses", None, confirmation.to_string().as_bytes())
            .events
            .is_empty()
    );
}

/// `MessageId` is of one publication: an event that SES publishes twice has two.
#[test]
fn event_of_ses_that_sns_publishes_twice_is_one() {
    let event = ses_bounce(r#"{"emailAddress":"a@b.example"}"#);
    let topic = Topic::new();
    let published = |id: &str| {
        let request = topic.message(&[("MessageId", id), ("Message", &format!("{event}\n"))]);
        assert_eq!(request.check("ses"), Ok(()));
        one("ses", std::str::from_utf8(&request.body).unwrap()).key
    };

    assert_eq!(published("first"), published("second"));
    assert_eq!(published("first"), one("ses", &event).key);
}

#[test]
fn custom_arguments_of_sendgrid_are_metadata() {
    let event = one(
        "sendgrid",
        r#"[{"event":"open","email":"a@b.example","timestamp":1780333212,"order":"7","category":["a","b"],"ip":"192.0.2.1","sg_machine_open":true}]"#,
    );

    assert_eq!(
        event.payload["rcpt_meta"],
        serde_json::json!({"order": "7"})
    );
    assert_eq!(event.payload["rcpt_tags"], serde_json::json!(["a", "b"]));
    assert_eq!(event.text("ip_address"), Some("192.0.2.1"));
    assert_eq!(event.payload["user_agent_parsed"]["is_prefetched"], true);
}

#[test]
fn bounce_class_is_the_providers_word_before_the_status() {
    let sendgrid = |more: &str| {
        one("sendgrid", &format!(r#"[{{"event":"bounce","email":"a@b.example","timestamp":1780333212,"sg_message_id":"m","reason":"550 5.1.1 no"{more}}}]"#)).bounce_class
    };

    assert_eq!(sendgrid(""), Some(10));
    assert_eq!(sendgrid(r#","type":"blocked""#), Some(50));
    assert_eq!(
        sendgrid(r#","type":"blocked","bounce_classification":"Content""#),
        Some(52)
    );
    let bird = one(
        "bird",
        r#"{"type":"email.bounced","timestamp":"2026-05-21T12:00:00Z","data":{"recipient":"a@b.example","bounce_class":22,"bounce_type":"soft"}}"#,
    );
    assert_eq!(bird.bounce_class, Some(22));
}
