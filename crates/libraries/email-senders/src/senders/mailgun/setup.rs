//! How Mailgun's webhooks are set up and tried.

use serde_json::json;

use super::signature;
use crate::setup::{SecretOrigin, Setup, TestDelivery, Trial};

pub(super) const SETUP: Setup = Setup {
    origin: SecretOrigin::Provider,
    steps: &[
        "Settings, API Security: the HTTP webhook signing key is {secret}",
        "Send, Sending, Webhooks, the domain: add {address} for each event type",
    ],
    repeats_for_hours: Some(8),
};

/// The event of the button Test webhook.
pub(super) fn test(trial: &Trial<'_>) -> TestDelivery {
    let stamp = trial.now.unix_timestamp().to_string();
    let body = json!({
        "signature": {
            "timestamp": stamp,
            "token": trial.id,
            "signature": signature(trial.secret, &stamp, trial.id),
        },
        "event-data": {
            "event": "delivered",
            "id": trial.id,
            "timestamp": trial.now.unix_timestamp(),
            "log-level": "info",
            "envelope": {"transport": "smtp", "sender": "sender@example.org", "targets": trial.recipient()},
            "delivery-status": {"code": 250, "description": "", "attempt-no": 1, "message": "OK"},
            "message": {
                "headers": {
                    "to": trial.recipient(),
                    "message-id": format!("{}@example.org", trial.id),
                    "from": "sender@example.org",
                    "subject": "Test delivered webhook",
                },
                "attachments": [],
                "size": 111,
            },
            "recipient": trial.recipient(),
            "recipient-domain": "example.com",
            "campaigns": [],
            "tags": ["my_tag_1", "my_tag_2"],
            "user-variables": {"my_var_1": "Mailgun Variable #1", "my-var-2": "awesome"},
        },
    });
    TestDelivery::proven(Vec::new(), &body)
}
