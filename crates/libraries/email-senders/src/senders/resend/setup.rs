//! How Resend's webhook is set up and tried.

use serde_json::json;

use crate::setup::{SecretOrigin, Setup, TestDelivery, Trial};

pub(super) const SETUP: Setup = Setup {
    origin: SecretOrigin::Provider,
    steps: &[
        "Webhooks, Add webhook: the endpoint URL is {address}; choose the events",
        "the page of the webhook: the Signing Secret is {secret}",
    ],
    repeats_for_hours: Some(28),
};

/// The documented event of a delivery.
pub(super) fn test(trial: &Trial<'_>) -> TestDelivery {
    let body = json!({
        "type": "email.delivered",
        "created_at": trial.time(),
        "data": {
            "created_at": trial.time(),
            "email_id": trial.id,
            "from": "Acme <onboarding@resend.dev>",
            "to": [trial.recipient()],
            "subject": "Sending this example",
            "tags": {"category": "confirm_email"},
        },
    });
    trial.standard(["svix-id", "svix-timestamp", "svix-signature"], &body)
}
