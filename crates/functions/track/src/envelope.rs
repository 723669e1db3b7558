//! Envelopes: objects that hold the events of a request, as the libraries of Segment, RudderStack, PostHog, Snowplow and Google's
//! Measurement Protocol send them. Pure.
//!
//! The other members of an envelope (`context`, `sentAt`, `client_id`, …) are shared by its events: each event gets those that it does
//! not have, after its own members.

use std::{borrow::Cow, sync::Arc};

use event_model::json::JsonObject;

use crate::{
    keys::{Column, EVENT, KEYS, is_secret},
    members,
};

/// The most shared members of one envelope. Libraries send fewer than ten.
const MAX_SHARED: usize = 64;

/// The schema of what Snowplow's trackers post (<https://docs.snowplow.io/docs/fundamentals/canonical-event/>), of any version.
const SNOWPLOW: &str = "\"iglu:com.snowplowanalytics.snowplow/payload_data/";

/// A known envelope.
#[derive(Clone, Debug)]
pub(crate) struct Envelope<'a> {
    /// The JSON of the list of its events.
    pub(crate) list: &'a str,
    /// The members that its events share.
    pub(crate) shared: Arc<Shared<'a>>,
}

/// An envelope has too many shared members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SharedTooLarge;

/// Members that several events share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shared<'a> {
    members: Vec<Member<'a>>,
    /// The keys that hold the name of an event without an `event` member; the first present one counts.
    pub(crate) name_keys: &'static [&'static str],
}

/// A member that is added to each event that does not have it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Member<'a> {
    key: Cow<'a, str>,
    value: &'a str,
    column: Option<Column>,
}

/// What kind of object a request has sent.
#[derive(Clone, Debug)]
pub(crate) enum Kind<'a> {
    /// One event.
    Event,
    /// Probably one event, but possibly an unknown envelope: none of its members has a column, and it has a list of objects.
    Suspect,
    /// Several events.
    Envelope(Envelope<'a>),
}

/// The members that hold lists of events, and the keys that hold the names of those events.
const LISTS: [(&str, &[&str]); 3] = [
    ("batch", &["type"]),
    ("events", &["name", "event_type"]),
    ("data", &["e"]),
];

impl<'a> Kind<'a> {
    /// Classifies a JSON object.
    pub(crate) fn of(json: &'a str) -> Result<Self, SharedTooLarge> {
        let (mut has_column, mut has_name, mut has_list, mut is_snowplow) =
            (false, false, false, false);
        let mut known = None;
        let mut list_counts = [0; LISTS.len()];
        // An error is ignored here: building the event reports it.
        let _ = members::for_each(json, |key, value| {
            has_column |= KEYS.column(key).is_some();
            has_name |= KEYS.column(key) == Some(Column::Name);
            is_snowplow |= key == "schema" && value.starts_with(SNOWPLOW);
            for ((name, _), count) in LISTS.iter().zip(&mut list_counts) {
                *count += usize::from(*name == key);
            }
            if is_list_of_objects(value) {
                has_list = true;
                let list = LISTS.into_iter().find(|(name, _)| *name == key);
                known = known.or(list.map(|(name, name_keys)| (name, name_keys, value)));
            }
        });
        let is_repeated = |list: &str| {
            let mut counted = LISTS.iter().zip(list_counts);
            counted.any(|((name, _), count)| *name == list && count > 1)
        };
        match known {
            // Nothing says which of two lists is meant, and each has events: it is kept whole.
            Some((name, ..)) if is_repeated(name) => Ok(Self::Suspect),
            Some((name, name_keys, list)) if !has_name && (name != "data" || is_snowplow) => {
                let shared = Shared::of(json, name, name_keys)?;
                Ok(Self::Envelope(Envelope {
                    list,
                    shared: Arc::new(shared),
                }))
            }
            _ if has_list && !has_column => Ok(Self::Suspect),
            _ => Ok(Self::Event),
        }
    }
}

fn is_list_of_objects(value: &str) -> bool {
    value
        .strip_prefix('[')
        .is_some_and(|rest| rest.trim_start().starts_with('{'))
}

impl<'a> Shared<'a> {
    /// The type of one of Segment's calls, which its path gives: the body may lack it.
    pub(crate) fn of_call(call: &'static str) -> Self {
        Self {
            members: vec![Member {
                key: "type".into(),
                value: call,
                column: None,
            }],
            name_keys: &["type"],
        }
    }

    fn of(
        json: &'a str,
        list: &str,
        name_keys: &'static [&'static str],
    ) -> Result<Self, SharedTooLarge> {
        let mut members = Vec::new();
        let _ = members::for_each(json, |key, value| {
            if key == list || is_secret(key, value) {
                return;
            }
            let column = KEYS.column(key);
            members.push(match column {
                // The envelope's own id is not the id of its events.
                Some(Column::Id) => Member {
                    key: format!("{list}_{key}").into(),
                    value,
                    column: None,
                },
                Some(_) | None => Member {
                    key: key.into(),
                    value,
                    column,
                },
            });
        });
        if members.len() > MAX_SHARED {
            return Err(SharedTooLarge);
        }
        Ok(Self { members, name_keys })
    }

    /// The most bytes that it adds to an event.
    pub(crate) fn size_bytes(&self) -> usize {
        let members = self.members.iter();
        members
            .map(|member| member.key.len() + member.value.len() + r#","":"#.len())
            .sum()
    }

    /// Adds the members that `event` does not have.
    pub(crate) fn write_for(&self, event: &str, line: &mut JsonObject<&mut Vec<u8>>) {
        let mut is_present = vec![false; self.members.len()];
        let _ = members::for_each(event, |key, _| {
            let column = KEYS.column(key);
            for (member, is_present) in self.members.iter().zip(&mut is_present) {
                *is_present |= member.key.eq_ignore_ascii_case(key)
                    || (column.is_some() && member.column == column);
            }
        });
        for (member, _) in self
            .members
            .iter()
            .zip(is_present)
            .filter(|(_, said)| !said)
        {
            write_member(&member.key, member.value, line);
        }
    }

    /// The JSON of the name of an event without an `event` member.
    pub(crate) fn name_of(&self, event: &'a str) -> Option<&'a str> {
        let mut found = vec![None; self.name_keys.len()];
        let mut has_name = false;
        let _ = members::for_each(event, |key, value| {
            has_name |= key.eq_ignore_ascii_case(EVENT);
            let index = self.name_keys.iter().position(|name| *name == key);
            if let Some(slot) = index.and_then(|index| found.get_mut(index)) {
                *slot = Some(value).filter(|value| value.starts_with('"'));
            }
        });
        let own = found.into_iter().flatten().next();
        let shared = || {
            let members = self.members.iter();
            let mut named = members.filter(|member| self.name_keys.contains(&&*member.key));
            named.next().map(|member| member.value)
        };
        if has_name { None } else { own.or_else(shared) }
    }
}

/// Adds a member with a key as it was sent. A line end in JSON is white space between two tokens and never part of a string.
pub(crate) fn write_member(key: &str, value: &str, line: &mut JsonObject<&mut Vec<u8>>) {
    write_on_one_line(value, line.raw(key));
}

/// Writes JSON without line ends.
pub(crate) fn write_on_one_line(json: &str, line: &mut Vec<u8>) {
    line.extend(json.bytes().map(|byte| match byte {
        b'\n' | b'\r' => b' ',
        byte => byte,
    }));
}

#[cfg(test)]
mod tests;
