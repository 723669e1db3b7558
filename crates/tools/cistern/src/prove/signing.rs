//! Signs deliveries as senders other than SparkPost do, with secrets of the proof. Written from their documentation, without the code that
//! checks signatures.

use anyhow::{Result, anyhow};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::plan::OtherSender;

/// Of Standard Webhooks: `whsec_` and the bytes in base64.
const STANDARD_KEY: &[u8] = b"a key of the proof, for nobody";
const MAILGUN_KEY: &str = "key-0123456789abcdef0123456789abcdef";
const POSTMARK_PASSWORD: &str = "prove-0123456789abcdef";
/// What comes before a P-256 key in `SubjectPublicKeyInfo` (RFC 5480).
const KEY_HEADER: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";

/// The keys of all senders.
#[derive(Debug)]
pub(super) struct Signer {
    sendgrid: EcdsaKeyPair,
}

/// One attempt to deliver a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'a> {
    /// The id of the delivery, the same in every attempt.
    pub(super) delivery: &'a str,
    /// Of this attempt, counted from 1.
    pub(super) number: u32,
    /// Seconds since 1970.
    pub(super) now: i64,
}

type Headers = Vec<(&'static str, String)>;

impl Signer {
    /// With a new key of `SendGrid`, whose secret is a public key.
    pub(super) fn new() -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING);
        Ok(Self {
            sendgrid: pair.map_err(|_| anyhow!("no key can be made"))?,
        })
    }

    /// The member `senders` of the stack's secret.
    pub(super) fn secrets(&self) -> Value {
        let public = [KEY_HEADER, self.sendgrid.public_key().as_ref()].concat();
        let standard = format!("whsec_{}", BASE64_STANDARD.encode(STANDARD_KEY));
        json!({
            "sendgrid": [BASE64_STANDARD.encode(public)],
            "mailgun": [MAILGUN_KEY],
            "postmark": [POSTMARK_PASSWORD],
            "resend": [standard],
            "bird": [standard],
        })
    }

    /// The headers of a delivery, and its body, in which Mailgun has its signature.
    pub(super) fn sign(
        &self,
        other: OtherSender,
        attempt: Attempt<'_>,
        body: Vec<u8>,
    ) -> Result<(Headers, Vec<u8>)> {
        let stamp = attempt.now.to_string();
        Ok(match other {
            OtherSender::SendGrid => {
                let signed = [stamp.as_bytes(), &body].concat();
                let signature = self.sendgrid.sign(&SystemRandom::new(), &signed);
                let signature = signature.map_err(|_| anyhow!("signing failed"))?;
                let headers = vec![
                    (
                        "x-twilio-email-event-webhook-signature",
                        BASE64_STANDARD.encode(signature),
                    ),
                    ("x-twilio-email-event-webhook-timestamp", stamp),
                ];
                (headers, body)
            }
            OtherSender::Mailgun => {
                // A token is used once.
                let token = format!("{:0>40}-{:0>9}", attempt.delivery, attempt.number);
                let mac = hmac(
                    MAILGUN_KEY.as_bytes(),
                    &[stamp.as_bytes(), token.as_bytes()],
                );
                let mut event: Value = serde_json::from_slice(&body)?;
                event["signature"] =
                    json!({"timestamp": stamp, "token": token, "signature": hex::encode(mac)});
                (Vec::new(), event.to_string().into_bytes())
            }
            OtherSender::Postmark => {
                let pair = BASE64_STANDARD.encode(format!("cistern:{POSTMARK_PASSWORD}"));
                (vec![("authorization", format!("Basic {pair}"))], body)
            }
            OtherSender::Resend => {
                let names = ["svix-id", "svix-timestamp", "svix-signature"];
                (standard(names, attempt, &body), body)
            }
            OtherSender::Bird => {
                let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
                (standard(names, attempt, &body), body)
            }
            // Firehose writes it, so it does not post here.
            OtherSender::Ses => (Vec::new(), body),
        })
    }
}

/// Standard Webhooks, version 1 (<https://www.standardwebhooks.com>).
fn standard(
    [id, stamp, signature]: [&'static str; 3],
    attempt: Attempt<'_>,
    body: &[u8],
) -> Headers {
    let now = attempt.now.to_string();
    let parts = [
        attempt.delivery.as_bytes(),
        b".",
        now.as_bytes(),
        b".",
        body,
    ];
    let mac = BASE64_STANDARD.encode(hmac(STANDARD_KEY, &parts));
    vec![
        (id, attempt.delivery.to_owned()),
        (stamp, now),
        (signature, format!("v1,{mac}")),
    ]
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use email_senders::{Received, Refused, Senders};
    use time::OffsetDateTime;

    use super::*;

    fn check(
        secrets: &Value,
        other: OtherSender,
        headers: &Headers,
        body: &[u8],
    ) -> Result<(), Refused> {
        let find = |name: &str| {
            headers
                .iter()
                .find(|(own, _)| *own == name)
                .map(|(_, value)| value.as_str())
        };
        let password = find("authorization").map(|_| POSTMARK_PASSWORD);
        let received = Received {
            header: &find,
            presented_key: password,
            body,
            certificate: None,
            now: OffsetDateTime::from_unix_timestamp(1_796_000_000).unwrap(),
        };
        let own = secrets[other.name()][0].as_str();
        let sender = Senders::default().named(other.name()).unwrap();
        let proof = sender.proof().unwrap();
        proof.check(&received, own)
    }

    #[test]
    fn every_sender_that_posts_is_proven_and_with_another_body_only_where_none_is_signed() {
        let signer = Signer::new().unwrap();
        let secrets = signer.secrets();
        let attempt = Attempt {
            delivery: "d-1",
            number: 2,
            now: 1_796_000_000,
        };
        for other in OtherSender::ALL
            .into_iter()
            .filter(|other| *other != OtherSender::Ses)
        {
            let (headers, body) = signer.sign(other, attempt, b"{\"a\":1}".to_vec()).unwrap();

            assert_eq!(check(&secrets, other, &headers, &body), Ok(()), "{other:?}");
            let changed = String::from_utf8(body)
                .unwrap()
                .replace("\"a\":1", "\"a\":2");
            let signs_nothing = matches!(other, OtherSender::Mailgun | OtherSender::Postmark);
            let outcome = check(&secrets, other, &headers, changed.as_bytes());
            assert_eq!(outcome.is_ok(), signs_nothing, "{other:?}");
        }
    }
}
