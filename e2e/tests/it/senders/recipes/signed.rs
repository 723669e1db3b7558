//! Signs bodies as GitHub, Stripe and an own service do, without the code under test.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::{Sha256, Sha512};
use time::OffsetDateTime;

pub(super) const GITHUB_SECRET: &str = "It's a Secret to Everybody";
pub(super) const STRIPE_SECRET: &str = "whsec_0123456789abcdef";
pub(super) const OWN_SECRET: &str = "own_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OWN_KEY: [u8; 32] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
    26, 27, 28, 29, 30, 31,
];

/// A delivery, signed by the test itself, and what it is found by.
pub(super) struct Signed {
    pub(super) sender: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
    pub(super) event_type: &'static str,
}

fn sha256(secret: &str, signed: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    let digest = mac.finalize().into_bytes();
    hex::encode(digest)
}

fn sha512(key: &[u8], signed: &str) -> String {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// One delivery of each sender about a recipient.
pub(super) fn deliveries(id: &str, recipient: &str, now: OffsetDateTime) -> [Signed; 3] {
    let seconds = now.unix_timestamp();
    let at = format!(
        "{}T{:02}:{:02}:{:02}Z",
        now.date(),
        now.hour(),
        now.minute(),
        now.second()
    );
    let github = json!({
        "ref": "refs/heads/main",
        "head_commit": {"message": "Fix it", "timestamp": at},
        "pusher": {"name": "jane", "email": recipient},
        "repository": {"full_name": "o/r"},
    })
    .to_string();
    let stripe = json!({
        "id": format!("evt_{id}"), "type": "charge.succeeded", "created": seconds,
        "data": {"object": {"id": "ch_1", "receipt_email": recipient}},
    })
    .to_string();
    let own = json!({
        "events": [{"id": id, "kind": "mail.bounced", "at": at, "to": recipient, "answer": "550 no"}],
    })
    .to_string();
    [
        Signed {
            sender: "github",
            headers: vec![
                ("x-github-event", "push".to_owned()),
                ("x-github-delivery", id.to_owned()),
                (
                    "x-hub-signature-256",
                    format!("sha256={}", sha256(GITHUB_SECRET, &github)),
                ),
            ],
            body: github,
            event_type: "github.push",
        },
        Signed {
            sender: "stripe",
            headers: vec![(
                "stripe-signature",
                format!(
                    "t={seconds},v1={}",
                    sha256(STRIPE_SECRET, &format!("{seconds}.{stripe}"))
                ),
            )],
            body: stripe,
            event_type: "stripe.charge.succeeded",
        },
        own_delivery(id, seconds, own),
    ]
}

pub(super) fn own_delivery(id: &str, seconds: i64, body: String) -> Signed {
    let signature = sha512(&OWN_KEY, &format!("{id}.{seconds}.{body}"));
    Signed {
        sender: "own-service",
        headers: vec![
            ("x-own-id", id.to_owned()),
            ("x-own-time", seconds.to_string()),
            ("x-own-signature", format!("v1,{signature}")),
        ],
        body,
        event_type: "bounce",
    }
}
