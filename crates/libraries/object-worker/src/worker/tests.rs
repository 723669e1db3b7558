use std::cell::RefCell;

use aws_io::Aws;
use aws_lambda_events::event::sqs::SqsMessage;
use event_model::Pipeline;
use function_kit::capture::Capture;
use lambda_runtime::Context;

use super::*;

const COUNTS: Counts = Counts {
    stored: 3,
    duplicate: 2,
    rejected: 1,
    erased: 0,
};

/// Delivers one message for each list of keys. Returns the ids of the messages to keep, the keys that were processed, and the
/// number of events received.
async fn deliver(
    messages: &[&[&str]],
    available: Duration,
    process: impl AsyncFn(&str) -> Result<Option<Counts>, Failure>,
) -> (Vec<String>, Vec<String>, Option<u64>) {
    let mut event = SqsEvent::default();
    for (index, keys) in messages.iter().enumerate() {
        let mut message = SqsMessage::default();
        message.message_id = Some(index.to_string());
        message.body = Some(notification(keys));
        event.records.push(message);
    }
    let mut context = Context::default();
    context.deadline = available.as_millis().try_into().unwrap();
    let capture = Capture::default();
    let worker = Worker {
        s3: &Aws::local("http://127.0.0.1:9").await.s3(),
        bucket: "b",
        metrics: &Metrics::to(Pipeline::ProductEvents, capture.clone()),
        event_metrics: EventMetrics::POSTGRES,
        clock: || OffsetDateTime::UNIX_EPOCH,
        own_prefixes: &["lake/"],
        other_buckets: OtherBuckets::OnlyReplayed,
    };
    let keys = RefCell::new(Vec::new());

    let response = worker
        .handle(LambdaEvent::new(event, context), async |object| {
            keys.borrow_mut().push(object.key.clone());
            process(&object.key).await
        })
        .await;

    let failures = response.batch_item_failures.into_iter();
    let numbers: serde_json::Value = serde_json::from_str(&capture.text()).unwrap();
    (
        failures.map(|failure| failure.item_identifier).collect(),
        keys.into_inner(),
        numbers["received"].as_u64(),
    )
}

fn notification(keys: &[&str]) -> String {
    let record = |key: &&str| {
        serde_json::json!({
            "eventName": "ObjectCreated:Put",
            "s3": { "bucket": { "name": "b" }, "object": { "key": key } },
        })
    };
    serde_json::json!({ "Records": keys.iter().map(record).collect::<Vec<_>>() }).to_string()
}

#[tokio::test]
async fn message_ends_as_the_worst_of_its_objects_and_all_are_processed() {
    let messages: [&[&str]; 2] = [&["a", "bad", "b"], &["c"]];

    let (retried, processed, received) =
        deliver(&messages, Duration::from_mins(1), async |key| match key {
            "bad" => Err(Failure::Retry("refused".into())),
            _ => Ok(Some(COUNTS)),
        })
        .await;

    assert_eq!(retried, ["0"]);
    assert_eq!(processed, ["a", "bad", "b", "c"]);
    assert_eq!(received, Some(18));
}

#[tokio::test]
async fn everything_else_is_deferred_once_something_is_unavailable() {
    let messages: [&[&str]; 2] = [&["a", "b"], &["c"]];

    let (retried, processed, received) = deliver(&messages, Duration::from_mins(1), async |_| {
        Err(Failure::Unavailable {
            what: "database",
            error: "refused".into(),
        })
    })
    .await;

    assert_eq!(retried, ["0", "1"]);
    assert_eq!(processed, ["a"]);
    assert_eq!(received, None);
}

#[tokio::test]
async fn objects_of_our_own_are_done_even_when_it_is_too_late_for_others() {
    let messages: [&[&str]; 2] = [&["lake/a"], &["raw/a"]];

    let (retried, processed, _) = deliver(&messages, Duration::ZERO, async |_| Ok(None)).await;

    assert_eq!(retried, ["1"]);
    assert!(processed.is_empty());
}
