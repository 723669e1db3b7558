//! Messages that are received and archived, and not mapped yet.

use std::collections::VecDeque;

use aws_io::queue::ReceivedMessage;
use erasure::Tombstones;
use event_mapping::Mapper;

use crate::chunk::Chunk;

/// The most bytes of messages in one object of the archive.
const GROUP_BYTES: usize = 4 << 20;

/// How many messages with earlier receives are processed together. If one of them ended a run, those in earlier groups are
/// resolved before it does so again.
const GROUP_OF_RETURNED: usize = 100;

/// Archived messages, object by object.
#[derive(Debug, Default)]
pub(crate) struct Backlog(VecDeque<Archived>);

/// The messages of one object of the archive.
#[derive(Debug)]
pub(crate) struct Archived {
    pub(crate) source_key: String,
    pub(crate) messages: VecDeque<ReceivedMessage>,
}

impl Backlog {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, archived: Archived) {
        self.0.push_back(archived);
    }

    /// The next chunk: messages of one object, as many as fit into memory with their calls.
    pub(crate) fn next_chunk(
        &mut self,
        mapper: &Mapper,
        erased: &Tombstones,
        now_ms: i64,
        max_age_ms: Option<i64>,
    ) -> Option<Chunk> {
        let archived = self.0.front_mut()?;
        let chunk = Chunk::map(
            mapper,
            erased,
            &mut archived.messages,
            &archived.source_key,
            now_ms,
            max_age_ms,
        );
        if archived.messages.is_empty() {
            self.0.pop_front();
        }
        Some(chunk)
    }
}

/// Splits messages into groups of one object each, none of them empty, those with the fewest receives first. This bounds the memory
/// for writing a group, however much SQS returns.
pub(crate) fn groups(mut messages: Vec<ReceivedMessage>) -> Vec<Vec<ReceivedMessage>> {
    messages.sort_by_key(|message| message.receive_count);
    let mut groups: Vec<Vec<ReceivedMessage>> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let length = message.body.len();
        let is_returned = message.receive_count > 1;
        let fits = |group: &Vec<ReceivedMessage>| {
            bytes + length <= GROUP_BYTES && !(is_returned && group.len() >= GROUP_OF_RETURNED)
        };
        match groups.last_mut() {
            Some(group) if fits(group) => group.push(message),
            Some(_) | None => {
                groups.push(vec![message]);
                bytes = 0;
            }
        }
        bytes += length;
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> ReceivedMessage {
        ReceivedMessage {
            id: String::new(),
            receipt_handle: String::new(),
            sent_at_ms: 0,
            archived_as: None,
            receive_count: 1,
            body: "x".repeat(bytes),
        }
    }

    #[test]
    fn groups_hold_what_fits_and_at_least_one() {
        let sizes = [GROUP_BYTES - 1, 1, 1, GROUP_BYTES + 1, 0, 5];

        let groups = groups(sizes.map(message).into());

        let sizes: Vec<Vec<usize>> = groups
            .iter()
            .map(|group| group.iter().map(|message| message.body.len()).collect())
            .collect();
        assert_eq!(
            sizes,
            [
                vec![GROUP_BYTES - 1, 1],
                vec![1],
                vec![GROUP_BYTES + 1],
                vec![0, 5]
            ]
        );
    }

    #[test]
    fn those_that_came_before_are_last_and_in_small_groups() {
        let mut messages: Vec<ReceivedMessage> = (0..250).map(|_| message(1)).collect();
        for returned in messages.iter_mut().step_by(2) {
            returned.receive_count = 2;
        }

        let groups = groups(messages);

        // The first groups have new messages, and are filled with others up to their limit.
        let counts: Vec<usize> = groups.iter().map(Vec::len).collect();
        assert_eq!(counts, [125, 100, 25]);
        assert!(groups[0].iter().all(|message| message.receive_count == 1));
    }
}
