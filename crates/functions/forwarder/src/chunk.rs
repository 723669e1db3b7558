//! Messages of a run, with the calls of their events.

use std::collections::{HashMap, VecDeque};

use aws_io::queue::ReceivedMessage;
use erasure::{Tombstones, without_erased};
use event_mapping::{Arrival, Call, Mapper, More, Operation, Outcome, Rejection, SkipReason};

use crate::call_index::CallIndex;

/// A chunk is full when its calls take this much memory. The last message may add
/// [`MAX_CALL_BYTES`](event_mapping::MAX_CALL_BYTES). Up to three chunks are in memory: one being mapped, one being
/// dispatched and one being resolved.
const FULL_BYTES: usize = 8 << 20;

/// Messages that are dispatched and resolved together.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// The key of the object with their archived bodies.
    pub(crate) source_key: String,
    pub(crate) messages: Vec<MappedMessage>,
    /// Every call once, even if several events became it.
    pub(crate) calls: Vec<Call>,
}

/// A message without its body, which is archived and mapped.
#[derive(Debug)]
pub(crate) struct MappedMessage {
    pub(crate) id: String,
    pub(crate) receipt_handle: String,
    pub(crate) sent_at_ms: i64,
    pub(crate) receive_count: u32,
    /// Its events, each with its ordinal in the archived body, which names it in the line about its rejection.
    pub(crate) events: Vec<(u32, EventState)>,
    /// Events that are only counted, because there are too many, or because they are of erased people.
    pub(crate) more: More,
    /// Indices of the message's own profile updates.
    pub(crate) profiles: Vec<CallIndex>,
}

/// The result of mapping an event.
#[derive(Debug)]
pub(crate) enum EventState {
    /// It became the call at this index; `is_copy` when an earlier event became the same one.
    Called { index: CallIndex, is_copy: bool },
    /// It is left out.
    Skipped(SkipReason),
    /// It cannot be used.
    Rejected { rejection: Rejection, item: String },
}

impl Chunk {
    /// Maps messages that are archived as `source_key`, until the chunk is full. The others remain in `messages`.
    pub(crate) fn map(
        mapper: &Mapper,
        erased: &Tombstones,
        messages: &mut VecDeque<ReceivedMessage>,
        source_key: &str,
        now_ms: i64,
        max_age_ms: Option<i64>,
    ) -> Self {
        let mut calls = Calls::default();
        let mut call_bytes = 0;
        let mut done = Vec::new();
        while call_bytes < FULL_BYTES
            && let Some(message) = messages.pop_front()
        {
            let arrival = Arrival {
                sent_at_ms: message.sent_at_ms,
                now_ms,
                max_age_ms,
            };
            let (body, erased_count) = without_erased(&message.body, erased);
            let body = mapper.map(&body, &arrival);
            call_bytes += body.call_bytes();
            let events = body.events.into_iter().map(|event| {
                let state = match event.outcome {
                    Outcome::Send(call) => {
                        let (index, is_copy) = calls.add(call);
                        EventState::Called { index, is_copy }
                    }
                    Outcome::Skip(reason) => EventState::Skipped(reason),
                    Outcome::Reject(rejection, item) => EventState::Rejected { rejection, item },
                };
                (event.ordinal, state)
            });
            let events = events.collect();
            let mut more = body.more;
            if erased_count > 0 {
                *more.skipped.entry(SkipReason::Erased).or_default() += erased_count as u64;
            }
            let profiles = body
                .profiles
                .into_iter()
                .map(|call| calls.add(call).0)
                .collect();
            done.push(MappedMessage {
                events,
                more,
                profiles,
                id: message.id,
                receipt_handle: message.receipt_handle,
                sent_at_ms: message.sent_at_ms,
                receive_count: message.receive_count,
            });
        }
        Self {
            source_key: source_key.to_owned(),
            messages: done,
            calls: calls.all,
        }
    }
}

/// Calls, and an index by id.
#[derive(Debug, Default)]
struct Calls {
    all: Vec<Call>,
    latest: HashMap<(Operation, String), CallIndex>,
}

impl Calls {
    /// Adds a call, unless the same call exists: queues deliver more than once, and so do senders. A call of the same
    /// id with other content is another one; it is sent in a later request, because the sender wanted to change the
    /// event.
    fn add(&mut self, call: Call) -> (CallIndex, bool) {
        let key = (call.operation, call.id.clone());
        if let Some(index) = self.latest.get(&key) {
            let same = index
                .of(&self.all)
                .is_some_and(|other| other.user == call.user && other.json == call.json);
            if same {
                return (*index, true);
            }
        }
        let index = CallIndex(self.all.len());
        self.latest.insert(key, index);
        self.all.push(call);
        (index, false)
    }
}

#[cfg(test)]
mod tests {
    use event_mapping::MappingConfig;

    use super::*;

    fn message(id: &str, body: &str) -> ReceivedMessage {
        ReceivedMessage {
            id: id.to_owned(),
            receipt_handle: format!("receipt-{id}"),
            sent_at_ms: 1_700_000_000_000,
            archived_as: None,
            receive_count: 1,
            body: body.to_owned(),
        }
    }

    fn batch(events: &str) -> String {
        format!(r#"{{"user_identities":{{"customer_id":"ada"}},"events":[{events}]}}"#)
    }

    #[test]
    fn same_event_in_two_messages_is_one_call_and_a_changed_one_another() {
        let mapper = Mapper::new(MappingConfig::default()).unwrap();
        let event = |screen: &str| {
            format!(
                r#"{{"event_type":"screen_view","data":{{"screen_name":"{screen}","source_message_id":"s1"}}}}"#
            )
        };
        let mut messages = VecDeque::from([
            message("1", &batch(&event("Home"))),
            message("2", &batch(&event("Home"))),
            message("3", &batch(&event("Shop"))),
            message("4", "no json"),
        ]);

        let chunk = Chunk::map(
            &mapper,
            &Tombstones::default(),
            &mut messages,
            "key",
            1_700_000_001_000,
            None,
        );

        assert_eq!(chunk.calls.len(), 2);
        let states: Vec<_> = chunk
            .messages
            .iter()
            .map(|message| &message.events[0].1)
            .collect();
        assert!(matches!(
            states[0],
            EventState::Called {
                index: CallIndex(0),
                is_copy: false
            }
        ));
        assert!(matches!(
            states[1],
            EventState::Called {
                index: CallIndex(0),
                is_copy: true
            }
        ));
        assert!(matches!(
            states[2],
            EventState::Called {
                index: CallIndex(1),
                is_copy: false
            }
        ));
        assert!(matches!(states[3], EventState::Rejected { .. }));
    }

    #[test]
    fn chunk_is_full_by_what_its_messages_become() {
        let mapper = Mapper::new(MappingConfig::default()).unwrap();
        // A mebibyte of attributes, each within the limit of a field.
        let text = "x".repeat(32_000);
        let attributes: Vec<String> = (0..32).map(|n| format!(r#""a{n}":"{text}""#)).collect();
        let attributes = attributes.join(",");
        let event = |id: usize| {
            format!(
                r#"{{"event_type":"screen_view","data":{{"screen_name":"a","source_message_id":"{id}","custom_attributes":{{{attributes}}}}}}}"#
            )
        };
        let mut messages: VecDeque<_> = (0..20)
            .map(|id| message(&id.to_string(), &batch(&event(id))))
            .collect();

        let chunk = Chunk::map(
            &mapper,
            &Tombstones::default(),
            &mut messages,
            "key",
            1_700_000_001_000,
            None,
        );

        let taken = chunk.messages.len();
        // The text of a call may be in an allocation of twice its size.
        assert!((4..=8).contains(&taken), "{taken}");
        assert_eq!(messages.len(), 20 - taken);
        assert_eq!(messages[0].id, taken.to_string());
    }
}
