//! Signs bodies as their providers do, with secrets of the test.

use anyhow::{Result, anyhow};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use email_senders::standard_webhooks_signature;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

pub(super) const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(super) const MAILGUN_KEY: &str = "key-0123456789abcdef0123456789abcdef";
const POSTMARK_KEY: &str = "postmark-0123456789abcdef";
/// What comes before a P-256 key in `SubjectPublicKeyInfo`.
const KEY_HEADER: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";

pub(super) struct Signer {
    sendgrid: EcdsaKeyPair,
}

type Headers = Vec<(&'static str, String)>;

impl Signer {
    pub(super) fn new() -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING);
        Ok(Self {
            sendgrid: pair.map_err(|_| anyhow!("no key"))?,
        })
    }

    /// The member `senders` of the secret of keys.
    pub(super) fn secrets(&self) -> Value {
        let public = [KEY_HEADER, self.sendgrid.public_key().as_ref()].concat();
        json!({
            "sendgrid": [BASE64_STANDARD.encode(public)],
            "mailgun": MAILGUN_KEY,
            "postmark": [POSTMARK_KEY],
            "resend": STANDARD_SECRET,
            "bird": [STANDARD_SECRET],
        })
    }

    /// The headers of a delivery and its body, which for Mailgun has the signature inside.
    pub(super) fn sign(&self, sender: &str, id: &str, now: i64, body: &[u8]) -> (Headers, Vec<u8>) {
        let json = ("content-type", "application/json".to_owned());
        let signature =
            || standard_webhooks_signature(STANDARD_SECRET, id, now, body).unwrap_or_default();
        let headers = match sender {
            "sendgrid" => {
                let signed = [now.to_string().as_bytes(), body].concat();
                let signature = self.sendgrid.sign(&SystemRandom::new(), &signed);
                let signature = signature
                    .map(|signature| BASE64_STANDARD.encode(signature))
                    .unwrap_or_default();
                vec![
                    json,
                    ("x-twilio-email-event-webhook-signature", signature),
                    ("x-twilio-email-event-webhook-timestamp", now.to_string()),
                ]
            }
            "postmark" => {
                let pair = BASE64_STANDARD.encode(format!("cistern:{POSTMARK_KEY}"));
                vec![json, ("authorization", format!("Basic {pair}"))]
            }
            "resend" => vec![
                json,
                ("svix-id", id.to_owned()),
                ("svix-timestamp", now.to_string()),
                ("svix-signature", signature()),
            ],
            "mailgun" => return mailgun(id, now, body),
            _ => vec![
                json,
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", now.to_string()),
                ("webhook-signature", signature()),
            ],
        };
        (headers, body.to_vec())
    }
}

fn mailgun(token: &str, now: i64, body: &[u8]) -> (Headers, Vec<u8>) {
    let mac = |stamp: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(MAILGUN_KEY.as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(format!("{stamp}{token}").as_bytes());
        let digest = mac.finalize().into_bytes();
        digest
            .iter()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    };
    let stamp = now.to_string();
    if let Ok(mut json) = serde_json::from_slice::<Value>(body) {
        json["signature"] = json!({"timestamp": stamp, "token": token, "signature": mac(&stamp)});
        return (
            vec![("content-type", "application/json".to_owned())],
            json.to_string().into_bytes(),
        );
    }
    // In a form the time is that of the event too.
    let form = String::from_utf8_lossy(body).into_owned();
    let time = form
        .split('&')
        .find_map(|pair| pair.strip_prefix("timestamp="))
        .unwrap_or("")
        .to_owned();
    let kept = form
        .split('&')
        .filter(|pair| !pair.starts_with("token=") && !pair.starts_with("signature="));
    let form = format!(
        "{}&token={token}&signature={}",
        kept.collect::<Vec<_>>().join("&"),
        mac(&time)
    );
    (
        vec![(
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        )],
        form.into_bytes(),
    )
}

/// A body of a sender where the samples are not there.
pub(super) fn own_body(sender: &str) -> Vec<u8> {
    let body = match sender {
        "sendgrid" => {
            r#"[{"event":"open","email":"a@b.example","timestamp":1780333212,"sg_message_id":"m.f"}]"#
        }
        "mailgun" => {
            r#"{"event-data":{"event":"opened","id":"x","timestamp":1780333212.5,"recipient":"a@b.example"}}"#
        }
        "postmark" => {
            r#"{"RecordType":"Open","MessageID":"m","Recipient":"a@b.example","ReceivedAt":"2026-05-21T12:00:00Z"}"#
        }
        "resend" => {
            r#"{"type":"email.opened","created_at":"2026-05-21T12:00:00Z","data":{"email_id":"e","to":["a@b.example"]}}"#
        }
        _ => {
            r#"{"type":"email.opened","timestamp":"2026-05-21T12:00:00Z","data":{"recipient":"a@b.example","email_id":"e"}}"#
        }
    };
    body.as_bytes().to_vec()
}
