//! Bodies that providers documented and receivers published. They are not part of this repository; if the folder exists, each of
//! them must be accounted for, with the meaning, recipient and time that Anymail reads.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use event_model::read_instant;
use serde_json::Value;

use crate::deliveries::load;

const PROVIDERS: [&str; 6] = ["bird", "mailgun", "postmark", "resend", "sendgrid", "ses"];

pub(crate) fn folder() -> Option<PathBuf> {
    let named = env::var_os("CISTERN_SHARED_DATA").map(PathBuf::from);
    let must_exist = named.is_some();
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
    let folder = named.unwrap_or_else(beside).join("senders");
    assert!(
        folder.is_dir() || !must_exist,
        "CISTERN_SHARED_DATA has no folder `senders`"
    );
    folder.is_dir().then_some(folder)
}

/// The bodies of a provider's folder by the name of their file.
fn bodies(provider: &str) -> BTreeMap<String, Vec<u8>> {
    let Some(folder) = folder() else {
        return BTreeMap::new();
    };
    let mut bodies = BTreeMap::new();
    for entry in fs::read_dir(folder.join(provider)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = fs::read(&path).unwrap();
        if name.ends_with(".form.json") {
            let form: Value = serde_json::from_slice(&bytes).unwrap();
            bodies.insert(name, form["body"].as_str().unwrap().as_bytes().to_vec());
        } else if name != "SOURCES.md" && name != "headers.json" && name != "expected-anymail.json"
        {
            bodies.insert(name, bytes);
        }
    }
    assert!(bodies.len() >= 15, "{provider}: only {}", bodies.len());
    bodies
}

/// Samples of which an event cannot be stored, with the reason: tests of receivers with shortened bodies or invented times, and inbound mail.
const REJECTED: &[(&str, &str)] = &[
    (
        "mailgun/anymail-delivery-status-is-none.json",
        "missing_timestamp",
    ),
    (
        "mailgun/anymail-dropped-spam.form.json",
        "timestamp_out_of_range",
    ),
    (
        "mailgun/anymail-dropped-timed-out.form.json",
        "timestamp_out_of_range",
    ),
    (
        "mailgun/anymail-inbound-misconfigured-tracking-legacy.form.json",
        "timestamp_out_of_range",
    ),
    (
        "mailgun/anymail-invalid-mailbox.form.json",
        "timestamp_out_of_range",
    ),
    (
        "mailgun/anymail-metadata-message-headers.form.json",
        "timestamp_out_of_range",
    ),
    (
        "mailgun/anymail-metadata-post-fields.form.json",
        "timestamp_out_of_range",
    ),
    (
        "mailgun/anymail-misconfigured-inbound.form.json",
        "timestamp_out_of_range",
    ),
    ("mailgun/anymail-tags.form.json", "timestamp_out_of_range"),
    (
        "postmark/anymail-inbound-misconfigured-tracking.json",
        "missing_timestamp",
    ),
    (
        "postmark/anymail-inbound-with-raw-email.json",
        "missing_timestamp",
    ),
    (
        "postmark/anymail-misconfigured-inbound-2.json",
        "missing_timestamp",
    ),
    (
        "postmark/anymail-misconfigured-inbound.json",
        "missing_timestamp",
    ),
    (
        "resend/anymail-inbound-misconfigured-tracking.json",
        "missing_timestamp",
    ),
    (
        "sendgrid/anymail-inbound-basics.form.json",
        "missing_timestamp",
    ),
    (
        "sendgrid/anymail-inbound-charsets.form.json",
        "missing_timestamp",
    ),
    (
        "sendgrid/anymail-inbound-mime.form.json",
        "missing_timestamp",
    ),
    (
        "sendgrid/docs-click-url-offset.json",
        "timestamp_out_of_range",
    ),
    (
        "sendgrid/docs-custom-args-fragment-only.json",
        "missing_timestamp",
    ),
    (
        "sendgrid/docs-reserved-keys-in-custom-args.json",
        "timestamp_out_of_range",
    ),
    ("ses/anymail-click.json", "missing_timestamp"),
    ("ses/anymail-complaint.json", "missing_timestamp"),
    ("ses/anymail-delivery.json", "missing_timestamp"),
    (
        "ses/anymail-inbound-incorrect-tracking.json",
        "missing_timestamp",
    ),
    ("ses/anymail-incorrect-received.json", "missing_timestamp"),
    ("ses/anymail-open.json", "missing_timestamp"),
    ("ses/anymail-reject.json", "missing_timestamp"),
    ("ses/anymail-send.json", "missing_timestamp"),
];

#[test]
fn every_sample_is_accounted_for() {
    let mut rejected = Vec::new();
    for provider in PROVIDERS {
        for (name, body) in bodies(provider) {
            let outcome = load(provider, Some("msg_1"), &body);

            rejected.extend(
                outcome
                    .rejected
                    .iter()
                    .map(|code| (format!("{provider}/{name}"), *code)),
            );
            for event in &outcome.events {
                assert_eq!(event.text("provider"), Some(provider));
                assert!(
                    event.payload["provider_data"].is_object(),
                    "{provider}/{name}"
                );
                assert!(event.text("provider_event").is_some(), "{provider}/{name}");
            }
        }
    }
    if folder().is_some() {
        let rejected: Vec<_> = rejected
            .iter()
            .map(|(name, code)| (name.as_str(), *code))
            .collect();
        assert_eq!(rejected, REJECTED);
    }
}

/// Where Anymail says something else, and why this is right.
const DIFFERENCES: &[(&str, &str)] = &[
    ("mailgun/anymail-delivery-status-is-none.json", NO_TIME),
    ("mailgun/anymail-dropped-spam.form.json", TOO_OLD),
    ("mailgun/anymail-dropped-timed-out.form.json", TOO_OLD),
    ("mailgun/anymail-invalid-mailbox.form.json", TOO_OLD),
    (
        "mailgun/anymail-metadata-message-headers.form.json",
        TOO_OLD,
    ),
    ("mailgun/anymail-metadata-post-fields.form.json", TOO_OLD),
    ("mailgun/anymail-tags.form.json", TOO_OLD),
    (
        "mailgun/docs-failed-permanent.json",
        "suppressed, so never tried",
    ),
    ("mailgun/spatie-bounce.json", "suppressed, so never tried"),
    (
        "postmark/anymail-subscription-change-bounce.json",
        "the bounce itself comes too",
    ),
    (
        "postmark/site-bounce-2014.json",
        "a bounce of before there was a RecordType",
    ),
    (
        "postmark/spatie-bounce-via-subscription-change.json",
        "the bounce itself comes too",
    ),
    (
        "resend/anymail-sent.json",
        "nothing says which of several recipients it was",
    ),
    (
        "resend/docs-email-failed.json",
        "a type that Anymail does not know",
    ),
    (
        "resend/docs-email-received.json",
        "a type that Anymail does not know",
    ),
    (
        "resend/docs-email-suppressed.json",
        "a type that Anymail does not know",
    ),
    (
        "resend/docs-suppression-added.json",
        "the address that it is about is found",
    ),
    (
        "resend/issue-multi-recipient-sent.json",
        "nothing says which of several recipients it was",
    ),
    (
        "sendgrid/docs-bounce-blocked.json",
        "blocked, which is a refusal",
    ),
    ("sendgrid/docs-click-url-offset.json", TOO_OLD),
    ("ses/anymail-click.json", NO_TIME),
    ("ses/anymail-complaint.json", NO_TIME),
    ("ses/anymail-delivery.json", NO_TIME),
    ("ses/anymail-open.json", NO_TIME),
    ("ses/anymail-reject.json", NO_TIME),
    ("ses/anymail-send.json", NO_TIME),
];
const NO_TIME: &str = "shortened by the authors of a test: the event has no time";
const TOO_OLD: &str = "of 2009, which no event is accepted from";

#[test]
fn meaning_recipient_and_time_are_those_that_anymail_reads() {
    let Some(folder) = folder() else { return };
    let mut compared = 0;
    let mut different = Vec::new();
    for provider in PROVIDERS.into_iter().filter(|provider| *provider != "bird") {
        let expected = fs::read(folder.join(provider).join("expected-anymail.json")).unwrap();
        let expected: BTreeMap<String, Value> = serde_json::from_slice(&expected).unwrap();
        let bodies = bodies(provider);
        for (name, expected) in expected {
            let Some(expected) = expected.as_array() else {
                continue;
            };
            let outcome = load(provider, Some("msg_1"), &bodies[&name]);
            for (place, anymail) in expected.iter().enumerate() {
                let Some(own) = outcome.events.get(place) else {
                    different.push((format!("{provider}/{name}"), "no event".to_owned()));
                    continue;
                };
                compared += 1;
                let word = (own.text("normalized_event"), anymail["event_type"].as_str());
                let recipient = (
                    own.rcpt_to.as_deref(),
                    anymail["recipient"].as_str().map(str::to_lowercase),
                );
                // Of a message of SNS it reads the time of the message.
                let time = anymail["timestamp"].as_str().filter(|_| provider != "ses");
                let time = time.map(|time| read_instant(time).unwrap().unix_millis() / 1_000);
                if word.0 != word.1 {
                    different.push((format!("{provider}/{name}"), format!("{word:?}")));
                } else if recipient.0 != recipient.1.as_deref() {
                    different.push((format!("{provider}/{name}"), format!("{recipient:?}")));
                } else if time.is_some_and(|time| time != own.seconds) {
                    different.push((
                        format!("{provider}/{name}"),
                        format!("{time:?} {}", own.seconds),
                    ));
                }
            }
        }
    }
    let unexplained: Vec<_> = different
        .iter()
        .filter(|(name, _)| !DIFFERENCES.iter().any(|(known, _)| known == name))
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    for (known, why) in DIFFERENCES {
        assert!(
            different.iter().any(|(name, _)| name == known),
            "{known} is not different any more: {why}"
        );
    }
    assert!(compared >= 100, "only {compared}");
}
