//! Values that no provider sends, in the place of each value that it does: nothing ends the process, and the event is accounted for.

use std::thread;

use email_senders::to_sparkpost;
use event_model::{BatchKey, sparkpost::parse_batch};
use serde_json::Value;

use crate::{
    deliveries::NOW,
    recipes::{GITHUB, OWN_SERVICE, STRIPE, senders},
};

const EVENTS: [(&str, &str); 9] = [
    ("github", GITHUB),
    ("stripe", STRIPE),
    ("own-service", OWN_SERVICE),
    (
        "sendgrid",
        r#"{"email":"a@b.example","timestamp":1780333212,"event":"bounce","sg_event_id":"one","sg_message_id":"m.filter","smtp-id":"<m@b.example>","category":["one","two"],"reason":"550 5.1.1 unknown","status":"5.1.1","type":"bounce","ip":"192.0.2.1","useragent":"UA","url":"https://x.example/","url_offset":{"index":0,"type":"html"},"asm_group_id":1,"campaign":"spring"}"#,
    ),
    (
        "mailgun",
        r#"{"signature":{"timestamp":"1780333212","token":"t","signature":"s"},"event-data":{"id":"one","event":"failed","severity":"permanent","timestamp":1780333212.5,"recipient":"a@b.example","reason":"bounce","delivery-status":{"code":550,"message":"no","description":"unknown","enhanced-code":"5.1.1"},"message":{"headers":{"message-id":"m@b.example","to":"a@b.example","subject":"Hi","from":"c@d.example"},"size":12},"tags":["one"],"user-variables":{"campaign_id":"1"},"campaigns":[{"id":"x","name":"y"}],"client-info":{"user-agent":"UA"},"geolocation":{"country":"DE"},"ip":"192.0.2.1","url":"https://x.example/"}}"#,
    ),
    (
        "postmark",
        r#"{"RecordType":"Bounce","ID":4323372036854775807,"Type":"HardBounce","TypeCode":1,"MessageID":"883953f4-6105-42a2-a16a-77a8eac79483","Tag":"spring","Metadata":{"a":"b"},"Email":"a@b.example","From":"c@d.example","Description":"unknown","Details":"550 5.1.1","BouncedAt":"2026-06-01T17:00:12Z","Subject":"Hi","Recipient":"a@b.example","ReceivedAt":"2026-06-01T17:00:12Z","Client":{"Name":"Chrome"},"Geo":{"IP":"192.0.2.1"},"OriginalLink":"https://x.example/"}"#,
    ),
    (
        "resend",
        r#"{"type":"email.clicked","created_at":"2026-06-01T17:00:12.000Z","data":{"broadcast_id":"b","created_at":"2026-06-01T17:00:10.000Z","email_id":"56761188-7520-42d8-8898-ff6fc54ce618","from":"c@d.example","to":["a@b.example"],"subject":"Hi","tags":{"campaign_id":"1"},"click":{"ipAddress":"192.0.2.1","link":"https://x.example/","timestamp":"2026-06-01T17:00:12.000Z","userAgent":"UA"},"bounce":{"message":"no","subType":"General","type":"Permanent"}}}"#,
    ),
    (
        "bird",
        r#"{"type":"email.bounced","timestamp":"2026-06-01T17:00:12.000Z","data":{"email_id":"em_1","to":[{"email":"a@b.example"}],"recipient":"a@b.example","bounce":{"type":"hard","code":"550","bounce_class":"10","message":"unknown"},"tags":[{"name":"campaign_id","value":"1"}],"metadata":{"a":"b"},"broadcast_id":"b","occurred_at":"2026-06-01T17:00:12.000Z"}}"#,
    ),
    (
        "ses",
        r#"{"eventType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General","bouncedRecipients":[{"emailAddress":"a@b.example","action":"failed","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 unknown"}],"timestamp":"2026-06-01T17:00:12.000Z","feedbackId":"f"},"mail":{"timestamp":"2026-06-01T17:00:10.000Z","source":"c@d.example","sendingAccountId":"1","messageId":"m","destination":["a@b.example"],"headers":[{"name":"Subject","value":"Hi"}],"commonHeaders":{"from":["c@d.example"],"to":["a@b.example"],"messageId":"m","subject":"Hi"},"tags":{"campaign_id":["1"]}}}"#,
    ),
];

/// A function's threads have 2 MiB, a test's have a debug build's frames: what recurses by the depth of a value overflows either.
const STACK_BYTES: usize = 256 << 10;
const DEPTH: usize = 3_000;

fn junk() -> Vec<String> {
    vec![
        format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH)),
        format!("{}1{}", r#"{"a":"#.repeat(DEPTH), "}".repeat(DEPTH)),
        format!("[{}0]", "0,".repeat(DEPTH)),
        "9".repeat(DEPTH),
        format!("\"{}\"", "x".repeat(DEPTH)),
        r#""\ud800""#.to_owned(),
        r#""\u0000""#.to_owned(),
        r#"{"\ud800":1}"#.to_owned(),
        "-1e999".to_owned(),
        "true".to_owned(),
        "null".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        r#"[null,{"a":[]}]"#.to_owned(),
    ]
}

/// The paths of all values in `value`, as JSON pointers.
fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                paths(member, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                paths(item, &format!("{path}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn account_for_junk(sender: &str, event: &str) {
    const MARK: &str = "the place of junk";
    let event: Value = serde_json::from_str(event).unwrap();
    let mut found = Vec::new();
    paths(&event, "", &mut found);
    let senders = senders();
    for path in found {
        let mut marked = event.clone();
        *marked.pointer_mut(&path).unwrap() = Value::from(MARK);
        let marked = marked.to_string();
        for junk in junk() {
            let body = marked.replace(&format!("\"{MARK}\""), &junk);
            let key = BatchKey::of_sender(sender, Some("id"), body.as_bytes());
            let delivery = senders.delivery(&key.object_key(NOW.date())).unwrap();
            let body = to_sparkpost(delivery.as_ref(), body.as_bytes());
            let batch = parse_batch(&body, NOW);

            let is_list = path.is_empty() || path == "/events";
            let is_nothing = is_list && ["[]", "{}"].contains(&junk.as_str());
            assert!(
                is_nothing || !batch.events.is_empty() || !batch.rejected.is_empty(),
                "{sender}: {path}: {}",
                junk.get(..40).unwrap_or(&junk)
            );
        }
    }
}

#[test]
fn every_value_may_be_any_other() {
    for (sender, event) in EVENTS {
        let thread = thread::Builder::new().stack_size(STACK_BYTES);
        let thread = thread
            .spawn(move || account_for_junk(sender, event))
            .unwrap();
        thread.join().unwrap();
    }
}
