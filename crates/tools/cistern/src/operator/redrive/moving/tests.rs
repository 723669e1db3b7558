use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_io::Aws;
use axum::{Json, Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use serde_json::{Value, json};

use super::*;

const URL: &str = "http://queue/load";
const DEAD_LETTER_URL: &str = "http://queue/load-dead";

/// A dead-letter queue that never looks empty: anyone who receives fast enough to see its end gets the messages from the beginning again.
#[derive(Default)]
struct Sqs {
    /// Bodies by id.
    messages: BTreeMap<String, String>,
    /// Messages that are there and never returned.
    unreachable_count: usize,
    /// The place of the next message.
    next: usize,
    receive_count: usize,
    /// Receipts are the message's id and the number of the receive.
    released: Vec<String>,
    sent: Vec<String>,
}

type Shared = Arc<Mutex<Sqs>>;

async fn answer(State(sqs): State<Shared>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let mut sqs = sqs.lock().unwrap();
    let action = headers["x-amz-target"].to_str().unwrap();
    let queue = match action {
        "AmazonSQS.SendMessage" => URL,
        _ => DEAD_LETTER_URL,
    };
    assert_eq!(asked["QueueUrl"], queue, "{action}");
    Json(match action {
        "AmazonSQS.ReceiveMessage" => sqs.receive(),
        "AmazonSQS.ChangeMessageVisibilityBatch" => {
            let receipts = receipts(&asked);
            sqs.released.extend(receipts);
            succeeded(&asked)
        }
        "AmazonSQS.DeleteMessageBatch" => {
            for receipt in receipts(&asked) {
                let (id, _) = receipt.split_once('/').unwrap();
                sqs.messages.remove(id);
            }
            succeeded(&asked)
        }
        "AmazonSQS.SendMessage" => {
            let body = asked["MessageBody"].as_str().unwrap().to_owned();
            sqs.sent.push(body);
            json!({ "MessageId": "new" })
        }
        "AmazonSQS.GetQueueAttributes" => json!({ "Attributes": {
            "ApproximateNumberOfMessages": sqs.messages.len().to_string(),
            "ApproximateNumberOfMessagesNotVisible": sqs.unreachable_count.to_string(),
        } }),
        other => panic!("nobody asks {other}"),
    })
}

fn receipts(asked: &Value) -> Vec<String> {
    let entries = asked["Entries"].as_array().unwrap().iter();
    let receipts = entries.map(|entry| entry["ReceiptHandle"].as_str().unwrap().to_owned());
    receipts.collect()
}

fn succeeded(asked: &Value) -> Value {
    let entries = asked["Entries"].as_array().unwrap().iter();
    let successful: Vec<Value> = entries.map(|entry| json!({ "Id": entry["Id"] })).collect();
    json!({ "Successful": successful, "Failed": [] })
}

impl Sqs {
    fn receive(&mut self) -> Value {
        self.receive_count += 1;
        let all: Vec<(&String, &String)> = self.messages.iter().collect();
        let mut received = Vec::new();
        for _ in 0..all.len().min(MAX_RECEIVED.into()) {
            let (id, body) = all[self.next % all.len()];
            self.next += 1;
            let receipt = format!("{id}/{}", self.receive_count);
            received.push(json!({ "MessageId": id, "ReceiptHandle": receipt, "Body": body }));
        }
        json!({ "Messages": received })
    }
}

struct Rig {
    sqs: SqsClient,
    queue: Shared,
}

impl Rig {
    /// A queue with the messages `m-00`, `m-01` and so on.
    async fn new(count: usize) -> Self {
        let queue = Shared::default();
        queue.lock().unwrap().messages = (0..count)
            .map(|number| (format!("m-{number:02}"), format!("body {number}")))
            .collect();
        let app = Router::new()
            .route("/", post(answer))
            .with_state(Arc::clone(&queue));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            sqs: Aws::local(&url).await.sqs(),
            queue,
        }
    }

    fn moving<'a>(&'a self, only: &'a [String], limit: usize) -> Moving<'a> {
        Moving {
            sqs: &self.sqs,
            queue: Queue::Load,
            url: URL,
            dead_letter_url: DEAD_LETTER_URL,
            only,
            limit,
        }
    }

    fn receive_count(&self) -> usize {
        self.queue.lock().unwrap().receive_count
    }

    /// The ids of the messages that were released, in their order.
    fn released(&self) -> Vec<String> {
        let released = self.queue.lock().unwrap().released.clone();
        let mut ids: Vec<String> = released
            .iter()
            .map(|receipt| receipt.split_once('/').unwrap().0.to_owned())
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

fn ids(moved: &Moved) -> Vec<&str> {
    let messages = moved.messages.iter();
    messages.map(|message| message.id.as_str()).collect()
}

#[tokio::test]
async fn a_queue_that_returns_messages_again_is_listed_once_and_released() {
    let rig = Rig::new(25).await;

    let listed = rig.moving(&[], 1_000).list().await.unwrap();

    let all: Vec<String> = (0..25).map(|number| format!("m-{number:02}")).collect();
    assert_eq!(ids(&listed), all);
    assert_eq!((listed.sent, listed.unseen), (0, 0));
    assert_eq!(rig.receive_count(), 4);
    assert_eq!(rig.released(), all);
}

#[tokio::test]
async fn a_message_that_is_not_there_ends_the_search_and_what_was_not_looked_at_is_counted() {
    let rig = Rig::new(25).await;
    rig.queue.lock().unwrap().unreachable_count = 5_000;
    let nowhere = ["m-99".to_owned()];

    for is_run in [false, true] {
        let moving = rig.moving(&nowhere, 1_000);
        let moved = if is_run {
            moving.run().await.unwrap()
        } else {
            moving.list().await.unwrap()
        };

        assert!(moved.messages.is_empty());
        assert_eq!((moved.sent, moved.failed, moved.unseen), (0, 0, 5_000));
    }
    assert_eq!(rig.released().len(), 25);
    assert!(rig.queue.lock().unwrap().sent.is_empty());
}

#[tokio::test]
async fn only_the_named_message_is_sent_back_and_then_the_search_ends() {
    let rig = Rig::new(25).await;
    let named = ["m-03".to_owned()];

    let moved = rig.moving(&named, 1_000).run().await.unwrap();

    assert_eq!((ids(&moved), moved.sent), (vec!["m-03"], 1));
    assert_eq!((moved.failed, moved.unseen), (0, 0));
    assert_eq!(rig.receive_count(), 1);
    assert_eq!(rig.released().len(), 9);
    let queue = rig.queue.lock().unwrap();
    assert_eq!(queue.sent, ["body 3"]);
    assert_eq!(queue.messages.len(), 24);
}

#[tokio::test]
async fn what_is_beyond_the_limit_stays_and_is_counted() {
    let rig = Rig::new(25).await;

    let moved = rig.moving(&[], 12).run().await.unwrap();

    assert_eq!(moved.sent, 12);
    let queue = rig.queue.lock().unwrap();
    assert_eq!(queue.messages.len(), 13);
    // Eight more were received with the last two.
    assert_eq!(moved.unseen, 13 - 8);
}
