//! The events of a request, collected while its body is parsed. Pure.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::{
    body_error::{BodyError, MAX_EVENTS},
    envelope::{Kind, Shared},
    event::{Event, InvalidEvent},
    position::Position,
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
        if self.events.len() == MAX_EVENTS {
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
mod tests;
