//! Whole objects before and after, of a person with whom the items of others go that mention the person.

use erasure::{Found, LineOwners, Person, Verdict, rewrite, rewrite_rejected, verdict_of};
use event_model::{
    Pipeline::{self, AppEvents, EmailEvents, ProductEvents},
    mparticle::ArchivedMessage,
};
use serde_json::{Value, json};

const KEY: &str = "raw/mparticle/dt=2026-01-31/hour=12/run-1.ndjson.gz";

fn jane() -> Person {
    let jane = Person::new(&["jane@x.org"], &["user-1001"]).unwrap();
    jane.deep().unwrap()
}

/// The object without Jane and what mentions her, and what was found: of hers, mentions, and the mentions that went.
fn without_jane(pipeline: Pipeline, body: &str) -> (String, [u64; 3]) {
    let rewritten = rewrite(pipeline, body.as_bytes(), &jane()).unwrap();
    let Found {
        theirs,
        mentioned,
        mentions_erased,
        ..
    } = rewritten.found;
    let bytes = rewritten.bytes.unwrap_or_else(|| body.as_bytes().to_vec());
    (
        String::from_utf8(bytes).unwrap(),
        [theirs, mentioned, mentions_erased],
    )
}

#[test]
fn an_item_that_mentions_the_person_goes_in_every_place_of_a_name() {
    let other = r#""rcpt_to":"bob@x.org""#;
    for members in [
        format!(r#"{other},"subject":"Jane@x.org wrote to you""#),
        format!(r#"{other},"target_link_url":"https:\/\/y.example\/?u=jane%40x.org""#),
        format!(r#"{other},"target_link_url":"https://y.example/?u=amFuZUB4Lm9yZw""#),
        format!(r#"{other},"friendly_from":"\"jane@x.org\" <shop@y.example>""#),
        format!(r#"{other},"rcpt_meta":{{"invited_by":"user-1001"}}"#),
        format!(r#"{other},"jane@x.org":true"#),
        r#""rcpt_to":"\"jane@x.org\" <bob@x.org>""#.to_owned(),
        r#""rcpt_to":"Bob <bob@x.org>, Jane <jane@x.org>""#.to_owned(),
        r#""rcpt_to":["jane@x.org","bob@x.org"]"#.to_owned(),
    ] {
        let item = format!(r#"{{"msys":{{"m":{{{members}}}}}}}"#);
        let verdict = verdict_of(EmailEvents, item.as_bytes(), &jane());
        assert_eq!(verdict, Verdict::MentionErased, "{item}");
    }
    for members in [
        r#""subject":"mary.jane@x.org""#,
        r#""subject":"jane+news@x.org""#,
        r#""subject":"to jane@x.org.br""#,
        r#""rcpt_meta":{"invited_by":"user-10011"}"#,
    ] {
        let item = format!(r#"{{"msys":{{"m":{{{other},{members}}}}}}}"#);
        let verdict = verdict_of(EmailEvents, item.as_bytes(), &jane());
        assert_eq!(verdict, Verdict::Unrelated, "{item}");
    }
}

#[test]
fn others_keep_their_bytes_and_email_events_their_places() {
    let bob = r#"{"msys":{"m":{"rcpt_to":"bob@x.org", "n":1.50}}}"#;
    let hers = r#"{"msys":{"m":{"rcpt_to":"jane@x.org"}}}"#;
    let mention = r#"{"msys":{"m":{"rcpt_to":"ann@x.org","subject":"to jane@x.org"}}}"#;
    let ping = r#"{"msys":{}}"#;

    let (text, found) = without_jane(EmailEvents, &format!("[{mention}, {hers} ,\n{bob}]"));
    assert_eq!(text, format!("[{ping}, {ping} ,\n{bob}]"));
    assert_eq!(found, [1, 1, 1]);

    let product = |members: &str| format!("{{\"event\":\"view\",{members}}}\n");
    let bob = product(r#""userId":"bob""#);
    let body = [
        product(r#""userId":"ann","invitedBy":"user-1001""#),
        bob.clone(),
        product(r#""userId":"user-1001""#),
    ];
    let (text, found) = without_jane(ProductEvents, &body.concat());
    assert_eq!(text, bob);
    assert_eq!(found, [1, 1, 1]);
}

#[test]
fn damage_with_a_mention_goes_and_the_rest_stays_whole() {
    let bob = r#"{"msys":{"m":{"rcpt_to":"bob@x.org"}}}"#;
    for (body, expected) in [
        (
            format!(r#"[{bob},{{"msys":{{"m":{{"rcpt_to":"jane@x.org","#),
            format!("[{bob}]"),
        ),
        (format!("[{bob}] jane@x.org"), format!("[{bob}]")),
        (format!("[{bob},\n jane@x.org"), format!("[{bob}]")),
        (r#"{"rcpt_to":"jane@x.org"}"#.to_owned(), "[]".to_owned()),
        ("jane@x.org".to_owned(), "[]".to_owned()),
    ] {
        let (text, found) = without_jane(EmailEvents, &body);
        assert_eq!(text, expected, "{body}");
        assert_eq!(found, [0, 1, 1], "{body}");
    }
    let bob = r#"{"userId":"bob"}"#;
    for (body, expected) in [
        (
            format!("{bob}\n{{\"userId\":\"user-1001\",\n{bob}\n"),
            format!("{bob}\n{bob}\n"),
        ),
        (format!("{bob}\n{{\"to\":\"jane@x.org"), format!("{bob}\n")),
    ] {
        let (text, found) = without_jane(ProductEvents, &body);
        assert_eq!(text, expected, "{body}");
        assert_eq!(found, [0, 1, 1], "{body}");
    }
}

fn event(id: &str, note: &str) -> Value {
    json!({"event_type": "custom_event", "data": {"source_message_id": id, "custom_attributes": {"note": note}}})
}

fn batch(address: &str, friend: &str, events: &[Value]) -> Value {
    json!({"user_identities": {"email": address}, "user_attributes": {"friend": friend}, "events": events})
}

fn archived(body: &Value) -> String {
    let body = body.to_string();
    let message = ArchivedMessage::new("m-1", 1_769_860_800_000, &body);
    serde_json::to_string(&message).unwrap() + "\n"
}

#[test]
fn an_app_event_goes_by_itself_and_with_its_batch_if_that_mentions_the_person() {
    let (plain, mention) = (event("e-1", "hello"), event("e-2", "to jane@x.org"));
    let of_bob = batch("bob@x.org", "ann", &[mention, plain.clone()]);
    let friend_of_jane = batch("eve@x.org", "jane@x.org", std::slice::from_ref(&plain));
    let of_ann = batch("ann@x.org", "bob", std::slice::from_ref(&plain));
    let body = [
        archived(&of_bob),
        archived(&friend_of_jane),
        archived(&json!([friend_of_jane, of_ann])),
    ]
    .concat();

    let (text, found) = without_jane(AppEvents, &body);

    let rest_of_bob = batch("bob@x.org", "ann", std::slice::from_ref(&plain));
    let expected = [archived(&json!([rest_of_bob])), archived(&json!([of_ann]))];
    assert_eq!(text, expected.concat());
    assert_eq!(found, [0, 3, 3]);

    // A body that was put there without its message.
    let (text, _) = without_jane(AppEvents, &of_bob.to_string());
    assert_eq!(text, rest_of_bob.to_string());
}

#[test]
fn lines_go_with_a_mention_of_theirs_and_with_the_event_of_the_raw_object() {
    let plain = event("e-1", "hello");
    let archive = [
        archived(&batch(
            "eve@x.org",
            "jane@x.org",
            std::slice::from_ref(&plain),
        )),
        archived(&batch(
            "bob@x.org",
            "ann",
            &[event("e-2", "to jane@x.org"), event("e-3", "x")],
        )),
    ]
    .concat();
    let line = |item: &Value| {
        json!({"reason": "no_event_name", "source_key": KEY, "item": item.to_string()}).to_string()
    };
    let lines = [
        // Nothing in it mentions her; its batch does, and goes.
        line(&plain),
        line(&event("e-2", "to jane@x.org")),
        line(&event("e-3", "x")),
        // The raw object does not have it any more.
        line(&event("e-9", "jane@x.org")),
        json!({"reason": "not_json", "detail": "jane@x.org", "item": "{"}).to_string(),
    ];
    let body = lines.join("\n") + "\n";
    let mut owners = LineOwners::asked_by(body.as_bytes());
    owners.read(KEY, archive.as_bytes(), &jane());

    let rewritten = rewrite_rejected(AppEvents, body.as_bytes(), &jane(), &owners).unwrap();

    let text = String::from_utf8(rewritten.bytes.unwrap()).unwrap();
    let left: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(left, ["", "", &lines[2], "", ""]);
    assert_eq!(text.len(), body.len());
    let found = Found {
        mentioned: 4,
        mentions_erased: 4,
        ..Found::default()
    };
    assert_eq!(rewritten.found, found);
}
