//! Messages of SNS, signed here as SNS signs them: the right ones are proven, and nothing else is.

use std::{collections::BTreeMap, sync::LazyLock};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use email_senders::{
    CertificateError, Purpose, Received, Refused, Senders, SigningCertificate, SnsUrl,
};
use event_model::read_instant;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SigningKey as _};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::signatures::{NOW, Request, assert_broken, bodies};

pub(crate) const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:cistern-ses";
const OTHER_TOPIC: &str = "arn:aws:sns:eu-west-1:210987654321:cistern-ses";
const CERTIFICATE: &str =
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem";
const SUBSCRIBE: &str = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:123456789012:cistern-ses&Token=0af";
const CONFIRMATION: [(&str, &str); 3] = [
    ("Type", "SubscriptionConfirmation"),
    ("SubscribeURL", SUBSCRIBE),
    ("Token", "0af"),
];

/// A topic, with a key of SNS and its certificate.
pub(crate) struct Topic {
    key: KeyPair,
    certificate: String,
}

static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap());

impl Topic {
    pub(crate) fn new() -> Self {
        Self::named("sns.amazonaws.com")
    }

    fn named(name: &str) -> Self {
        Self::with(&CertificateParams::new([name.to_owned()]).unwrap())
    }

    fn with(params: &CertificateParams) -> Self {
        // Keys of RSA take long to make.
        let key = KeyPair::try_from(KEY.serialize_der()).unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { key, certificate }
    }

    /// A notification of this moment about an open, with other members in their places.
    pub(crate) fn message(&self, changed: &[(&str, &str)]) -> Request {
        let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
        let time = now
            .format(&time::format_description::well_known::Rfc3339)
            .unwrap();
        let event = json!({
            "eventType": "Open",
            "open": {"timestamp": time},
            "mail": {"timestamp": time, "messageId": "m1", "destination": ["a@b.example"]},
        });
        let event = format!("{event}\n");
        let mut members = BTreeMap::from([
            ("Type", "Notification"),
            ("MessageId", "9d2c5580-b61d-550c-8583-37a582870907"),
            ("TopicArn", TOPIC),
            ("Message", event.as_str()),
            ("Timestamp", time.as_str()),
            ("SignatureVersion", "2"),
            ("SigningCertURL", CERTIFICATE),
        ]);
        members.extend(changed.iter().copied());
        let signature = BASE64_STANDARD.encode(self.key.sign(signed(&members).as_bytes()).unwrap());
        members.entry("Signature").or_insert(&signature);
        received(&json!(members).to_string(), &self.certificate)
            .with(|request| request.secrets = vec![TOPIC.to_owned()])
    }

    pub(crate) fn notification(&self) -> Request {
        self.message(&[])
    }
}

/// Written from SNS's documentation, without the code that checks signatures.
fn signed(members: &BTreeMap<&str, &str>) -> String {
    let names: &[&str] = match members["Type"] {
        "Notification" => &[
            "Message",
            "MessageId",
            "Subject",
            "Timestamp",
            "TopicArn",
            "Type",
        ],
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
    names
        .iter()
        .filter_map(|name| Some(format!("{name}\n{}\n", members.get(name)?)))
        .collect()
}

/// A message as it arrives at once: for its own topic.
pub(crate) fn received(body: &str, certificate: &str) -> Request {
    let message: Value = serde_json::from_str(body).unwrap();
    let published = read_instant(message["Timestamp"].as_str().unwrap()).unwrap();
    Request {
        body: body.as_bytes().to_vec(),
        secrets: vec![message["TopicArn"].as_str().unwrap().to_owned()],
        certificate: Some(certificate.as_bytes().to_vec()),
        now: published.unix_millis() / 1_000 + 1,
        ..Request::default()
    }
}

/// A request whose body has another member, with the signature as it was.
fn changed(right: &Request, name: &str, value: Value) -> Request {
    let mut message: Value = serde_json::from_slice(&right.body).unwrap();
    message[name] = value;
    right.with(|request| request.body = message.to_string().into_bytes())
}

fn certificate_url(request: &Request) -> Result<Option<SnsUrl>, Refused> {
    let header = |_: &str| None;
    let proof = Senders::default().named("ses").unwrap().proof().unwrap();
    let received = Received {
        header: &header,
        presented_key: None,
        body: &request.body,
        certificate: None,
        now: OffsetDateTime::from_unix_timestamp(request.now).unwrap(),
    };
    proof.certificate_url(&received, request.secrets.iter().map(String::as_str))
}

fn purpose(request: &Request) -> Purpose {
    assert_eq!(request.check("ses"), Ok(()));
    let header = |_: &str| None;
    let proof = Senders::default().named("ses").unwrap().proof().unwrap();
    proof.purpose(&Received {
        header: &header,
        presented_key: None,
        body: &request.body,
        certificate: None,
        now: OffsetDateTime::from_unix_timestamp(request.now).unwrap(),
    })
}

#[test]
fn every_kind_of_message_is_proven_and_says_what_it_is_for() {
    let topic = Topic::new();
    let with_subject = topic.message(&[("Subject", "Amazon SES Email Event Notification")]);
    let confirmation = topic.message(&CONFIRMATION);
    let [_, url, token] = CONFIRMATION;
    let cancellation = topic.message(&[("Type", "UnsubscribeConfirmation"), url, token]);

    for notification in [topic.notification(), with_subject] {
        assert_eq!(purpose(&notification), Purpose::Delivery);
    }
    let Purpose::Confirmation(url) = purpose(&confirmation) else {
        panic!("it is a confirmation");
    };
    assert_eq!(url.as_str(), SUBSCRIBE);
    assert_eq!(purpose(&cancellation), Purpose::Cancellation);
    let asked = certificate_url(&confirmation).unwrap().unwrap();
    assert_eq!(asked.as_str(), CERTIFICATE);
}

/// Made with openssl, which signs with SHA-1; the key is kept nowhere.
#[test]
fn signature_of_version_1_is_of_sha_1() {
    let body = include_str!("fixtures/sns-sha1.json");
    let right = received(body, include_str!("fixtures/sns.pem"));

    assert_eq!(right.check("ses"), Ok(()));
    let as_version_2 = changed(&right, "SignatureVersion", json!("2"));
    assert_eq!(as_version_2.check("ses"), Err(Refused::Wrong));
}

#[test]
fn message_that_ends_in_a_line_feed_is_signed_with_it() {
    let right = Topic::new().notification();
    let message: Value = serde_json::from_slice(&right.body).unwrap();
    let trimmed = message["Message"].as_str().unwrap().trim_end();

    assert_eq!(right.check("ses"), Ok(()));
    let trimmed = changed(&right, "Message", json!(trimmed));
    assert_eq!(trimmed.check("ses"), Err(Refused::Wrong));
}

/// The message with each certificate that is not that of its key and of SNS.
fn with_other_certificates(right: &Request) -> Vec<(String, Request)> {
    let with_certificate = |what: &str, certificate: Option<Vec<u8>>| {
        let request = right.with(|request| request.certificate = certificate);
        (format!("certificate: {what}"), request)
    };
    let other_key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let params = CertificateParams::new(["sns.amazonaws.com".to_owned()]).unwrap();
    let of_other_key = params.self_signed(&other_key).unwrap().pem();
    let curve = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let of_curve = params.self_signed(&curve).unwrap().pem();
    let of_other_name = Topic::named("sqs.amazonaws.com").certificate;
    vec![
        with_certificate("none", None),
        with_certificate("another key", Some(of_other_key.into_bytes())),
        with_certificate("a key of a curve", Some(of_curve.into_bytes())),
        with_certificate("another service", Some(of_other_name.into_bytes())),
        with_certificate("no PEM", Some(b"<html>".to_vec())),
    ]
}

#[test]
fn forty_broken_messages_of_sns_are_refused() {
    let topic = Topic::new();
    let right = topic.message(&[("Subject", "Amazon SES Email Event Notification")]);
    let mut all = Vec::new();
    for (what, secret) in [
        ("empty", ""),
        ("another account's topic", OTHER_TOPIC),
        ("longer", &format!("{TOPIC}x")),
        ("shorter", &TOPIC[..TOPIC.len() - 1]),
        ("upper case", &TOPIC.to_uppercase()),
        ("another region", &TOPIC.replace("eu-west-1", "eu-west-2")),
        (
            "another partition",
            &TOPIC.replace("arn:aws:", "arn:aws-cn:"),
        ),
        ("a pattern", "arn:aws:sns:*:*:*"),
        ("a name alone", "cistern-ses"),
    ] {
        let secret = vec![secret.to_owned()];
        all.push((
            format!("{what} stored"),
            right.with(|request| request.secrets = secret),
        ));
    }
    all.push((
        "none stored".to_owned(),
        right.with(|request| request.secrets.clear()),
    ));
    all.extend(
        bodies(&right)
            .into_iter()
            // White space around the object is no part of what is signed.
            .filter(|(what, _)| !["line feed behind", "blank before"].contains(&what.as_str())),
    );
    for (name, value) in [
        ("Message", json!("{}")),
        ("Message", json!("")),
        ("Message", json!({"eventType": "Open"})),
        ("MessageId", json!("9d2c5580-b61d-550c-8583-37a582870908")),
        ("Subject", json!("another")),
        ("Subject", Value::Null),
        ("Timestamp", json!("2026-06-01T17:00:13Z")),
        ("Timestamp", json!("2026-06-01T17:00:12.000Z")),
        ("Timestamp", json!("yesterday")),
        ("Timestamp", Value::Null),
        ("TopicArn", json!(OTHER_TOPIC)),
        ("TopicArn", json!([TOPIC])),
        ("Type", json!("SubscriptionConfirmation")),
        ("Type", json!("notification")),
        ("Type", Value::Null),
        ("SignatureVersion", json!("1")),
        ("SignatureVersion", json!("3")),
        ("SignatureVersion", json!(2)),
        ("SignatureVersion", Value::Null),
        ("Signature", Value::Null),
        ("Signature", json!("")),
        ("Signature", json!("AAAA")),
        ("Signature", json!(BASE64_STANDARD.encode([0; 256]))),
        ("Signature", json!("!")),
        ("SigningCertURL", Value::Null),
        (
            "SigningCertURL",
            json!(CERTIFICATE.replace("https", "http")),
        ),
        (
            "SigningCertURL",
            json!(CERTIFICATE.replace("amazonaws.com", "amazonaws.example")),
        ),
        (
            "SigningCertURL",
            json!("https://sns.eu-west-1.amazonaws.com@evil.example/a.pem"),
        ),
        (
            "SigningCertURL",
            json!("https://sns.eu-west-1.amazonaws.com:8443/a.pem"),
        ),
        (
            "SigningCertURL",
            json!("https://s3.amazonaws.com/bucket/a.pem"),
        ),
    ] {
        all.push((format!("{name} is {value}"), changed(&right, name, value)));
    }
    for (what, at) in [("old", NOW + 5_401), ("of the future", NOW - 301)] {
        all.push((what.to_owned(), right.with(|request| request.now = at)));
    }
    all.extend(with_other_certificates(&right));

    assert_broken("ses", &right, all);
}

#[test]
fn second_event_behind_a_signed_message_is_not_let_in() {
    let right = Topic::new().notification();
    let event =
        br#"{"eventType":"Open","mail":{"timestamp":"2026-06-01T17:00:12Z","messageId":"forged"}}"#;
    for behind in [event.as_slice(), b"[]", b"x", b"\0"] {
        for between in ["", "\n", " "] {
            let forged = right
                .with(|request| request.body = [&right.body, between.as_bytes(), behind].concat());
            assert_eq!(forged.check("ses"), Err(Refused::Malformed));
        }
    }
    // Of a member that is there twice, the one counts that becomes the event.
    let text = String::from_utf8(right.body.clone()).unwrap();
    let twice = text.replacen('{', r#"{"Message":"{\"eventType\":\"Send\"}","#, 1);
    assert_eq!(
        right
            .with(|request| request.body = twice.into_bytes())
            .check("ses"),
        Ok(())
    );
    let twice = format!(r#"{},"Message":"{{}}"}}"#, text.strip_suffix('}').unwrap());
    let twice = right.with(|request| request.body = twice.into_bytes());
    assert_eq!(twice.check("ses"), Err(Refused::Wrong));
}

#[test]
fn strangers_cause_no_request_of_a_certificate() {
    let topic = Topic::new();
    let right = topic.notification();
    let refused = |request: &Request| certificate_url(request).unwrap_err();

    assert!(certificate_url(&right).unwrap().is_some());
    let other = topic.message(&[("TopicArn", OTHER_TOPIC)]);
    assert_eq!(refused(&other), Refused::OtherTopic);
    assert_eq!(
        refused(&right.with(|request| request.secrets.clear())),
        Refused::NoSecret
    );
    assert_eq!(
        refused(&right.with(|request| request.now += 6_000)),
        Refused::Stale
    );
    assert_eq!(
        refused(&right.with(|request| request.body = b"{}".to_vec())),
        Refused::Missing
    );
    let elsewhere = topic.message(&[("SigningCertURL", "https://evil.example/a.pem")]);
    assert_eq!(refused(&elsewhere), Refused::Untrusted);
    let unsigned = topic.message(&[("Signature", "AAAA")]);
    assert_eq!(refused(&unsigned), Refused::Malformed);
}

#[test]
fn subscription_is_confirmed_on_a_host_of_sns_only() {
    let topic = Topic::new();
    for elsewhere in [
        "https://evil.example/?Action=ConfirmSubscription&Token=0af",
        "http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=0af",
        "https://sns.eu-west-1.amazonaws.com/?Action=DeleteTopic&Token=0af",
        "https://sns.eu-west-1.amazonaws.com/latest/meta-data",
    ] {
        // Even with a right signature.
        let message = topic.message(&[
            CONFIRMATION[0],
            ("SubscribeURL", elsewhere),
            CONFIRMATION[2],
        ]);
        assert_eq!(message.check("ses"), Err(Refused::Untrusted), "{elsewhere}");
    }
}

#[test]
fn topics_of_a_rotation_both_count_and_the_reason_is_that_of_the_right_one() {
    let right = Topic::new().notification();
    let both = |request: &mut Request| {
        request.secrets = vec![
            OTHER_TOPIC.to_owned(),
            TOPIC.to_owned(),
            OTHER_TOPIC.to_owned(),
        ];
    };

    assert_eq!(right.with(both).check("ses"), Ok(()));
    let broken = changed(&right, "MessageId", json!("another")).with(both);
    assert_eq!(broken.check("ses"), Err(Refused::Wrong));
}

#[test]
fn message_counts_while_sns_may_repeat_it_and_its_certificate_is_valid() {
    let right = Topic::new().notification();
    for (seconds, outcome) in [
        (-300, Ok(())),
        (-301, Err(Refused::Stale)),
        (3_600, Ok(())),
        (5_400, Ok(())),
        (5_401, Err(Refused::Stale)),
    ] {
        let request = right.with(|request| request.now = NOW + seconds);
        assert_eq!(request.check("ses"), outcome, "{seconds}");
    }

    let now = OffsetDateTime::from_unix_timestamp(NOW + 1).unwrap();
    for (before, after, outcome) in [
        (-1, 1, Ok(())),
        (1, 2, Err(Refused::Untrusted)),
        (-2, -1, Err(Refused::Untrusted)),
    ] {
        let mut params = CertificateParams::new(["sns.amazonaws.com".to_owned()]).unwrap();
        params.not_before = now + Duration::days(before);
        params.not_after = now + Duration::days(after);
        assert_eq!(Topic::with(&params).notification().check("ses"), outcome);
    }
}

#[test]
fn certificate_that_is_none_says_why() {
    let parse = |pem: &[u8]| SigningCertificate::parse(pem).map(|_| ());
    let right = Topic::named("sns-signing.af-south-1.amazonaws.com").certificate;

    assert_eq!(parse(right.as_bytes()), Ok(()));
    let other = Topic::named("example.com").certificate;
    assert_eq!(parse(other.as_bytes()), Err(CertificateError::Name));
    let key = KEY.serialize_pem();
    for none in [
        "",
        "-----BEGIN CERTIFICATE-----",
        &right[..200],
        &key,
        "AAAA",
    ] {
        assert_eq!(
            parse(none.as_bytes()),
            Err(CertificateError::Form),
            "{none}"
        );
    }
}

#[test]
fn steps_of_the_set_up_can_be_pasted() {
    let proof = Senders::default().named("ses").unwrap().proof().unwrap();
    let address = "https://a.example/webhooks/ses";
    let steps = proof.setup().steps(address, TOPIC).join("\n");

    let subscribe =
        format!("--topic-arn {TOPIC} --protocol https --notification-endpoint {address} ");
    assert!(steps.contains(&subscribe), "{steps}");
    assert!(
        steps.contains(r#""aws:SourceAccount":"123456789012""#),
        "{steps}"
    );
    // JSON inside of JSON, in quotes of the shell.
    let attributes = steps.split('\'').nth(1).unwrap();
    let attributes: Value = serde_json::from_str(attributes).unwrap();
    let policy = attributes["DeliveryPolicy"].as_str().unwrap();
    let policy: Value = serde_json::from_str(policy).unwrap();
    let retries = &policy["healthyRetryPolicy"];
    let seconds =
        retries["numRetries"].as_u64().unwrap() * retries["maxDelayTarget"].as_u64().unwrap();
    // The longest that SNS takes.
    assert!((3_500..=3_600).contains(&seconds), "{seconds}");
}
