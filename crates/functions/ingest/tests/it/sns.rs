//! Messages of SNS, which Amazon SES publishes to, with a stand-in for SNS.

mod signed;
mod stand_in;

use axum::http::StatusCode;
use serde_json::json;

use self::{
    signed::{Topic, event},
    stand_in::{CERTIFICATE, StandIn},
};
use crate::{
    keys::TOPIC,
    rig::{Answer, Rig},
};

const PATH: &str = "/webhooks/ses";
const SUBSCRIBE: &str = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:123456789012:cistern-ses&Token=0af";
const OTHER_TOPIC: &str = "arn:aws:sns:eu-west-1:210987654321:cistern-ses";
const CONFIRMATION: [(&str, &str); 3] = [
    ("Type", "SubscriptionConfirmation"),
    ("SubscribeURL", SUBSCRIBE),
    ("Token", "0af"),
];

/// Posts as SNS does.
async fn post(rig: &Rig, body: &str) -> Answer {
    let headers = [
        ("content-type", "text/plain; charset=UTF-8"),
        ("x-amz-sns-message-type", "Notification"),
        (
            "x-amz-sns-message-id",
            "9d2c5580-b61d-550c-8583-37a582870907",
        ),
    ];
    rig.send_as_given(PATH, &headers, body.to_owned()).await
}

#[tokio::test]
async fn notification_is_in_the_archive_as_received_and_its_certificate_is_asked_for_once() {
    let topic = Topic::new();
    let sns = StandIn::start(topic.certificate()).await;
    let rig = Rig::open_beside(&sns.url).await;
    let body = topic.message(&[]);

    for outcome in ["stored", "duplicate"] {
        let answer = post(&rig, &body).await;
        assert_eq!(
            (answer.status, &answer.body["outcome"]),
            (StatusCode::OK, &json!(outcome))
        );
    }

    let keys = rig.keys().await;
    assert!(
        keys[0].starts_with("raw/email/dt=2026-03-01/ses="),
        "{keys:?}"
    );
    assert_eq!(rig.archived().await, body.as_bytes());
    let metadata = rig.metadata(&keys[0]).await;
    let kind = (
        "x-amz-sns-message-type".to_owned(),
        "Notification".to_owned(),
    );
    assert!(metadata.contains(&kind), "{metadata:?}");
    assert_eq!(sns.asked(), [CERTIFICATE]);
}

#[tokio::test]
async fn message_that_is_not_proven_is_503_so_that_sns_comes_again() {
    let topic = Topic::new();
    let sns = StandIn::start(topic.certificate()).await;
    let rig = Rig::open_beside(&sns.url).await;
    let right = topic.message(&[]);
    let elsewhere = CERTIFICATE_URL.replace("amazonaws.com", "amazonaws.example");
    let without_fetch = [
        topic.message(&[("TopicArn", OTHER_TOPIC)]),
        topic.message(&[("SigningCertURL", &elsewhere)]),
        topic.message(&[("Timestamp", "2026-03-01T09:00:00Z")]),
        // Raw delivery, which has no signature.
        event(),
    ];

    for body in &without_fetch {
        let answer = post(&rig, body).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    }
    assert_eq!(sns.asked(), [""; 0]);
    let forged = right.replace("messageId", "messageid");
    assert_eq!(
        post(&rig, &forged).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );

    let keys = rig.keys().await;
    assert_eq!(keys.len(), 5, "{keys:?}");
    assert!(
        keys.iter().all(|key| key.starts_with("unverified/ses/")),
        "{keys:?}"
    );
    assert_eq!(
        (rig.metric("batches_stored"), rig.metric("unverified")),
        (0, 5)
    );
}

#[tokio::test]
async fn subscription_of_the_stored_topic_is_confirmed_once_and_of_another_never() {
    let topic = Topic::new();
    let sns = StandIn::start(topic.certificate()).await;
    let rig = Rig::open_beside(&sns.url).await;
    let [kind, url, token] = CONFIRMATION;

    let other = topic.message(&[kind, url, token, ("TopicArn", OTHER_TOPIC)]);
    assert_eq!(
        post(&rig, &other).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    let forged = topic
        .message(&CONFIRMATION)
        .replace("Token=0af", "Token=0ae");
    assert_eq!(
        post(&rig, &forged).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(sns.asked(), [CERTIFICATE]);

    let answer = post(&rig, &topic.message(&CONFIRMATION)).await;

    assert_eq!(
        (answer.status, answer.body),
        (StatusCode::OK, json!({"outcome": "confirmed"}))
    );
    let confirmed = SUBSCRIBE
        .strip_prefix("https://sns.eu-west-1.amazonaws.com")
        .unwrap();
    assert_eq!(sns.asked(), [CERTIFICATE, confirmed]);
    let keys = rig.keys().await;
    assert!(
        keys.iter().all(|key| key.starts_with("unverified/ses/")),
        "{keys:?}"
    );
}

#[tokio::test]
async fn removed_subscription_is_told_and_nothing_is_stored_or_confirmed() {
    let log = function_kit::capture::CapturedLog::start();
    let topic = Topic::new();
    let sns = StandIn::start(topic.certificate()).await;
    let rig = Rig::open_beside(&sns.url).await;
    let [_, url, token] = CONFIRMATION;

    let answer = post(
        &rig,
        &topic.message(&[("Type", "UnsubscribeConfirmation"), url, token]),
    )
    .await;

    assert_eq!(
        (answer.status, answer.body),
        (StatusCode::OK, json!({"outcome": "cancelled"}))
    );
    assert_eq!(
        (rig.keys().await.len(), sns.asked()),
        (0, vec![CERTIFICATE.to_owned()])
    );
    let printed = log.text();
    assert!(printed.contains("subscription was removed"), "{printed}");
    assert!(!printed.contains("0af"), "{printed}");
}

#[tokio::test]
async fn sns_that_does_not_serve_the_certificate_is_503_and_the_message_is_kept() {
    let topic = Topic::new();
    let large = "A".repeat(20 << 10);
    for (what, answer) in [
        ("unreachable", None),
        (
            "not there",
            Some((StatusCode::NOT_FOUND, topic.certificate())),
        ),
        ("a redirect", Some((StatusCode::FOUND, topic.certificate()))),
        (
            "no certificate",
            Some((StatusCode::OK, "<html>".to_owned())),
        ),
        (
            "too large",
            Some((StatusCode::OK, format!("{}{large}", topic.certificate()))),
        ),
    ] {
        let sns = match answer {
            None => None,
            Some((status, body)) => Some(StandIn::answering(status, body).await),
        };
        let rig = match &sns {
            None => Rig::open().await,
            Some(sns) => Rig::open_beside(&sns.url).await,
        };
        // The second one within ten seconds does not ask again.
        for _ in 0..2 {
            let answer = post(&rig, &topic.message(&[])).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{what}");
        }

        assert!(sns.is_none_or(|sns| sns.asked() == [CERTIFICATE]), "{what}");
        let keys = rig.keys().await;
        assert_eq!(keys.len(), 1, "{what}: {keys:?}");
        assert!(keys[0].starts_with("unverified/ses/"), "{what}: {keys:?}");
    }
}

#[tokio::test]
async fn confirmation_that_sns_does_not_take_is_503_so_that_it_asks_again() {
    let topic = Topic::new();
    let sns = StandIn::start(topic.certificate()).await;
    let rig = Rig::open_beside(&sns.url).await;
    sns.refuse_confirmations();

    let answer = post(&rig, &topic.message(&CONFIRMATION)).await;

    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

const CERTIFICATE_URL: &str =
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem";

#[test]
fn topic_of_the_tests_is_the_stored_one() {
    assert!(SUBSCRIBE.contains(TOPIC));
    assert!(CERTIFICATE_URL.ends_with(CERTIFICATE));
}
