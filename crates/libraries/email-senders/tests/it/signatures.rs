//! Vectors of every scheme. The published ones are beside the checkout; those here are signed by the test.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use email_senders::{Received, Refused, SigningCertificate, standard_webhooks_signature};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use time::OffsetDateTime;

use crate::{recipes::senders, samples::folder, sns};

pub(crate) const NOW: i64 = 1_780_333_212;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A request and the secrets that a stack has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) presented_key: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) secrets: Vec<String>,
    /// In PEM, as it would be fetched.
    pub(crate) certificate: Option<Vec<u8>>,
    pub(crate) now: i64,
}

impl Request {
    pub(crate) fn check(&self, sender: &str) -> Result<(), Refused> {
        let header = |name: &str| self.headers.get(name).map(String::as_str);
        let certificate = self.certificate.as_deref();
        let certificate = certificate.and_then(|pem| SigningCertificate::parse(pem).ok());
        let received = Received {
            header: &header,
            presented_key: self.presented_key.as_deref(),
            body: &self.body,
            certificate: certificate.as_ref(),
            now: OffsetDateTime::from_unix_timestamp(self.now).unwrap(),
        };
        let sender = senders().named(sender).unwrap();
        let secrets = self.secrets.iter().map(String::as_str);
        sender.proof().unwrap().check(&received, secrets)
    }

    pub(crate) fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }
}

/// Changes of one request, none of which verifies. Every byte and every header in turn, and the secrets.
pub(crate) fn broken(right: &Request, other_secrets: &[&str]) -> Vec<(String, Request)> {
    let mut all = Vec::new();
    for name in right.headers.keys() {
        for (what, change) in CHANGES {
            let changed = right.with(|request| {
                let value = request.headers.get_mut(name).unwrap();
                *value = change(value);
            });
            all.push((format!("{what} {name}"), changed));
        }
        all.push((
            format!("no {name}"),
            right.with(|request| {
                request.headers.remove(name);
            }),
        ));
    }
    for secret in other_secrets {
        all.push((
            format!("secret {secret:?}"),
            right.with(|request| request.secrets = vec![(*secret).to_owned()]),
        ));
    }
    all.push((
        "no secret".to_owned(),
        right.with(|request| request.secrets.clear()),
    ));
    all
}

type Change = fn(&str) -> String;
const CHANGES: [(&str, Change); 7] = [
    ("empty", |_| String::new()),
    ("cut", |value| value[..value.len() - 1].to_owned()),
    ("longer", |value| format!("{value}0")),
    ("dot before", |value| format!(".{value}")),
    ("upper case", |value| {
        if value == value.to_uppercase() {
            format!("{value}x")
        } else {
            value.to_uppercase()
        }
    }),
    ("reversed", |value| value.chars().rev().collect()),
    ("other", |_| "v1,AAAA".to_owned()),
];

pub(crate) fn bodies(right: &Request) -> Vec<(String, Request)> {
    let body = &right.body;
    let changed = [
        ("empty body", Vec::new()),
        ("line feed behind", [body, b"\n".as_slice()].concat()),
        ("blank before", [b" ", body.as_slice()].concat()),
        ("cut body", body[..body.len() - 1].to_vec()),
        ("body twice", [body.as_slice(), body].concat()),
        (
            "byte order mark",
            [b"\xef\xbb\xbf", body.as_slice()].concat(),
        ),
        ("upper case", body.to_ascii_uppercase()),
        ("other members", br#"{"type":"x"}"#.to_vec()),
        ("trimmed", body.trim_ascii().to_vec()),
    ];
    let changed = changed.into_iter().filter(|(_, changed)| changed != body);
    changed
        .map(|(what, body)| (what.to_owned(), right.with(|request| request.body = body)))
        .collect()
}

pub(crate) fn assert_broken(sender: &str, right: &Request, broken: Vec<(String, Request)>) {
    assert_eq!(right.check(sender), Ok(()));
    assert!(broken.len() >= 40, "{sender}: only {}", broken.len());
    for (what, request) in broken {
        assert!(request.check(sender).is_err(), "{sender}: {what} verifies");
    }
}

fn standard_request(prefix: &str) -> Request {
    standard_request_at(prefix, NOW)
}

/// The attempt of this second, under the id that all attempts have.
pub(crate) fn standard_request_at(prefix: &str, seconds: i64) -> Request {
    let body = b"{\r\n \"type\": \"email.sent\"\r\n}\r\n".to_vec();
    let signature = standard_webhooks_signature(SECRET, "msg_1", seconds, &body).unwrap();
    let headers = [
        ("id", "msg_1".to_owned()),
        ("timestamp", seconds.to_string()),
        ("signature", signature),
    ];
    Request {
        headers: headers
            .map(|(name, value)| (format!("{prefix}-{name}"), value))
            .into(),
        body,
        secrets: vec![SECRET.to_owned()],
        now: seconds,
        ..Request::default()
    }
}

#[test]
fn forty_broken_requests_of_standard_webhooks_are_refused() {
    for (sender, prefix) in [
        ("bird", "webhook"),
        ("resend", "svix"),
        ("standard", "webhook"),
    ] {
        let right = standard_request(prefix);
        let mut all = broken(
            &right,
            &[
                "",
                "whsec_",
                OTHER_SECRET,
                &SECRET[6..],
                "whpk_AAAA",
                "whsec_!",
                "whsec_AAAA",
            ],
        );
        all.extend(bodies(&right));
        for seconds in [-301, 301, 86_400, -NOW] {
            all.push((
                format!("{seconds} s away"),
                right.with(|request| request.now += seconds),
            ));
        }

        assert_broken(sender, &right, all);
    }
}

#[test]
fn every_listed_signature_and_every_configured_secret_counts() {
    let right = standard_request("webhook");
    let old = standard_webhooks_signature(OTHER_SECRET, "msg_1", NOW, &right.body).unwrap();
    let both = right.with(|request| {
        let listed = request.headers.get_mut("webhook-signature").unwrap();
        *listed = format!("{old} v2,AAAA {listed}");
        request.secrets = vec![String::new(), "no secret".to_owned(), SECRET.to_owned()];
    });
    let rotated = both.with(|request| request.secrets = vec![OTHER_SECRET.to_owned()]);

    assert_eq!(both.check("bird"), Ok(()));
    assert_eq!(rotated.check("bird"), Ok(()));
    assert_eq!(
        right.with(|request| request.now += 300).check("bird"),
        Ok(())
    );
    assert_eq!(
        right.with(|request| request.now += 301).check("bird"),
        Err(Refused::Stale)
    );
}

fn public_key(pair: &EcdsaKeyPair) -> String {
    const HEADER: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
    BASE64_STANDARD.encode([HEADER, pair.public_key().as_ref()].concat())
}

pub(crate) fn new_pair() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()
}

pub(crate) fn sendgrid_request(pair: &EcdsaKeyPair) -> Request {
    let body = b"[{\"email\":\"a@b.example\",\"reason\":\"\\u003cx\\u003e\"}]\r\n".to_vec();
    let signed = [b"1600112502", body.as_slice()].concat();
    let signature = pair.sign(&SystemRandom::new(), &signed).unwrap();
    Request {
        headers: BTreeMap::from([
            (
                "x-twilio-email-event-webhook-signature".to_owned(),
                BASE64_STANDARD.encode(signature),
            ),
            (
                "x-twilio-email-event-webhook-timestamp".to_owned(),
                "1600112502".to_owned(),
            ),
        ]),
        body,
        secrets: vec![public_key(pair)],
        now: NOW,
        ..Request::default()
    }
}

#[test]
fn forty_broken_requests_of_sendgrid_are_refused() {
    let (pair, other) = (new_pair(), new_pair());
    let right = sendgrid_request(&pair);
    let key = public_key(&pair);
    let mut all = broken(
        &right,
        &[
            "",
            &public_key(&other),
            &key[1..],
            &key[..120],
            &format!("{key}AAAA"),
            &key.to_lowercase(),
            SECRET,
        ],
    );
    all.extend(bodies(&right));
    // One bit of the signature each.
    for bit in 0..16 {
        all.push((
            format!("bit {bit} of the signature"),
            right.with(|request| {
                let value = request
                    .headers
                    .get_mut("x-twilio-email-event-webhook-signature")
                    .unwrap();
                let mut bytes = BASE64_STANDARD.decode(&*value).unwrap();
                bytes[8 + bit] ^= 1;
                *value = BASE64_STANDARD.encode(bytes);
            }),
        ));
    }

    assert_broken("sendgrid", &right, all);
    let two_keys =
        right.with(|request| request.secrets = vec![public_key(&other), public_key(&pair)]);
    assert_eq!(two_keys.check("sendgrid"), Ok(()));
}

pub(crate) fn mailgun_request(
    key: &str,
    stamp: &str,
    token: &str,
    signature: Option<&str>,
) -> Request {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("{stamp}{token}").as_bytes());
    let right = hex::encode(mac.finalize().into_bytes());
    let signature = signature.unwrap_or(&right);
    let body = format!(
        r#"{{"signature":{{"timestamp":"{stamp}","token":"{token}","signature":"{signature}"}},"event-data":{{"event":"opened"}}}}"#
    );
    Request {
        body: body.into_bytes(),
        secrets: vec![key.to_owned()],
        now: NOW,
        ..Request::default()
    }
}

#[test]
fn forty_broken_requests_of_mailgun_are_refused() {
    let key = "key-0p6mqbf74lb20gzq9f4dhpn9rg3zyk26";
    let right = mailgun_request(key, "1661621710", "885894756b6c371a377f5f95", None);
    let text = String::from_utf8(right.body.clone()).unwrap();
    let signature = text.split(r#""signature":""#).nth(1).unwrap()[..64].to_owned();
    let mut all = Vec::new();
    for place in 0..32 {
        let mut digits = signature.clone().into_bytes();
        digits[place * 2] = if digits[place * 2] == b'0' {
            b'1'
        } else {
            b'0'
        };
        let digits = String::from_utf8(digits).unwrap();
        all.push((
            format!("digit {place}"),
            right.with(|request| request.body = text.replace(&signature, &digits).into_bytes()),
        ));
    }
    for (from, to) in [
        ("1661621710", "1661621711"),
        ("885894", "885895"),
        (signature.as_str(), ""),
        (signature.as_str(), &signature.to_uppercase()),
        (signature.as_str(), &signature[..63]),
        (r#""token""#, r#""Token""#),
        (r#""timestamp""#, r#""time""#),
        (r#""signature":""#, r#""signed":""#),
        ("{", "["),
    ] {
        all.push((
            format!("{from} is {to}"),
            right.with(|request| request.body = text.replace(from, to).into_bytes()),
        ));
    }
    for secret in [
        "",
        "key",
        "key-1p6mqbf74lb20gzq9f4dhpn9rg3zyk26",
        "key-0p6mqbf74lb20gzq9f4dhpn9rg3zyk2",
    ] {
        all.push((
            format!("secret {secret}"),
            right.with(|request| request.secrets = vec![secret.to_owned()]),
        ));
    }
    all.push((
        "not UTF-8".to_owned(),
        right.with(|request| request.body.push(0xff)),
    ));

    assert_broken("mailgun", &right, all);
}

#[test]
fn forty_broken_requests_of_postmark_are_refused() {
    let key = "a key of 20 letters.".replace(' ', "-");
    let right = Request {
        presented_key: Some(key.clone()),
        secrets: vec![key.clone()],
        now: NOW,
        ..Request::default()
    };
    let mut all: Vec<(String, Request)> = (0..key.len())
        .flat_map(|place| {
            let mut other = key.clone().into_bytes();
            other[place] ^= 1;
            let other = String::from_utf8(other).unwrap();
            let (presented, stored) = (other.clone(), other);
            [
                (
                    format!("letter {place}"),
                    right.with(|request| request.presented_key = Some(presented)),
                ),
                (
                    format!("letter {place} of the secret"),
                    right.with(|request| request.secrets = vec![stored]),
                ),
            ]
        })
        .collect();
    for presented in [
        None,
        Some(""),
        Some("a"),
        Some(&key[1..]),
        Some(&format!("{key}x")),
    ] {
        all.push((
            format!("{presented:?}"),
            right.with(|request| request.presented_key = presented.map(str::to_owned)),
        ));
    }
    // A short secret counts as none, even if it is presented.
    all.push((
        "short".to_owned(),
        right.with(|request| {
            request.presented_key = Some("short".to_owned());
            request.secrets = vec!["short".to_owned()];
        }),
    ));
    all.push((
        "empty".to_owned(),
        right.with(|request| {
            request.presented_key = Some(String::new());
            request.secrets = vec![String::new()];
        }),
    ));

    assert_broken("postmark", &right, all);
}

/// What the vectors of a file are of.
const FILES: [(&str, &str); 6] = [
    ("standard-webhooks", "standard"),
    ("resend", "resend"),
    ("bird", "bird"),
    ("sendgrid", "sendgrid"),
    ("mailgun", "mailgun"),
    ("sns", "ses"),
];

#[test]
fn every_published_vector_has_its_verdict() {
    let Some(folder) = folder() else { return };
    let mut seen = BTreeSet::new();
    for (file, sender) in FILES {
        let vectors = std::fs::read(folder.join(format!("signatures/{file}.json"))).unwrap();
        let vectors: Vec<Value> = serde_json::from_slice(&vectors).unwrap();
        for vector in vectors {
            let text = |name: &str| vector[name].as_str().unwrap_or_default().to_owned();
            let request = if sender == "mailgun" {
                mailgun_request(
                    &text("key"),
                    &text("timestamp"),
                    &text("token"),
                    Some(&text("signature")),
                )
            } else if sender == "ses" {
                sns::received(&text("body"), &text("certificate"))
            } else {
                let headers = vector["headers"].as_object().unwrap().iter();
                let keys = vector["keys"]
                    .as_array()
                    .cloned()
                    .unwrap_or_else(|| vec![vector["public_key"].clone()]);
                Request {
                    headers: headers
                        .map(|(name, value)| {
                            (name.to_lowercase(), value.as_str().unwrap().to_owned())
                        })
                        .collect(),
                    body: text("body").into_bytes(),
                    secrets: keys
                        .iter()
                        .map(|key| key.as_str().unwrap().to_owned())
                        .collect(),
                    now: vector["now"].as_i64().unwrap_or(NOW),
                    ..Request::default()
                }
            };

            let verdict = request.check(sender);
            assert_eq!(
                verdict.is_ok(),
                vector["valid"],
                "{file} {}: {verdict:?}",
                vector["name"]
            );
            seen.insert((file, text("name")));
        }
    }
    assert!(seen.len() >= 43, "only {}", seen.len());
}
