//! How Bird's webhook is set up and tried.

use serde_json::json;

use crate::{
    proof::STANDARD_NAMES,
    setup::{SecretOrigin, Setup, TestDelivery, Trial},
};

pub(super) const SETUP: Setup = Setup {
    origin: SecretOrigin::Provider,
    steps: &[
        "create a webhook endpoint with the URL {address}, and choose the events of emails",
        "the signing secret of the endpoint is {secret}",
    ],
    repeats_for_hours: None,
};

/// A minimal event, as its test button sends one.
pub(super) fn test(trial: &Trial<'_>) -> TestDelivery {
    let body = json!({
        "type": "email.delivered",
        "timestamp": trial.time(),
        "data": {
            "email_id": format!("em_{}", trial.id),
            "recipient_id": format!("er_{}", trial.id),
            "recipient": trial.recipient(),
            "recipient_role": "to",
            "tags": null,
            "metadata": null,
        },
    });
    trial.standard(STANDARD_NAMES, &body)
}
