use axum::http::StatusCode;
use function_kit::capture::CapturedLog;
use serde_json::json;

use crate::{
    firehose::{Firehose, Mood},
    rig::{Answer, KEY, Rig, request},
};

/// Six records.
fn large_body() -> String {
    json!({ "event": "a", "text": "x".repeat(600_000) })
        .to_string()
        .repeat(6)
}

fn assert_unavailable(answer: &Answer) {
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        answer.body
    );
    assert_eq!(answer.headers["retry-after"], "5");
}

#[tokio::test]
async fn refused_records_alone_are_sent_again_until_all_are_accepted() {
    let firehose = Firehose::start([
        Mood::TakesOneOf(2),
        Mood::RefusesAll,
        Mood::TakesOneOf(3),
        Mood::Takes,
    ])
    .await;
    let rig = Rig::before(&firehose.url).await;

    let answer = rig.post(large_body()).await;

    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(firehose.calls(), [6, 3, 3, 2]);
    assert_eq!(firehose.events().len(), 6, "each once");
}

#[tokio::test]
async fn a_call_that_fails_is_made_again() {
    let firehose = Firehose::start([Mood::Fails, Mood::Takes]).await;
    let rig = Rig::before(&firehose.url).await;

    let answer = rig.post(r#"{"event":"a"}"#).await;

    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(firehose.events().len(), 1);
}

#[tokio::test]
async fn refusing_some_or_all_to_the_end_is_503() {
    for mood in [Mood::TakesOneOf(1_000), Mood::RefusesAll, Mood::Fails] {
        // Accepts at most the first record of a call, and so never the last ones of six in time.
        let moods = [mood, Mood::RefusesAll];
        let firehose = Firehose::start(moods).await;
        let rig = Rig::with_short_timeout(&firehose.url).await;

        let answer = rig.post(large_body()).await;

        assert_unavailable(&answer);
        assert!(firehose.events().len() <= 1, "{mood:?}");
    }
}

#[tokio::test]
async fn firehose_that_never_responds_is_503() {
    let firehose = Firehose::start([Mood::NeverAnswers]).await;
    let rig = Rig::with_short_timeout(&firehose.url).await;

    let answer = rig.post(r#"{"event":"a"}"#).await;

    assert_unavailable(&answer);
    assert!(!firehose.calls().is_empty());
}

#[tokio::test]
async fn keys_that_cannot_be_read_are_503_and_never_open() {
    let firehose = Firehose::start([]).await;
    firehose.hide_the_secret();
    let rig = Rig::before(&firehose.url).await;

    let answer = rig.post(r#"{"event":"a"}"#).await;

    assert_unavailable(&answer);
    assert!(firehose.calls().is_empty());
}

#[tokio::test]
async fn neither_events_nor_keys_are_in_a_log() {
    let log = CapturedLog::start();
    let firehose = Firehose::start([Mood::RefusesAll]).await;
    let rig = Rig::with_short_timeout(&firehose.url).await;

    for body in [r#"{"event":"planted"}"#, "planted", r#"[{"planted":1},7]"#] {
        rig.post(body).await;
        let headers = [("x-api-key", "planted"), ("authorization", "planted"), KEY];
        for header in headers {
            rig.send(request(
                "POST",
                &[header, ("idempotency-key", "planted")],
                body,
            ))
            .await;
        }
    }

    let printed = log.text() + &rig.metric_lines();
    assert!(printed.contains("service unavailable") && printed.contains("request refused"));
    assert!(!printed.contains("planted"), "{printed}");
}
