//! A part of a body of mParticle's that is somebody else's and mentions the person.
//!
//! A batch has what is said of all its events, which every row of the lake repeats, and the events. So a mention in the former
//! is one in each event, and the batch goes; a mention in an event takes out that event alone.

use event_model::{
    json::{Text, for_each_member},
    mparticle::{Batch, Entry, Item},
};
use serde_json::value::RawValue;

use crate::{
    Names,
    text::{any_text, items},
    verdict::has_mention,
};

/// The member of a batch with its events.
const EVENTS: &str = "events";

/// Where a part mentions the person.
pub(crate) enum Mention {
    Nowhere,
    /// In what is said of all its events, or it has none.
    InAll,
    /// In some of its events, by their positions.
    InEvents(Vec<bool>),
}

/// Where a part, with this text, mentions the person.
pub(crate) fn mention_in_part(part: &Item<'_>, json: &str, person: &impl Names) -> Mention {
    let Item::Batch(batch) = part else {
        return if has_mention(json, person) {
            Mention::InAll
        } else {
            Mention::Nowhere
        };
    };
    if is_said_of_all(json, person) {
        return Mention::InAll;
    }
    let in_events: Vec<bool> = texts_of(batch)
        .map(|event| has_mention(event, person))
        .collect();
    if in_events.contains(&true) {
        Mention::InEvents(in_events)
    } else {
        Mention::Nowhere
    }
}

/// The texts of a batch's events, and of what is none among them.
fn texts_of<'a>(batch: &Batch<'a>) -> impl Iterator<Item = &'a str> {
    batch.events().map(|entry| match entry {
        Entry::Event(event) => event.json,
        Entry::Other(other) => other.json().unwrap_or_default(),
    })
}

/// Whether a batch mentions the person outside of its events. Of a repeated member `events` the last one has them.
fn is_said_of_all(batch: &str, person: &impl Names) -> bool {
    let mut members = Vec::new();
    // If a key cannot be read, rows of the lake have all of the batch.
    if for_each_member(batch, |Text(name), value: &RawValue| {
        members.push((name, value.get()));
    })
    .is_err()
    {
        return has_mention(batch, person);
    }
    let events = members.iter().rposition(|(name, _)| name == EVENTS);
    members.iter().enumerate().any(|(index, (name, value))| {
        let has_events = events == Some(index) && value.starts_with('[');
        person.is_mentioned_in(name)
            || !has_events && any_text(value, |text| person.is_mentioned_in(text))
    })
}

/// The batch without the events that are marked; all else is as it was sent, but for white space between members.
pub(crate) fn without_events(batch: &str, is_marked: &[bool]) -> String {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let mut events = None;
    // What cannot be read is not reached: a batch of which a key cannot be read goes as a whole.
    let _ = for_each_member(batch, |key: &RawValue, value: &RawValue| {
        if serde_json::from_str::<Text<'_>>(key.get()).is_ok_and(|Text(name)| name == EVENTS) {
            events = Some(members.len());
        }
        members.push((key.get(), value.get()));
    });
    let texts = members.iter().enumerate().map(|(index, (key, value))| {
        if events == Some(index) {
            let all = items(value).into_iter().zip(is_marked);
            let kept: Vec<&str> = all
                .filter_map(|(event, is_marked)| (!is_marked).then_some(event))
                .collect();
            format!("{key}:[{}]", kept.join(","))
        } else {
            format!("{key}:{value}")
        }
    });
    let texts: Vec<String> = texts.collect();
    format!("{{{}}}", texts.join(","))
}

#[cfg(test)]
mod tests {
    use event_model::mparticle::for_each_item;

    use super::*;
    use crate::Person;

    /// What is left of a part: all of it, nothing, or a text.
    fn left(part: &str) -> Option<String> {
        let jane = Person::new(&["jane@x.org"], &[""; 0]).unwrap();
        let mut left = None;
        for_each_item(part, |item, json| {
            left = match mention_in_part(&item, json, &jane) {
                Mention::Nowhere => Some(json.to_owned()),
                Mention::InAll => None,
                Mention::InEvents(marks) => Some(without_events(json, &marks)),
            };
        });
        left
    }

    #[test]
    fn events_go_by_themselves_and_with_their_batch_if_it_is_said_of_all() {
        for (part, expected) in [
            (
                r#"{"mpid":1, "events":[{"data":{"a": 1}}, {"data":{"a":"jane@x.org"}},7]}"#,
                Some(r#"{"mpid":1,"events":[{"data":{"a": 1}},7]}"#),
            ),
            (
                r#"{"mpid":1,"events":["to jane@x.org"]}"#,
                Some(r#"{"mpid":1,"events":[]}"#),
            ),
            (
                r#"{"events":[{"data":{}},{"x":"jane@x.org"}],"events":[{"data":{}}]}"#,
                None,
            ),
            (
                r#"{"mpid":1,"user_attributes":{"friend":"jane@x.org"},"events":[{"data":{}}]}"#,
                None,
            ),
            (r#"{"mpid":1,"events":"jane@x.org"}"#, None),
            (
                r#"{"mpid":1,"\ud83d":1,"events":[{"x":"jane@x.org"}]}"#,
                None,
            ),
            (
                r#"{"request_type":"alias","data":{"x":"jane@x.org"}}"#,
                None,
            ),
            (r#"{"note":"jane@x.org"}"#, None),
            (
                r#"{"mpid":1,"events":[]}"#,
                Some(r#"{"mpid":1,"events":[]}"#),
            ),
        ] {
            assert_eq!(left(part).as_deref(), expected, "{part}");
        }
    }
}
