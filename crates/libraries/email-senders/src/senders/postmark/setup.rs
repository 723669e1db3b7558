//! How Postmark's webhook is set up and tried.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use super::TEST_MESSAGE;
use crate::setup::{SecretOrigin, Setup, TestDelivery, Trial};

pub(super) const SETUP: Setup = Setup {
    origin: SecretOrigin::Own,
    steps: &[
        "the server, its message stream, Webhooks, Add webhook: the Webhook URL is {address}",
        "Basic auth credentials: the username is cistern, the password is {secret}",
        "choose the events, and save; each message stream has webhooks of its own",
    ],
    repeats_for_hours: Some(11),
};

/// The test button's delivery, which has a message of zeros.
pub(super) fn test(trial: &Trial<'_>) -> TestDelivery {
    let pair = BASE64_STANDARD.encode(format!("cistern:{}", trial.secret));
    let body = json!({
        "RecordType": "Delivery",
        "ServerID": 23,
        "MessageStream": "outbound",
        "MessageID": TEST_MESSAGE,
        "Recipient": trial.recipient(),
        "Tag": "welcome-email",
        "DeliveredAt": trial.time(),
        "Details": "Test delivery webhook details",
        "Metadata": {"example": "value", "example_2": "value"},
    });
    TestDelivery::proven(
        vec![("authorization".to_owned(), format!("Basic {pair}"))],
        &body,
    )
}
