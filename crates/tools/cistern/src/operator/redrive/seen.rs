//! What was received of a dead-letter queue, which returns a message again as soon as its visibility timeout is over. So a queue with
//! more messages than are received within that time never looks empty.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use aws_io::queue::ReceivedMessage;
use tokio::time::Instant;

/// How long a received message is invisible, unless it is released before.
pub(super) const VISIBILITY: Duration = Duration::from_mins(1);

/// The messages that were received. Of most of them, only the ids are kept.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    /// The ids of the messages that are meant; empty for all.
    only: BTreeSet<&'a str>,
    limit: usize,
    ids: BTreeSet<String>,
    found_count: usize,
    /// The receipts by which messages are made visible again, with the time of receiving: the oldest first, and none that is visible by
    /// itself.
    held: VecDeque<(Instant, String)>,
}

impl<'a> Seen<'a> {
    /// Nothing yet, of at most `limit` messages of these ids, or of all if none is named.
    pub(super) fn new(only: &'a [String], limit: usize) -> Self {
        Self {
            only: only.iter().map(String::as_str).collect(),
            limit,
            ids: BTreeSet::new(),
            found_count: 0,
            held: VecDeque::new(),
        }
    }

    /// Whether nothing more is looked for.
    pub(super) fn is_complete(&self) -> bool {
        self.found_count >= self.limit || self.has_all_named()
    }

    /// Whether messages are named, and all of them were found.
    pub(super) fn has_all_named(&self) -> bool {
        !self.only.is_empty() && self.found_count >= self.only.len()
    }

    /// How many different messages were received.
    pub(super) fn count(&self) -> usize {
        self.ids.len()
    }

    /// Takes what was received at a time, and returns the messages that are meant and new. Of the others, the receipts are held.
    /// `None` if all of them were received before, or there are none: then the search is over.
    pub(super) fn take(
        &mut self,
        received: Vec<ReceivedMessage>,
        at: Instant,
    ) -> Option<Vec<ReceivedMessage>> {
        let count_before = self.ids.len();
        let mut meant = Vec::new();
        for message in received {
            let is_new = self.ids.insert(message.id.clone());
            if is_new && self.is_meant(&message) && self.found_count < self.limit {
                self.found_count += 1;
                meant.push(message);
            } else {
                self.hold(&message, at);
            }
        }
        (self.ids.len() > count_before).then_some(meant)
    }

    /// Holds the receipt of a message that was received at a time and stays in the queue.
    pub(super) fn hold(&mut self, message: &ReceivedMessage, at: Instant) {
        let is_visible =
            |(received_at, _): &(Instant, String)| at.duration_since(*received_at) >= VISIBILITY;
        while self.held.front().is_some_and(is_visible) {
            self.held.pop_front();
        }
        self.held.push_back((at, message.receipt_handle.clone()));
    }

    /// The receipts of the messages that are invisible still.
    pub(super) fn into_held(self, now: Instant) -> Vec<String> {
        let held = self.held.into_iter();
        held.filter(|(received_at, _)| now.duration_since(*received_at) < VISIBILITY)
            .map(|(_, receipt)| receipt)
            .collect()
    }

    fn is_meant(&self, message: &ReceivedMessage) -> bool {
        self.only.is_empty() || self.only.contains(message.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(number: usize, receipt: usize) -> ReceivedMessage {
        ReceivedMessage {
            id: format!("m-{number}"),
            receipt_handle: format!("r-{receipt}"),
            sent_at_ms: 0,
            archived_as: None,
            receive_count: 1,
            body: String::new(),
        }
    }

    /// Receives from a queue without an end: of `count` messages, ten at a time, over and over. Returns the ids that are meant, and how
    /// often messages were received.
    fn search(seen: &mut Seen<'_>, count: usize) -> (Vec<String>, usize) {
        let mut found = Vec::new();
        let mut receipts = 0..;
        let mut numbers = (0..count).cycle();
        let mut receive_count = 0;
        while !seen.is_complete() {
            let received = numbers.by_ref().take(10).zip(&mut receipts);
            let received = received.map(|(number, receipt)| message(number, receipt));
            receive_count += 1;
            match seen.take(received.collect(), Instant::now()) {
                Some(meant) => found.extend(meant.into_iter().map(|message| message.id)),
                None => break,
            }
        }
        (found, receive_count)
    }

    proptest! {
        #[test]
        fn a_queue_without_an_end_is_searched_once(
            count in 0_usize..60,
            limit in 1_usize..80,
            named in proptest::option::of(proptest::collection::btree_set(0_usize..80, 1..6)),
        ) {
            let only: Vec<String> = named
                .iter()
                .flatten()
                .map(|number| format!("m-{number}"))
                .collect();
            let mut seen = Seen::new(&only, limit);

            let (found, receive_count) = search(&mut seen, count);

            let there = (0..count).map(|number| format!("m-{number}"));
            let expected: Vec<String> = there
                .filter(|id| only.is_empty() || only.contains(id))
                .take(limit)
                .collect();
            prop_assert_eq!(found, expected);
            prop_assert!(receive_count <= count / 10 + 2, "{} receives", receive_count);
            prop_assert!(seen.count() <= count);
        }
    }

    #[test]
    fn search_ends_with_the_last_message_that_is_named() {
        let only = ["m-3", "m-12", "m-3"].map(str::to_owned);
        let mut seen = Seen::new(&only, 1_000);

        let (found, receive_count) = search(&mut seen, 1_000);

        assert_eq!(
            (found, receive_count),
            (vec!["m-3".to_owned(), "m-12".to_owned()], 2)
        );
        assert!(seen.has_all_named());
        assert_eq!(seen.into_held(Instant::now()).len(), 18);
    }

    #[test]
    fn receipts_of_messages_that_are_visible_again_are_forgotten() {
        let only = ["other".to_owned()];
        let mut seen = Seen::new(&only, 1);
        let begin = Instant::now();

        let _none_is_meant = seen.take(vec![message(0, 0), message(1, 1)], begin);
        let _none_is_meant = seen.take(vec![message(0, 2), message(2, 3)], begin + VISIBILITY);

        assert_eq!(seen.held.len(), 2);
        assert_eq!(seen.count(), 3);
        assert_eq!(
            seen.into_held(begin + VISIBILITY + Duration::from_secs(1)),
            ["r-2", "r-3"]
        );
    }
}
