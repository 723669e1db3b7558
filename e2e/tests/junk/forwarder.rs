//! The forwarder, whose queue has every posted body.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use aws_io::{
    Aws, SqsClient,
    queue::{Depth, ReceiveOptions, depth, receive, release, send, send_batch},
};
use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::{net::TcpListener, time::Instant};

use crate::{
    lambda::{Lambda, endpoint},
    objects::Bucket,
    shapes,
};

/// The forwarder's memory in the template.
const FORWARDER_MIB: u64 = 256;
/// The largest message.
const MESSAGE_BYTES: usize = 1 << 20;
/// Most shapes have their effect at this size.
const SMALL_BYTES: usize = 200_000;

/// The ids of events that a destination received.
type Taken = Arc<Mutex<BTreeSet<String>>>;

/// A queue with a dead-letter queue, a bucket, and a destination that accepts everything.
struct Rig {
    sqs: SqsClient,
    bucket: Bucket,
    queue_url: String,
    dead_url: String,
    destination_url: String,
    taken: Taken,
}

impl Rig {
    async fn new() -> Result<Self> {
        let sqs = Aws::local(&endpoint()?).await.sqs();
        let name = format!("junk-{}", OffsetDateTime::now_utc().unix_timestamp_nanos());
        let dead = sqs
            .create_queue()
            .queue_name(format!("{name}-dead"))
            .send()
            .await?;
        let policy = json!({
            "deadLetterTargetArn": format!("arn:aws:sqs:us-east-1:000000000000:{name}-dead"),
            "maxReceiveCount": "1000",
        });
        let queue = sqs
            .create_queue()
            .queue_name(&name)
            .attributes("RedrivePolicy".into(), policy.to_string())
            .send()
            .await?;
        let taken = Taken::default();
        Ok(Self {
            sqs,
            bucket: Bucket::new().await?,
            queue_url: queue.queue_url.unwrap_or_default(),
            dead_url: dead.queue_url.unwrap_or_default(),
            destination_url: destination(Arc::clone(&taken)).await?,
            taken,
        })
    }

    async fn start(&self) -> Result<Lambda> {
        let environment = [
            ("EVENTS_BUCKET", self.bucket.name.clone()),
            ("FORWARD_QUEUE_URL", self.queue_url.clone()),
            ("DESTINATION", "http".to_owned()),
            ("DESTINATION_URL", self.destination_url.clone()),
            ("REQUESTS_PER_SECOND", "200".to_owned()),
            ("RETRY_SECONDS", "1".to_owned()),
        ];
        Lambda::start("forwarder", FORWARDER_MIB, &environment).await
    }

    async fn send_good(&self, ids: std::ops::Range<usize>) -> Result<()> {
        let bodies: Vec<String> = ids.map(good).collect();
        let failures = send_batch(&self.sqs, &self.queue_url, &bodies, 1, in_a_minute()).await;
        ensure!(failures.indices.is_empty(), "{failures:?}");
        Ok(())
    }

    fn taken(&self) -> usize {
        self.taken
            .lock()
            .unwrap()
            .iter()
            .filter(|id| id.starts_with("good-"))
            .count()
    }
}

async fn destination(taken: Taken) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/events", listener.local_addr()?);
    let take = move |body: Bytes| async move {
        let events: Vec<Value> = serde_json::from_slice(&body).unwrap();
        let ids = events
            .iter()
            .filter_map(|event| event["id"].as_str().map(str::to_owned));
        taken.lock().unwrap().extend(ids);
        StatusCode::OK
    };
    let router = Router::new().route("/events", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

fn good(n: usize) -> String {
    let now_ms = OffsetDateTime::now_utc().unix_timestamp() * 1_000;
    json!({
        "user_identities": { "customer_id": format!("user{n}") },
        "events": [{ "event_type": "screen_view", "data": {
            "source_message_id": format!("good-{n}"), "timestamp_unixtime_ms": now_ms, "screen_name": "x",
        } }],
    })
    .to_string()
}

/// Junk that a message can hold: text without control characters.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
fn messages() -> Vec<(&'static str, String)> {
    let list = |front: &str, item: &str, back: &str| {
        let count = (MESSAGE_BYTES - front.len() - back.len()) / (item.len() + 1);
        format!("{front}{}{back}", vec![item; count].join(","))
    };
    let user = r#"{"user_identities":{"customer_id":"ada"},"events":["#;
    let products = |item: &str| {
        let data = r#"{"event_type":"commerce_event","data":{"product_action":{"action":"view","products":["#;
        list(&format!("{user}{data}"), item, "]}}}]}")
    };
    let mut messages = vec![
        ("events that are numbers", list(r#"{"events":["#, "0", "]}")),
        (
            "events that are empty",
            list(r#"{"mpid":1,"events":["#, "{}", "]}"),
        ),
        ("events of a user that are numbers", list(user, "7", "]}")),
        (
            "the smallest events",
            list(user, r#"{"event_type":"session_start"}"#, "]}"),
        ),
        (
            "events without a name",
            list(user, r#"{"event_type":"custom_event"}"#, "]}"),
        ),
        ("products that are numbers", products("0")),
        ("products that are empty", products("{}")),
        ("products of one member", products(r#"{"id":1}"#)),
        ("batches that are empty", list("[", r#"{"mpid":1}"#, "]")),
        ("aliases", list("[", r#"{"request_type":"alias"}"#, "]")),
        ("single events", list("[", r#"{"event_type":"a"}"#, "]")),
        (
            "much said of many",
            format!(
                r#"{{"user_identities":{{"customer_id":"ada"}},"device_info":{{"platform":"{}"}},"events":[{}]}}"#,
                "\\u0001".repeat(80_000),
                vec![r#"{"event_type":"session_start"}"#; 15_000].join(","),
            ),
        ),
        (
            "many attributes",
            format!(
                r#"{user}{{"event_type":"screen_view","data":{{"screen_name":"x","custom_attributes":{{{}}}}}}}]}}"#,
                (0..80_000)
                    .map(|n| format!(r#""{n}":"""#))
                    .collect::<Vec<_>>()
                    .join(","),
            ),
        ),
    ];
    let is_text = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    for shape in shapes::scaled(SMALL_BYTES) {
        if let Ok(text) = String::from_utf8(shape.body)
            && !text.is_empty()
            && text.len() <= MESSAGE_BYTES
            && text.chars().all(is_text)
        {
            messages.push((shape.name, text));
        }
    }
    messages
}

#[tokio::test]
async fn forwarder_drains_a_thousand_good_messages_and_all_shapes_in_one_run() -> Result<()> {
    let rig = Rig::new().await?;
    let junk = messages();
    ensure!(junk.len() >= 20, "{}", junk.len());
    let mut sent = 0;
    for (name, message) in &junk {
        send(&rig.sqs, &rig.queue_url, message).await?;
        rig.send_good(sent..sent + 40).await?;
        sent += 40;
        println!("forwarder, {name}: {} bytes", message.len());
    }

    let mut forwarder = rig.start().await?;
    let report = forwarder.invoke(&json!({})).await?;

    println!("forwarder: {report}, peak {} MiB", forwarder.peak_mib()?);
    ensure!(
        sent >= 1_000 && rig.taken() == sent,
        "{} of {sent} good events",
        rig.taken()
    );
    ensure!(depth(&rig.sqs, &rig.queue_url).await? == Depth::default());
    let lines: usize = rig
        .bucket
        .texts("rejected/app_events/")
        .await?
        .iter()
        .map(|text| text.lines().count())
        .sum();
    ensure!(lines < junk.len() * 1_002, "{lines} lines");
    Ok(())
}

/// The state after a killed run is simulated: receives without a result, and the marker of a message that was processed
/// alone.
#[tokio::test]
async fn message_that_ends_the_process_is_dead_with_its_sixth_receive_and_others_are_not_delayed()
-> Result<()> {
    let rig = Rig::new().await?;
    let poison = good(99);
    send(&rig.sqs, &rig.queue_url, &poison).await?;
    for _ in 0..4 {
        receive_and_give_back(&rig).await?;
    }
    let id = receive_and_give_back(&rig).await?;
    rig.send_good(0..30).await?;
    for number in 1..=3 {
        let mark = format!("state/mparticle/suspects/{id}-{number}.json");
        rig.bucket.put_text(&mark, "{}").await?;
    }

    let mut forwarder = rig.start().await?;
    let report = forwarder.invoke(&json!({})).await?;

    ensure!(rig.taken() == 30, "{report}");
    ensure!(report["messages"]["dead"] == 1, "{report}");
    ensure!(depth(&rig.sqs, &rig.queue_url).await? == Depth::default());
    ensure!(depth(&rig.sqs, &rig.dead_url).await?.visible == 1);
    ensure!(rig.bucket.keys("state/mparticle/").await?.is_empty());
    let lines = rig.bucket.texts("rejected/app_events/").await?;
    ensure!(
        lines.len() == 1 && lines[0].contains("breaks_the_run"),
        "{lines:?}"
    );
    Ok(())
}

/// Receives the only message and releases it at once; returns its id.
async fn receive_and_give_back(rig: &Rig) -> Result<String> {
    let ask = ReceiveOptions {
        max_messages: 10,
        wait: Duration::from_secs(5),
        visibility: Duration::from_mins(1),
    };
    let mut received = receive(&rig.sqs, &rig.queue_url, ask).await?;
    let message = received.pop().context("there is a message")?;
    let visible = [(message.receipt_handle, Duration::ZERO)];
    let failures = release(&rig.sqs, &rig.queue_url, &visible, in_a_minute()).await;
    ensure!(failures.indices.is_empty(), "{failures:?}");
    Ok(message.id)
}

fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_mins(1)
}
