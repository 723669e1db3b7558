//! How SES's events are brought by SNS, and how that is tried.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use crate::{
    proof::Refused,
    setup::{SecretOrigin, Setup, TestDelivery, Trial},
};

/// One attempt a minute for an hour, which is the longest that SNS does; without a policy it gives up after a minute.
const SUBSCRIBE: &str = r#"when the ARN is stored here: aws sns subscribe --topic-arn {secret} --protocol https --notification-endpoint {address} --attributes '{"DeliveryPolicy":"{\"healthyRetryPolicy\":{\"minDelayTarget\":60,\"maxDelayTarget\":60,\"numRetries\":59}}"}'"#;

/// <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-add-event-destination-sns.html>
const LET_PUBLISH: &str = r#"SNS, the topic, Edit, Access policy: add to the list Statement {"Effect":"Allow","Principal":{"Service":"ses.amazonaws.com"},"Action":"sns:Publish","Resource":"{secret}","Condition":{"StringEquals":{"aws:SourceAccount":"{account}"}}}"#;

pub(super) const SETUP: Setup = Setup {
    origin: SecretOrigin::Name,
    steps: &[
        "aws sns create-topic --name cistern-ses --attributes SignatureVersion=2, in the region of SES: the ARN that it prints is {secret}",
        LET_PUBLISH,
        SUBSCRIBE,
        "aws sns list-subscriptions-by-topic --topic-arn {secret}: after a few seconds it has the subscription's ARN and not PendingConfirmation",
        "SES, Configuration sets, the set that your mails name, Event destinations, Add destination: all event types, Amazon SNS, the topic {secret}",
    ],
    repeats_for_hours: Some(1),
};

/// A message of the topic with a delivery. Only SNS can sign, so it names a certificate of another host.
pub(super) fn test(trial: &Trial<'_>) -> TestDelivery {
    let event = json!({
        "eventType": "Delivery",
        "mail": {
            "timestamp": trial.time(),
            "messageId": trial.id,
            "destination": [trial.recipient()],
        },
        "delivery": {"timestamp": trial.time(), "recipients": [trial.recipient()]},
    });
    let body = json!({
        "Type": "Notification",
        "MessageId": trial.id,
        "TopicArn": trial.secret,
        "Message": format!("{event}\n"),
        "Timestamp": trial.time(),
        "SignatureVersion": "2",
        "Signature": BASE64_STANDARD.encode([0; 256]),
        "SigningCertURL": "https://sns.example.com/SimpleNotificationService-0.pem",
    });
    TestDelivery::refused(Refused::Untrusted, Vec::new(), &body)
}
