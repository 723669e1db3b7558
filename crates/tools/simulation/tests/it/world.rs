//! Everything outside of the functions: the bucket, the queues, what goes wrong, and what has happened.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::{
    bucket::{Bucket, Condition},
    clock,
    destination::Received,
    dice::Dice,
    fault::{Fault, Faults},
    invariants::Invariants,
    queue::Queue,
};

/// The only bucket.
pub(crate) const BUCKET: &str = "events";
/// The queue of the archiver.
pub(crate) const ARCHIVE_QUEUE: &str = "archive";
/// The queue of the forwarder.
pub(crate) const FORWARD_QUEUE: &str = "forward";

pub(crate) struct State {
    pub(crate) bucket: Bucket,
    pub(crate) queues: BTreeMap<&'static str, Queue>,
    pub(crate) destination: Received,
    pub(crate) invariants: Invariants,
    pub(crate) faults: Faults,
    /// The most objects in a page of a listing.
    pub(crate) page_size: usize,
    pub(crate) dice: Dice,
    /// What has happened, for comparison and for people.
    pub(crate) trace: Vec<String>,
    pub(crate) violation: Option<String>,
    /// The milliseconds at which something happens.
    slots: BTreeSet<u64>,
}

/// A handle.
#[derive(Clone)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    violated: Arc<Notify>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

impl World {
    pub(crate) fn new(mut dice: Dice) -> Self {
        let state = State {
            bucket: Bucket::default(),
            // As in template.yaml.
            queues: [
                (ARCHIVE_QUEUE, Queue::new(20)),
                (FORWARD_QUEUE, Queue::new(1000)),
            ]
            .into(),
            destination: Received::default(),
            invariants: Invariants::default(),
            faults: Faults::of_seed(&mut dice),
            page_size: *dice.pick(&[2, 5, 1000]),
            dice,
            trace: Vec::new(),
            violation: None,
            slots: BTreeSet::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            violated: Arc::new(Notify::new()),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits so long, or a little longer: nothing else happens in the same millisecond. So what happens has one order, whatever threads
    /// that block do meanwhile.
    pub(crate) async fn wait_ms(&self, wait_ms: u64) {
        let at_ms = {
            let mut state = self.lock();
            let mut at_ms = clock::now_ms() + wait_ms.max(1);
            while !state.slots.insert(at_ms) {
                at_ms += 1;
            }
            at_ms
        };
        clock::sleep_until_ms(at_ms).await;
    }

    pub(crate) fn note(&self, line: impl fmt::Display) {
        self.lock().note(line);
    }

    /// Looks at what a reader sees now, and at what is settled.
    pub(crate) fn check(&self) {
        let is_violated = self.lock().check();
        if is_violated {
            self.violated.notify_one();
        }
    }

    /// Ends the schedule.
    pub(crate) fn violate(&self, what: String) {
        self.lock().violation.get_or_insert(what);
        self.violated.notify_one();
    }

    /// Waits until an invariant is violated.
    pub(crate) async fn violation(&self) -> String {
        self.violated.notified().await;
        self.lock().violation.clone().unwrap()
    }

    /// No call fails any more.
    pub(crate) fn end_faults(&self) {
        self.lock().faults.left = 0;
    }
}

impl State {
    pub(crate) fn note(&mut self, line: impl fmt::Display) {
        self.trace.push(format!("{} {line}", clock::now_ms()));
    }

    pub(crate) fn queue(&mut self, name: &str) -> &mut Queue {
        self.queues.get_mut(name).expect("the queue exists")
    }

    /// Whether an invariant is violated.
    pub(crate) fn check(&mut self) -> bool {
        let archive = &self.queues[ARCHIVE_QUEUE];
        if let Err(violation) = self.invariants.check(&self.bucket, archive, clock::now()) {
            self.violation.get_or_insert(violation);
        }
        self.violation.is_some()
    }

    /// What goes wrong with the next call of a process.
    pub(crate) fn next_fault(&mut self, call: &crate::call::Call, dice: &mut Dice) -> Fault {
        self.faults.next(call, dice)
    }

    /// Writes a raw object as another service does, and sends its notification.
    pub(crate) fn put_raw(&mut self, key: &str, body: Bytes) {
        let put = self
            .bucket
            .put(key, body, Vec::new(), &Condition::Nothing, clock::now());
        put.expect("no other object has the key");
        self.notify(key);
    }

    /// S3 notifies at least once, and not at once (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html>).
    pub(crate) fn notify(&mut self, key: &str) {
        let Some(object) = self.bucket.get(key) else {
            return;
        };
        let body = serde_json::json!({ "Records": [{
            "eventName": "ObjectCreated:Put",
            "s3": {
                "bucket": { "name": BUCKET },
                "object": { "key": key.replace('=', "%3D"), "size": object.body.len() },
            },
        }] })
        .to_string();
        let times = if self.dice.chance(1, 4) { 2 } else { 1 };
        let now_ms = clock::now_ms();
        for _ in 0..times {
            let delay_ms = *self.dice.pick(&[1, 300, 20_000]);
            self.queue(ARCHIVE_QUEUE)
                .send(body.clone(), now_ms, now_ms + delay_ms);
        }
    }
}
