//! How `SendGrid`'s webhook is set up and tried.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use super::{SIGNATURE, STAMP};
use crate::setup::{SecretOrigin, Setup, TestDelivery, Trial};

pub(super) const SETUP: Setup = Setup {
    origin: SecretOrigin::Provider,
    steps: &[
        "Settings, Mail Settings, Event Webhooks: create a webhook with the Post URL {address}",
        "choose the events, enable Signature Verification, and save",
        "the Verification Key is {secret}",
    ],
    repeats_for_hours: Some(24),
};

/// The test button's event. Only `SendGrid` has the private key.
pub(super) fn test(trial: &Trial<'_>) -> TestDelivery {
    let headers = vec![
        (SIGNATURE.to_owned(), BASE64_STANDARD.encode("made up")),
        (STAMP.to_owned(), trial.now.unix_timestamp().to_string()),
    ];
    let event = json!([{
        "email": trial.recipient(),
        "timestamp": trial.now.unix_timestamp(),
        "smtp-id": format!("<{}@example.com>", trial.id),
        "event": "processed",
        "category": ["cat facts"],
        "sg_event_id": "sg_event_id",
        "sg_message_id": trial.id,
    }]);
    TestDelivery::unproven(headers, &event)
}
