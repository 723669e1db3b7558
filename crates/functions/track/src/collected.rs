//! The events of a request, collected while its body is parsed. Pure.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::{
    body::{BodyError, Position},
    envelope::{Kind, Shared},
    event::{Event, InvalidEvent},
    walk,
};

/// The most bytes that shared members may add to all events of a request: as many as a body may expand to.
const MAX_SHARED_BYTES: usize = 10 << 20;

/// The events of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collected<'a> {
    pub(crate) events: Vec<Event<'a>>,
    /// Objects that were accepted as one event each, although they look like unknown envelopes.
    pub(crate) suspect_count: usize,
    /// The shared members of events outside of envelopes.
    shared: Option<Arc<Shared<'a>>>,
    shared_bytes: usize,
}

impl<'a> Collected<'a> {
    /// The most events of one request. The largest body has some 20,000 real events. Of the smallest possible ones it would have
    /// more than a million, and each takes a hundred bytes once it is stamped.
    pub(crate) const MAX_EVENTS: usize = 100_000;

    pub(crate) fn new(shared: Option<Shared<'a>>) -> Self {
        Self {
            shared: shared.map(Arc::new),
            ..Self::default()
        }
    }

    /// Adds an object of the request: an event, or the events of an envelope.
    pub(crate) fn take(
        &mut self,
        value: &'a RawValue,
        position: Position,
    ) -> Result<(), BodyError> {
        let shared_too_large = |_| BodyError::SharedTooLarge { position };
        match Kind::of(value.get()).map_err(shared_too_large)? {
            Kind::Event => {}
            Kind::Suspect => self.suspect_count += 1,
            Kind::Envelope(envelope) => {
                let list = envelope.list.as_bytes();
                return walk::each_element(
                    list,
                    |number| position.element(number),
                    |event, position| {
                        self.push(event, Some(Arc::clone(&envelope.shared)), position)
                    },
                );
            }
        }
        self.push(value, self.shared.clone(), position)
    }

    fn push(
        &mut self,
        value: &'a RawValue,
        shared: Option<Arc<Shared<'a>>>,
        position: Position,
    ) -> Result<(), BodyError> {
        if self.events.len() == Self::MAX_EVENTS {
            return Err(BodyError::TooManyEvents);
        }
        let invalid_event = |reason: InvalidEvent| BodyError::InvalidEvent { position, reason };
        let event = Event::new(value, shared).map_err(invalid_event)?;
        self.shared_bytes = self.shared_bytes.saturating_add(event.shared_bytes());
        if self.shared_bytes > MAX_SHARED_BYTES {
            return Err(BodyError::SharedTooLarge { position });
        }
        self.events.push(event);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::events;

    fn collected(body: &str) -> Result<Collected<'_>, BodyError> {
        events(body.as_bytes(), None)
    }

    #[test]
    fn envelopes_may_stand_wherever_events_may() {
        let envelope = r#"{"batch":[{"event":"a"},{"event":"b"}]}"#;
        for (body, count) in [
            (envelope.to_owned(), 2),
            (format!("{envelope}\n{envelope}"), 4),
            (format!(r#"[{envelope},{{"event":"c"}}]"#), 3),
            // An envelope in an envelope is an event's own matter.
            (format!(r#"{{"events":[{envelope}]}}"#), 1),
        ] {
            assert_eq!(collected(&body).unwrap().events.len(), count, "{body}");
        }
        let suspects = r#"{"logEvents":[{}]}{"userId":"u","items":[{}]}"#;
        assert_eq!(collected(suspects).unwrap().suspect_count, 1);
    }

    #[test]
    fn what_is_wrong_in_an_envelope_is_named_with_its_place() {
        for (body, told) in [
            (
                r#"{"batch":[{"event":"a"},7]}"#,
                "event 2 of the list in line 1 is not a JSON object",
            ),
            (
                "{\"a\":1}\n{\"batch\":[{}]}",
                "event 1 of the list in line 2 is an object without keys",
            ),
            (
                r#"[{"batch":[{"a":1},[]]}]"#,
                "event 2 of the list in item 1 is not a JSON object",
            ),
        ] {
            assert_eq!(collected(body).unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn an_envelope_cannot_make_its_events_long_without_limit() {
        let body = |len: usize| {
            let events = vec![r#"{"a":1}"#; 10_000].join(",");
            format!(r#"{{"context":"{}","batch":[{events}]}}"#, "x".repeat(len))
        };

        assert!(collected(&body(900)).is_ok());
        assert!(matches!(
            collected(&body(1_100)),
            Err(BodyError::SharedTooLarge { .. })
        ));
        let many = format!(
            r#"{{"batch":[{}]}}"#,
            vec![r#"{"a":1}"#; Collected::MAX_EVENTS + 1].join(",")
        );
        assert!(matches!(collected(&many), Err(BodyError::TooManyEvents)));
    }
}
