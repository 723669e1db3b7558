//! What a proof is of, and for how long it counts: see the table in `traps.rs`.

use email_senders::{Refused, Senders};

use crate::{
    signatures::{NOW, Request, mailgun_request, new_pair, sendgrid_request, standard_request_at},
    sns::Topic,
};

const MAILGUN_KEY: &str = "key-0p6mqbf74lb20gzq9f4dhpn9rg3zyk26";
const HOUR: i64 = 3_600;

fn mailgun() -> Request {
    mailgun_request(
        MAILGUN_KEY,
        &NOW.to_string(),
        "885894756b6c371a377f5f95",
        None,
    )
}

fn postmark() -> Request {
    let key = "a-key-of-twenty-letters".to_owned();
    Request {
        presented_key: Some(key.clone()),
        secrets: vec![key],
        body: br#"{"RecordType":"Delivery"}"#.to_vec(),
        now: NOW,
        ..Request::default()
    }
}

/// `SendGrid`'s body ends in a line break and has escapes, and Resend's has line breaks inside.
#[test]
fn signature_is_of_the_bytes_as_they_were_received() {
    type Change = fn(&str) -> String;
    let changes: [(&str, Change); 4] = [
        ("trimmed", |body| body.trim().to_owned()),
        ("other line breaks", |body| body.replace("\r\n", "\n")),
        ("unescaped", |body| body.replace("\\u003c", "<")),
        ("written again", |body| {
            let value: serde_json::Value = serde_json::from_str(body).unwrap();
            value.to_string()
        }),
    ];
    for (sender, right) in [
        ("sendgrid", sendgrid_request(&new_pair())),
        ("resend", standard_request_at("svix", NOW)),
        ("bird", standard_request_at("webhook", NOW)),
    ] {
        assert_eq!(right.check(sender), Ok(()), "{sender}");
        let body = String::from_utf8(right.body.clone()).unwrap();
        for (what, change) in changes {
            let other = change(&body);
            if other != body {
                let request = right.with(|request| request.body = other.into_bytes());
                assert_eq!(
                    request.check(sender),
                    Err(Refused::Wrong),
                    "{sender}, {what}"
                );
            }
        }
    }
}

#[test]
fn mailgun_signs_a_time_and_a_token_and_postmark_nothing() {
    let other_event = |request: &Request| {
        let text = String::from_utf8(request.body.clone()).unwrap();
        let text = text
            .replace("opened", "clicked")
            .replace("Delivery", "Open");
        request.with(|request| request.body = text.into_bytes())
    };
    for (sender, right) in [("mailgun", mailgun()), ("postmark", postmark())] {
        let changed = other_event(&right);

        assert_ne!(changed.body, right.body);
        assert_eq!(changed.check(sender), Ok(()), "{sender}");
    }
    // What is signed counts.
    let text = String::from_utf8(mailgun().body).unwrap();
    let token = mailgun().with(|request| request.body = text.replace("885894", "885895").into());
    assert_eq!(token.check("mailgun"), Err(Refused::Wrong));
}

/// The hours for which each provider repeats a delivery, at least. Mailgun repeats none of a delivered mail.
const REPEATS: [(&str, i64); 5] = [
    ("sendgrid", 24),
    ("mailgun", 8),
    ("postmark", 11),
    ("resend", 28),
    ("ses", 1),
];

#[test]
fn last_repetition_of_every_provider_is_proven() {
    for (sender, hours) in REPEATS {
        let proof = Senders::default().named(sender).unwrap().proof().unwrap();
        let setup = proof.setup();
        // A secret that is rotated counts for as long.
        assert_eq!(
            setup.repeats_for_hours.map(i64::from),
            Some(hours),
            "{sender}"
        );
        let last = NOW + hours * HOUR;
        let repeated = match sender {
            // With the signature of the first attempt.
            "sendgrid" => sendgrid_request(&new_pair()).with(|request| request.now = last),
            "mailgun" => mailgun().with(|request| request.now = last),
            "postmark" => postmark().with(|request| request.now = last),
            "ses" => Topic::new()
                .notification()
                .with(|request| request.now = last),
            // Signed again.
            _ => standard_request_at("svix", last),
        };
        assert_eq!(repeated.check(sender), Ok(()), "{sender}");
    }
    let first = standard_request_at("svix", NOW);
    let replayed = first.with(|request| request.now += 28 * HOUR);
    assert_eq!(replayed.check("resend"), Err(Refused::Stale));
}
