//! How a webhook of any sender of Standard Webhooks is set up and tried.

use serde_json::json;

use crate::{
    proof::STANDARD_NAMES,
    setup::{SecretOrigin, Setup, TestDelivery, Trial},
};

pub(super) const SETUP: Setup = Setup {
    origin: SecretOrigin::Provider,
    steps: &[
        "create a webhook endpoint with the URL {address}",
        "its secret is {secret}",
    ],
    repeats_for_hours: None,
};

/// A thin event.
pub(super) fn test(trial: &Trial<'_>) -> TestDelivery {
    let body = json!({
        "type": "cistern.test",
        "timestamp": trial.time(),
        "data": {"id": trial.id},
    });
    trial.standard(STANDARD_NAMES, &body)
}
