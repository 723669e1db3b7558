//! Some events of a body, as bodies of their own.

use std::{borrow::Cow, collections::BTreeSet};

use super::{Field, Item, for_each_item};
use crate::json::JsonObject;

/// The events of a body with these ordinals, each batch with what else it says: bodies that hold these events alone. The
/// ordinals count every event of every batch, and every part that is not a batch, from 0.
///
/// Values and their order are kept as they were sent.
pub fn select_events(body: &str, ordinals: &BTreeSet<u32>) -> Vec<String> {
    let mut selected = Vec::new();
    let mut next = 0_u32;
    for_each_item(body, |item, text| {
        let mut is_wanted = || {
            let ordinal = next;
            next = next.saturating_add(1);
            ordinals.contains(&ordinal)
        };
        match item {
            Item::Batch(_) => {
                let members = serde_json::from_str::<Field<'_>>(text).ok();
                let members = members.and_then(|batch| batch.entries().ok());
                let members = members.unwrap_or_default();
                // The last of repeated members counts, as for the model.
                let is_events = |(name, _): &&(Cow<'_, str>, Field<'_>)| name == "events";
                let events = members.iter().rfind(is_events).map(|(_, events)| *events);
                let events = events.map(Field::items).unwrap_or_default();
                let taken: Vec<&str> = events
                    .into_iter()
                    .filter(|_| is_wanted())
                    .map(|event| event.json().unwrap_or("null"))
                    .collect();
                if !taken.is_empty() {
                    selected.push(batch_of(&members, &taken));
                }
            }
            Item::Alias | Item::Refused(_) => {
                if is_wanted() {
                    selected.push(text.to_owned());
                }
            }
        }
    });
    selected
}

/// The batch with other events.
fn batch_of(members: &[(Cow<'_, str>, Field<'_>)], events: &[&str]) -> String {
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

    fn select(body: &str, ordinals: &[u32]) -> Vec<String> {
        select_events(body, &ordinals.iter().copied().collect())
    }

    #[test]
    fn events_come_with_the_rest_of_their_batch_as_it_was_sent() {
        assert_eq!(
            select(BODY, &[0, 1]),
            [
                r#"{"mpid":9007199254740993,"user_attributes":{"é\n": null},"events":[{"data": {"n": 1.50}},7]}"#
            ]
        );
        assert_eq!(
            select(BODY, &[2, 4]),
            [
                r#"{"mpid":9007199254740993,"user_attributes":{"é\n": null},"events":[{"event_type": "screen_view"}]}"#,
                r#"{"mpid":"2","events":[{"event_type": "custom_event"}]}"#,
            ]
        );
    }

    #[test]
    fn parts_that_are_no_batch_count_and_are_taken_as_they_are() {
        assert_eq!(select(BODY, &[3]), [r#"{"request_type": "alias"}"#]);
        assert_eq!(select("no JSON", &[0]), ["no JSON"]);
        assert_eq!(select("no JSON", &[1]), [""; 0]);
        assert_eq!(select(BODY, &[5]), [""; 0]);
    }
}
