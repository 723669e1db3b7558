//! One event: its validation, and what is added to it. Pure.

use std::sync::Arc;

use event_model::json::JsonObject;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use time::{
    OffsetDateTime, format_description::StaticFormatDescription, macros::format_description,
};
use uuid::Uuid;

use crate::{
    envelope::{Shared, write_member, write_on_one_line},
    keys::{EVENT, KEYS, is_secret},
    members,
};

/// All later readers of the event accept at least this depth.
const MAX_DEPTH: usize = 100;

const TO_MILLISECONDS: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// An event as it was sent: an object with at least one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    json: &'a str,
    has_id: bool,
    has_secret: bool,
    /// The JSON of its name, if it has no `event` member.
    name: Option<&'a str>,
    /// The members that it shares with other events.
    shared: Option<Arc<Shared<'a>>>,
}

/// Why a JSON value is not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidEvent {
    NotAnObject,
    Empty,
    TooDeep,
}

impl InvalidEvent {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotAnObject => "not a JSON object",
            Self::Empty => "an object without keys",
            Self::TooDeep => "nested deeper than 100 levels",
        }
    }
}

impl<'a> Event<'a> {
    /// Validates a JSON value, to which the members `shared` belong as well.
    pub(crate) fn new(
        json: &'a RawValue,
        shared: Option<Arc<Shared<'a>>>,
    ) -> Result<Self, InvalidEvent> {
        let json = json.get();
        if depth(json) > MAX_DEPTH {
            return Err(InvalidEvent::TooDeep);
        }
        let (mut count, mut has_id, mut has_secret) = (0_usize, false, false);
        members::for_each(json, |key, value| {
            if is_secret(key, value) {
                has_secret = true;
            } else {
                count += 1;
                has_id |= KEYS.is_id(key, value);
            }
        })
        .map_err(|members::NotAnObject| InvalidEvent::NotAnObject)?;
        if count == 0 {
            return Err(InvalidEvent::Empty);
        }
        Ok(Self {
            json,
            has_id,
            has_secret,
            name: shared.as_ref().and_then(|shared| shared.name_of(json)),
            shared,
        })
    }

    /// The most bytes that its shared members add.
    pub(crate) fn shared_bytes(&self) -> usize {
        self.shared.as_ref().map_or(0, |shared| shared.size_bytes())
    }

    /// Writes the event as one line, with what `stamp` adds to the event at `index` of its request.
    pub(crate) fn write_line(&self, stamp: &Stamp, index: usize, line: &mut Vec<u8>) {
        let mut object = JsonObject::begin(&mut *line);
        object.text("receivedAt", &stamp.received_at);
        if !self.has_id {
            object.text("eventId", &stamp.event_id(index).hyphenated().to_string());
        }
        if let Some(name) = self.name {
            write_member(EVENT, name, &mut object);
        }
        self.write_own(&mut object);
        if let Some(shared) = &self.shared {
            shared.write_for(self.json, &mut object);
        }
        object.end();
        line.push(b'\n');
    }

    /// Adds its own members unchanged, except for the sender's key.
    fn write_own(&self, object: &mut JsonObject<&mut Vec<u8>>) {
        if self.has_secret {
            // The same text was parsed successfully before.
            let _ = members::for_each(self.json, |key, value| {
                if !is_secret(key, value) {
                    write_member(key, value, object);
                }
            });
        } else {
            let inside = self.json.get(1..self.json.len() - 1);
            write_on_one_line(inside.unwrap_or_default(), object.members());
        }
    }
}

/// What is added to all events of one request.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    received_at: String,
    seed: [u8; 32],
}

impl Stamp {
    /// The stamp of a request received at `now`. The sender's `idempotency_key` makes the ids repeatable; without it `id` makes them
    /// unique.
    pub(crate) fn new(
        now: OffsetDateTime,
        idempotency_key: Option<&[u8]>,
        body: &[u8],
        id: Uuid,
    ) -> Self {
        let seed = match idempotency_key {
            // The body is included, in case a sender uses a key for two requests.
            Some(key) => Sha256::new()
                .chain_update(Sha256::digest(key))
                .chain_update(body)
                .finalize(),
            None => Sha256::digest(id),
        };
        Self {
            received_at: now
                .to_utc()
                .format(TO_MILLISECONDS)
                .expect("a time has all of these"),
            seed: seed.into(),
        }
    }

    fn event_id(&self, index: usize) -> Uuid {
        let hash = Sha256::new()
            .chain_update(self.seed)
            .chain_update(index.to_be_bytes())
            .finalize();
        let bytes = hash.first_chunk().expect("SHA-256 has 32 bytes");
        uuid::Builder::from_custom_bytes(*bytes).into_uuid()
    }
}

/// The deepest nesting of objects and arrays.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string) = (0_usize, 0, false);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' => {
                // A backslash occurs only in strings, and the byte after it never ends the string.
                bytes.next();
            }
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests;
