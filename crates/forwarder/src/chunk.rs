//! Messages on their way through a run, with the calls that their events became.

use std::collections::HashMap;

use aws_io::queue::ReceivedMessage;
use event_model::forwarding::{Arrival, Call, Mapper, Operation, Outcome, Rejection, SkipReason};

/// Messages that are delivered and settled together.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// The key of the object they are archived in.
    pub(crate) source_key: String,
    pub(crate) messages: Vec<HeldMessage>,
    /// Every call once, however many events became it.
    pub(crate) calls: Vec<Call>,
}

/// A message without its body, which is archived and mapped.
#[derive(Debug)]
pub(crate) struct HeldMessage {
    pub(crate) id: String,
    pub(crate) receipt: String,
    pub(crate) sent_at_ms: i64,
    pub(crate) receive_count: u32,
    pub(crate) events: Vec<EventState>,
    /// Places of the profile updates that the message asks for beside its events.
    pub(crate) profiles: Vec<usize>,
}

/// How far an event is.
#[derive(Debug)]
pub(crate) enum EventState {
    /// It became the call at this place; `is_copy` when an earlier event became the same one.
    Called { place: usize, is_copy: bool },
    /// It is left out.
    Skipped(SkipReason),
    /// It cannot be used.
    Rejected { rejection: Rejection, item: String },
}

impl Chunk {
    /// Maps what was received.
    pub(crate) fn map(
        mapper: &Mapper,
        messages: Vec<ReceivedMessage>,
        source_key: String,
        now_ms: i64,
        max_age_ms: Option<i64>,
    ) -> Self {
        let mut calls = Calls::default();
        let messages = messages
            .into_iter()
            .map(|message| {
                let arrival = Arrival {
                    sent_at_ms: message.sent_at_ms,
                    now_ms,
                    max_age_ms,
                };
                let body = mapper.map(&message.body, &arrival);
                let events = body.events.into_iter().map(|event| match event.outcome {
                    Outcome::Send(call) => {
                        let (place, is_copy) = calls.add(call);
                        EventState::Called { place, is_copy }
                    }
                    Outcome::Skip(reason) => EventState::Skipped(reason),
                    Outcome::Reject(rejection, item) => EventState::Rejected { rejection, item },
                });
                let events = events.collect();
                let profiles = body
                    .profiles
                    .into_iter()
                    .map(|call| calls.add(call).0)
                    .collect();
                HeldMessage {
                    events,
                    profiles,
                    id: message.id,
                    receipt: message.receipt,
                    sent_at_ms: message.sent_at_ms,
                    receive_count: message.receive_count,
                }
            })
            .collect();
        Self {
            source_key,
            messages,
            calls: calls.all,
        }
    }
}

/// Calls, and where to find one by its id.
#[derive(Debug, Default)]
struct Calls {
    all: Vec<Call>,
    latest: HashMap<(Operation, String), usize>,
}

impl Calls {
    /// Adds a call, or finds that the very same one is there: queues deliver more than once, and so do senders. A call of
    /// the same id with other content is another one; it goes out in a later request, as whoever sent it wanted the
    /// event changed.
    fn add(&mut self, call: Call) -> (usize, bool) {
        let key = (call.operation, call.id.clone());
        if let Some(place) = self.latest.get(&key) {
            let same = self
                .all
                .get(*place)
                .is_some_and(|other| other.user == call.user && other.json == call.json);
            if same {
                return (*place, true);
            }
        }
        let place = self.all.len();
        self.latest.insert(key, place);
        self.all.push(call);
        (place, false)
    }
}

#[cfg(test)]
mod tests {
    use event_model::forwarding::MappingConfig;

    use super::*;

    fn message(id: &str, body: &str) -> ReceivedMessage {
        ReceivedMessage {
            id: id.to_owned(),
            receipt: format!("receipt-{id}"),
            sent_at_ms: 1_700_000_000_000,
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
        let messages = vec![
            message("1", &batch(&event("Home"))),
            message("2", &batch(&event("Home"))),
            message("3", &batch(&event("Shop"))),
            message("4", "no json"),
        ];

        let chunk = Chunk::map(&mapper, messages, "key".to_owned(), 1_700_000_001_000, None);

        assert_eq!(chunk.calls.len(), 2);
        let states: Vec<_> = chunk
            .messages
            .iter()
            .map(|message| &message.events[0])
            .collect();
        assert!(matches!(
            states[0],
            EventState::Called {
                place: 0,
                is_copy: false
            }
        ));
        assert!(matches!(
            states[1],
            EventState::Called {
                place: 0,
                is_copy: true
            }
        ));
        assert!(matches!(
            states[2],
            EventState::Called {
                place: 1,
                is_copy: false
            }
        ));
        assert!(matches!(states[3], EventState::Rejected { .. }));
    }
}
