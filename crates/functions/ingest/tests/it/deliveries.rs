//! Deliveries of other senders than SparkPost.

use axum::http::StatusCode;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use email_senders::standard_webhooks_signature;

use crate::{
    keys::{BIRD_SECRET, POSTMARK_KEY},
    rig::{Rig, clock},
};

const BODY: &str = "{\r\n\"type\": \"email.opened\"}\r\n";

fn signed(body: &str) -> [(&'static str, String); 3] {
    let now = clock().unix_timestamp();
    let signature = standard_webhooks_signature(BIRD_SECRET, "msg_1", now, body.as_bytes());
    [
        ("webhook-id", "msg_1".to_owned()),
        ("webhook-timestamp", now.to_string()),
        ("webhook-signature", signature.unwrap()),
    ]
}

async fn post(
    rig: &Rig,
    sender: &str,
    headers: &[(&str, String)],
    body: &'static str,
) -> StatusCode {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let path = format!("/webhooks/{sender}");
    rig.send_as_given(&path, &headers, body).await.status
}

#[tokio::test]
async fn proven_delivery_is_in_the_archive_as_received_with_its_headers() {
    let rig = Rig::open().await;

    assert_eq!(
        post(&rig, "bird", &signed(BODY), BODY).await,
        StatusCode::OK
    );
    assert_eq!(
        post(&rig, "bird", &signed(BODY), BODY).await,
        StatusCode::OK
    );

    let keys = rig.keys().await;
    assert_eq!(keys.len(), 1);
    assert!(
        keys[0].starts_with("raw/email/dt=2026-03-01/bird="),
        "{keys:?}"
    );
    assert_eq!(rig.archived().await, BODY.as_bytes());
    let metadata = rig.metadata(&keys[0]).await;
    assert!(
        metadata.contains(&("webhook-id".to_owned(), "msg_1".to_owned())),
        "{metadata:?}"
    );
    assert_eq!(
        (rig.metric("batches_stored"), rig.metric("unverified")),
        (1, 0)
    );
}

#[tokio::test]
async fn wrong_proof_is_kept_apart_and_counted_and_never_in_the_archive() {
    let rig = Rig::open().await;

    for sender in ["bird", "resend", "postmark"] {
        // Signed over another body; a sender without a secret; one without a key.
        let status = post(&rig, sender, &signed("{}"), BODY).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{sender}");
    }

    let keys = rig.keys().await;
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert!(
        keys.iter().all(|key| key.starts_with("unverified/")),
        "{keys:?}"
    );
    assert_eq!(
        (rig.metric("batches_refused"), rig.metric("unverified")),
        (3, 3)
    );
}

#[tokio::test]
async fn sender_that_signs_nothing_presents_its_key() {
    let rig = Rig::open().await;
    let basic = |password: &str| {
        let pair = BASE64_STANDARD.encode(format!("any:{password}"));
        [("authorization", format!("Basic {pair}"))]
    };

    assert_eq!(
        post(&rig, "postmark", &basic(POSTMARK_KEY), BODY).await,
        StatusCode::OK
    );
    assert_eq!(
        post(&rig, "postmark", &basic("another"), BODY).await,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn unknown_sender_is_not_found() {
    let rig = Rig::open().await;

    for sender in ["nobody", "mparticle"] {
        assert_eq!(
            post(&rig, sender, &signed(BODY), BODY).await,
            StatusCode::NOT_FOUND,
            "{sender}"
        );
    }
    assert_eq!(rig.keys().await, [""; 0]);
}

#[tokio::test]
async fn secrets_that_cannot_be_read_are_503_so_that_no_sender_gives_up() {
    let rig = Rig::without_keys().await;

    let status = post(&rig, "bird", &signed(BODY), BODY).await;

    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}
