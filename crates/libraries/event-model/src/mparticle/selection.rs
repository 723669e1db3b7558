//! Some events of a body, as bodies of their own.

use std::collections::BTreeSet;

use super::{Batch, Entry, Event, Field, Item, Kind, for_each_item};
use crate::json::JsonObject;

/// What an ordinal of a body stands for. The ordinals count, from 0, the elements of every batch's events, and every part that
/// is not a batch.
#[derive(Clone, Copy, Debug)]
pub enum Numbered<'i, 'a> {
    /// An event, and its batch.
    Event(&'i Event<'a>, &'i Batch<'a>),
    /// Something else: a value among the events that is not an object, or a part that is not a batch.
    Other,
}

/// The events of a body with these ordinals, each batch with what else it says: bodies that hold these events alone. For what an
/// ordinal stands for, see [`Numbered`].
///
/// Values and their order are kept as they were sent.
pub fn select_events(body: &str, ordinals: &BTreeSet<u32>) -> Vec<String> {
    select(body, |ordinal, _| ordinals.contains(&ordinal))
}

/// The ordinals for which `is_meant` holds, which is asked about each of them.
pub fn find_events(
    body: &str,
    mut is_meant: impl FnMut(u32, Numbered<'_, '_>) -> bool,
) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    select(body, |ordinal, numbered| {
        if is_meant(ordinal, numbered) {
            found.insert(ordinal);
        }
        false
    });
    found
}

/// Bodies with what `is_wanted`, which is asked about every ordinal.
fn select(body: &str, mut is_wanted: impl FnMut(u32, Numbered<'_, '_>) -> bool) -> Vec<String> {
    let mut selected = Vec::new();
    let mut next = 0_u32;
    let mut is_next_wanted = |numbered: Numbered<'_, '_>| {
        let ordinal = next;
        next = next.saturating_add(1);
        is_wanted(ordinal, numbered)
    };
    for_each_item(body, |item, text| match item {
        Item::Batch(batch) => {
            let taken: Vec<&str> = batch
                .events()
                .filter(|entry| {
                    is_next_wanted(match entry {
                        Entry::Event(event) => Numbered::Event(event, &batch),
                        Entry::Other(_) => Numbered::Other,
                    })
                })
                .map(|entry| match entry {
                    Entry::Event(event) => event.json,
                    Entry::Other(value) => value.json().unwrap_or("null"),
                })
                .collect();
            if !taken.is_empty() {
                selected.push(batch_of(text, &taken));
            }
        }
        Item::Alias | Item::Refused(_) => {
            if is_next_wanted(Numbered::Other) {
                selected.push(text.to_owned());
            }
        }
    });
    selected
}

/// The batch with these of its events. A batch whose events are no list has one, and stays as it is.
fn batch_of(text: &str, events: &[&str]) -> String {
    let members = serde_json::from_str::<Field<'_>>(text).ok();
    let members = members.and_then(|batch| batch.entries().ok());
    let members = members.unwrap_or_default();
    // The last of repeated members counts, as for the model.
    let sent = members.iter().rfind(|(name, _)| name == "events");
    if sent.is_some_and(|(_, value)| value.kind() != Kind::Array) {
        return text.to_owned();
    }
    let mut batch = JsonObject::default();
    for (name, value) in members.iter().filter(|(name, _)| name != "events") {
        batch.json(name, value.json().unwrap_or("null"));
    }
    batch.array("events", events.iter().copied());
    batch.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"[
        {"events": [{"data": {"n": 1.50}}, 7, {"event_type": "screen_view"}], "mpid": 9007199254740993, "user_attributes": {"é\n": null}},
        {"request_type": "alias"},
        {"events": [{"event_type": "custom_event"}], "mpid": "2"}
    ]"#;

    fn selected(body: &str, ordinals: &[u32]) -> Vec<String> {
        select_events(body, &ordinals.iter().copied().collect())
    }

    #[test]
    fn events_come_with_the_rest_of_their_batch_as_it_was_sent() {
        assert_eq!(
            selected(BODY, &[0, 1]),
            [
                r#"{"mpid":9007199254740993,"user_attributes":{"é\n": null},"events":[{"data": {"n": 1.50}},7]}"#
            ]
        );
        assert_eq!(
            selected(BODY, &[2, 4]),
            [
                r#"{"mpid":9007199254740993,"user_attributes":{"é\n": null},"events":[{"event_type": "screen_view"}]}"#,
                r#"{"mpid":"2","events":[{"event_type": "custom_event"}]}"#,
            ]
        );
    }

    #[test]
    fn parts_that_are_no_batch_count_and_are_taken_as_they_are() {
        assert_eq!(selected(BODY, &[3]), [r#"{"request_type": "alias"}"#]);
        assert_eq!(selected("no JSON", &[0]), ["no JSON"]);
        assert_eq!(selected("no JSON", &[1]), [""; 0]);
        assert_eq!(selected(BODY, &[5]), [""; 0]);
    }

    #[test]
    fn events_that_are_no_list_count_as_one_and_are_taken_as_they_are() {
        let body = r#"[{"mpid":1,"events":{"a":1}},{"mpid":2,"events":[{"event_type":"custom_event","data":{}}]},
            {"mpid":3,"events":[5],"events":"x"},{"mpid":4,"events":null},{"mpid":5,"events":[7]}]"#;

        assert_eq!(selected(body, &[0]), [r#"{"mpid":1,"events":{"a":1}}"#]);
        assert_eq!(
            selected(body, &[1]),
            [r#"{"mpid":2,"events":[{"event_type":"custom_event","data":{}}]}"#]
        );
        assert_eq!(
            selected(body, &[2]),
            [r#"{"mpid":3,"events":[5],"events":"x"}"#]
        );
        assert_eq!(selected(body, &[3]), [r#"{"mpid":5,"events":[7]}"#]);
    }

    #[test]
    fn events_are_found_under_the_ordinals_by_which_they_are_selected() {
        let found = find_events(BODY, |_, numbered| match numbered {
            Numbered::Event(event, batch) => {
                event.has_data() || batch.mpid.text().as_deref() == Some("2")
            }
            Numbered::Other => false,
        });
        let others = find_events(BODY, |_, numbered| matches!(numbered, Numbered::Other));

        assert_eq!(found, BTreeSet::from([0, 4]));
        assert_eq!(others, BTreeSet::from([1, 3]));
    }
}
