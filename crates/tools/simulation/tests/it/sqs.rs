//! SQS's actions, as the forwarder calls them (`AwsJson1.0`,
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html>).

use serde_json::{Value, json};

use crate::{
    call::Reply,
    clock,
    world::{FORWARD_QUEUE, State},
};

impl State {
    pub(crate) fn apply_sqs(&mut self, action: &str, request: &Value) -> Reply {
        let answer = match action {
            "ReceiveMessage" => self.receive(request),
            "DeleteMessageBatch" => self.each_entry(request, Self::delete),
            "ChangeMessageVisibilityBatch" => self.each_entry(request, Self::change_visibility),
            // There is no dead-letter queue to look up: a message is never so often alone in a run that ends.
            "GetQueueAttributes" => json!({ "Attributes": {} }),
            other => panic!("the model has no {other}"),
        };
        Reply::new(200, answer.to_string())
    }

    fn receive(&mut self, request: &Value) -> Value {
        let max = request["MaxNumberOfMessages"].as_u64().unwrap();
        // A receive may return fewer than there are.
        let max = self.dice.between(1, max);
        let visibility_ms = request["VisibilityTimeout"].as_u64().unwrap() * 1000;
        let now_ms = clock::now_ms();
        let mut dice = self.dice.split();
        let queue = self.queue(FORWARD_QUEUE);
        let received = queue.receive(
            usize::try_from(max).unwrap(),
            now_ms,
            visibility_ms,
            &mut dice,
        );
        let messages: Vec<Value> = received
            .into_iter()
            .map(|received| {
                json!({
                    "MessageId": received.id.to_string(),
                    "ReceiptHandle": format!("{}-{}", received.id, received.receipt),
                    "Body": received.message.body,
                    "Attributes": {
                        "SentTimestamp": received.message.sent_at_ms.to_string(),
                        "ApproximateReceiveCount": received.receipt.to_string(),
                    },
                })
            })
            .collect();
        json!({ "Messages": messages })
    }

    /// Calls `change` for each entry, of which some fail although the call does not.
    fn each_entry(&mut self, request: &Value, change: fn(&mut Self, u64, u32, &Value)) -> Value {
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in request["Entries"].as_array().unwrap() {
            let id = &entry["Id"];
            if self.faults.left > 0 && self.dice.chance(1, 10) {
                failed.push(json!({ "Id": id, "Code": "InternalError", "SenderFault": false }));
                continue;
            }
            let handle = entry["ReceiptHandle"].as_str().unwrap();
            let (message, receipt) = handle.split_once('-').unwrap();
            change(
                self,
                message.parse().unwrap(),
                receipt.parse().unwrap(),
                entry,
            );
            successful.push(json!({ "Id": id }));
        }
        json!({ "Successful": successful, "Failed": failed })
    }

    fn delete(&mut self, id: u64, receipt: u32, _entry: &Value) {
        if let Some(message) = self.queue(FORWARD_QUEUE).delete(id, receipt) {
            self.note(format_args!("message {id} is deleted"));
            self.check_forwarded(id, &message.body);
        }
    }

    fn change_visibility(&mut self, id: u64, receipt: u32, entry: &Value) {
        let at_ms = clock::now_ms() + entry["VisibilityTimeout"].as_u64().unwrap() * 1000;
        self.queue(FORWARD_QUEUE).set_visible_at(id, receipt, at_ms);
    }
}
