//! A model of a standard SQS queue: at least once, in no order, with a visibility timeout and a dead-letter queue.
//!
//! After <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html>.

use std::collections::BTreeMap;

use crate::dice::Dice;

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) body: String,
    pub(crate) sent_at_ms: u64,
    pub(crate) receive_count: u32,
    /// From when on it can be received.
    pub(crate) visible_at_ms: u64,
}

/// A message as it is received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) id: u64,
    /// How often the message was received, which is all that a receipt handle has.
    pub(crate) receipt: u32,
    pub(crate) message: Message,
}

#[derive(Debug)]
pub(crate) struct Queue {
    messages: BTreeMap<u64, Message>,
    pub(crate) dead_letters: BTreeMap<u64, Message>,
    sent: u64,
    max_receive_count: u32,
}

impl Queue {
    pub(crate) fn new(max_receive_count: u32) -> Self {
        Self {
            messages: BTreeMap::new(),
            dead_letters: BTreeMap::new(),
            sent: 0,
            max_receive_count,
        }
    }

    pub(crate) fn send(&mut self, body: String, now_ms: u64, visible_at_ms: u64) -> u64 {
        self.sent += 1;
        let message = Message {
            body,
            sent_at_ms: now_ms,
            receive_count: 0,
            visible_at_ms,
        };
        self.messages.insert(self.sent, message);
        self.sent
    }

    /// Receives up to `max` visible messages, in any order, and hides them.
    pub(crate) fn receive(
        &mut self,
        max: usize,
        now_ms: u64,
        visibility_ms: u64,
        dice: &mut Dice,
    ) -> Vec<Received> {
        let mut visible: Vec<u64> = self
            .messages
            .iter()
            .filter(|(_, message)| message.visible_at_ms <= now_ms)
            .map(|(id, _)| *id)
            .collect();
        let mut received = Vec::new();
        while received.len() < max && !visible.is_empty() {
            let index = dice.below(visible.len() as u64);
            let id = visible.swap_remove(usize::try_from(index).unwrap());
            let message = self.messages.get_mut(&id).unwrap();
            if message.receive_count >= self.max_receive_count {
                let message = self.messages.remove(&id).unwrap();
                self.dead_letters.insert(id, message);
                continue;
            }
            message.receive_count += 1;
            message.visible_at_ms = now_ms + visibility_ms;
            received.push(Received {
                id,
                receipt: message.receive_count,
                message: message.clone(),
            });
        }
        received
    }

    /// Deletes a message by its latest receipt; one that was received again meanwhile may stay, and does here.
    pub(crate) fn delete(&mut self, id: u64, receipt: u32) -> Option<Message> {
        let is_latest = self.messages.get(&id)?.receive_count == receipt;
        is_latest.then(|| self.messages.remove(&id)).flatten()
    }

    pub(crate) fn set_visible_at(&mut self, id: u64, receipt: u32, at_ms: u64) {
        if let Some(message) = self.messages.get_mut(&id)
            && message.receive_count == receipt
        {
            message.visible_at_ms = at_ms;
        }
    }

    /// When the next message can be received, if there is one.
    pub(crate) fn next_visible_at_ms(&self) -> Option<u64> {
        let times = self.messages.values().map(|message| message.visible_at_ms);
        times.min()
    }

    /// The bodies of all messages that are not deleted, dead letters included.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = &str> {
        let all = self.messages.values().chain(self.dead_letters.values());
        all.map(|message| message.body.as_str())
    }

    /// Sends dead letters back.
    pub(crate) fn redrive(&mut self, now_ms: u64) {
        for message in std::mem::take(&mut self.dead_letters).into_values() {
            self.send(message.body, now_ms, now_ms);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len() + self.dead_letters.len()
    }
}
