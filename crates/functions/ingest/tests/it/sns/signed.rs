//! Messages, signed as SNS signs them (<https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>).

use std::{collections::BTreeMap, sync::LazyLock};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, SigningKey as _};
use serde_json::json;

use crate::keys::TOPIC;

/// Keys of RSA take long to make.
static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap());

/// A topic of the stored ARN.
pub(super) struct Topic(&'static KeyPair);

impl Topic {
    pub(super) fn new() -> Self {
        Self(&KEY)
    }

    pub(super) fn certificate(&self) -> String {
        let params = CertificateParams::new(["sns.amazonaws.com".to_owned()]).unwrap();
        params.self_signed(self.0).unwrap().pem()
    }

    /// A notification with an event, with other members in their places.
    pub(super) fn message(&self, changed: &[(&str, &str)]) -> String {
        let event = event();
        let mut members = BTreeMap::from([
            ("Type", "Notification"),
            ("MessageId", "9d2c5580-b61d-550c-8583-37a582870907"),
            ("TopicArn", TOPIC),
            ("Message", event.as_str()),
            ("Timestamp", "2026-03-01T11:59:58.123Z"),
            ("SignatureVersion", "2"),
            ("SigningCertURL", super::CERTIFICATE_URL),
        ]);
        members.extend(changed.iter().copied());
        let names: &[&str] = match members["Type"] {
            "Notification" => &["Message", "MessageId", "Timestamp", "TopicArn", "Type"],
            _ => &[
                "Message",
                "MessageId",
                "SubscribeURL",
                "Timestamp",
                "Token",
                "TopicArn",
                "Type",
            ],
        };
        let mut signed = String::new();
        for name in names {
            signed.extend([*name, "\n", members[name], "\n"]);
        }
        let signature = BASE64_STANDARD.encode(self.0.sign(signed.as_bytes()).unwrap());
        members.insert("Signature", &signature);
        json!(members).to_string()
    }
}

/// An event as SES publishes it.
pub(super) fn event() -> String {
    let time = "2026-03-01T11:59:57.000Z";
    let event = json!({
        "eventType": "Open",
        "open": {"timestamp": time},
        "mail": {"timestamp": time, "messageId": "m1", "destination": ["a@b.example"]},
    });
    format!("{event}\n")
}
