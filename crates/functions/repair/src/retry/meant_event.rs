//! Which event of an archived message a rejected line is about.
//!
//! A line names its event by its number in the message. When a person is erased, their batches are taken out of the message,
//! and the events behind them have lower numbers. So a number counts only if it is that of the event which the line shows.

use std::collections::BTreeSet;

use event_model::mparticle::{Batch, Event, EventType, Numbered, event_id, find_events};
use serde_json::Value;

/// What the mapping appends to an id of mParticle for a user who has no address.
const PLACEHOLDER: &str = "@placeholder.email";

/// The attribute that a profile has under another name.
const MOBILE: (&str, &str) = ("$Mobile", "phoneNumber");

/// An event as a rejected line describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MeantEvent {
    /// Its number in the message as it was when the event was rejected.
    ordinal: u32,
    shown: Shown,
}

/// How a line shows its event.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    /// As it was sent: its type and its data.
    AsSent(String),
    /// By the destination's call, which has the id of the event.
    Id(String),
    /// By the update of a profile, which has no id: its user, and the field that the event changed.
    Update { user: String, field: String },
    /// Not at all, because it is not an event.
    Nothing,
}

impl MeantEvent {
    /// What a line with this ordinal and this item is about.
    pub(super) fn new(ordinal: u32, item: Option<String>) -> Self {
        let shown = item.map_or(Shown::Nothing, Shown::read);
        Self { ordinal, shown }
    }

    /// Its ordinal in the body as it is now. `None` if the body does not have it, or has several events that it could be.
    pub(super) fn find_in(&self, body: &str) -> Option<u32> {
        let at_its_place = find_events(body, |ordinal, numbered| {
            ordinal == self.ordinal && self.shown.is(numbered)
        });
        if !at_its_place.is_empty() {
            return Some(self.ordinal);
        }
        let mut ids = BTreeSet::new();
        let elsewhere = find_events(body, |_, numbered| {
            let is_it = self.shown.is(numbered);
            if is_it && let Numbered::Event(event, batch) = numbered {
                ids.insert(event_id(event, batch));
            }
            is_it
        });
        // Those with the same id are copies of one event.
        let is_clear = ids.len() == 1 || elsewhere.len() == 1;
        elsewhere.first().copied().filter(|_| is_clear)
    }
}

impl Shown {
    fn read(item: String) -> Self {
        let call: Value = serde_json::from_str(&item).unwrap_or_default();
        if call.get("event_type").is_some() {
            return Self::AsSent(item);
        }
        let text = |name: &str| call[name].as_str().map(str::to_owned);
        if let Some(id) = text("id") {
            return Self::Id(id);
        }
        let fields = call["dataFields"].as_object();
        let field = fields.and_then(|fields| fields.keys().next()).cloned();
        match (text("userId").or_else(|| text("email")), field) {
            (Some(user), Some(field)) => Self::Update { user, field },
            _ => Self::AsSent(item),
        }
    }

    fn is(&self, numbered: Numbered<'_, '_>) -> bool {
        match (self, numbered) {
            (Self::AsSent(item), Numbered::Event(event, _)) => event.as_sent() == *item,
            (Self::Id(id), Numbered::Event(event, batch)) => event_id(event, batch) == *id,
            (Self::Update { user, field }, Numbered::Event(event, batch)) => {
                changes(event, field) && is_of(batch, user)
            }
            (Self::Nothing, Numbered::Other) => true,
            (Self::Nothing, Numbered::Event(..))
            | (Self::AsSent(_) | Self::Id(_) | Self::Update { .. }, Numbered::Other) => false,
        }
    }
}

/// Whether the event changes the attribute that a profile has as this field. Characters that a field's name cannot have are
/// left out or replaced there.
fn changes(event: &Event<'_>, field: &str) -> bool {
    let name = event.data().user_attribute_name.string();
    let name = name.unwrap_or_default();
    let letters = |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect() };
    event.event_type() == EventType::UserAttributeChange
        && ((&*name, field) == MOBILE || letters(&name) == letters(field))
}

/// Whether the batch is of the user with this name at the destination.
fn is_of(batch: &Batch<'_>, user: &str) -> bool {
    let identities = batch.identities();
    let mut names = identities.iter().map(|identity| identity.value.trim());
    let mpid = batch.user_mpid().map(|mpid| mpid.to_string());
    names.any(|name| name == user)
        || mpid.as_deref() == Some(user.strip_suffix(PLACEHOLDER).unwrap_or(user))
}

#[cfg(test)]
mod tests {
    use event_model::mparticle::select_events;
    use serde_json::json;

    use super::*;

    const ADA: &str = r#"{"mpid":1,"user_identities":{"customer_id":"ada"},"events":[{"event_type":"custom_event","data":{"n":1}},7]}"#;
    const BOB: &str = r#"{"mpid":2,"user_identities":{"customer_id":"bob"},"events":[{"event_type":"custom_event","data":{"n": 2.50}},{"data":{"source_message_id":"x-1"},"event_type":"screen_view"},{"event_type":"custom_event","data":{"n":1}}]}"#;
    const EVE: &str = r#"{"mpid":3,"user_identities":{"email":" eve@example.com"},"events":[{"event_type":"user_attribute_change","data":{"user_attribute_name":"_home.city","new":"x"}},{"event_type":"user_attribute_change","data":{"user_attribute_name":"$Mobile","new":"1"}},{"event_type":"screen_view","data":{"event_id":5}},{"event_type":"custom_event","data":{"n":1}},[]]}"#;

    fn body(parts: &[&str]) -> String {
        format!("[{}]", parts.join(","))
    }

    /// The event that the line with this ordinal and item is about, in a body.
    fn found(body: &str, ordinal: u32, item: Option<&str>) -> Option<String> {
        let ordinal = MeantEvent::new(ordinal, item.map(str::to_owned)).find_in(body)?;
        let selected = select_events(body, &BTreeSet::from([ordinal]));
        let batch: Value = serde_json::from_str(&selected[0]).unwrap();
        Some(format!("{} {}", batch["mpid"], batch["events"][0]["data"]))
    }

    /// Lines about Bob's and Eve's events, with what is sent again.
    fn lines() -> Vec<(u32, String, String)> {
        let track = |id: &str| json!({"userId": "u", "eventName": "e", "id": id, "dataFields": {}});
        let update = |field: &str| {
            json!({"email": "eve@example.com", "dataFields": {field: "x"}}).to_string()
        };
        let purchase = json!({"user": {"userId": "u"}, "id": "mp-5", "items": []});
        let sent = |mpid: u32, data: Value| format!("{mpid} {data}");
        vec![
            (
                2,
                r#"{"event_type":"custom_event","data":{"n": 2.50}}"#.to_owned(),
                sent(2, json!({"n": 2.50})),
            ),
            (
                3,
                track("x-1").to_string(),
                sent(2, json!({"source_message_id": "x-1"})),
            ),
            (
                5,
                update("home_city"),
                sent(3, json!({"user_attribute_name": "_home.city", "new": "x"})),
            ),
            (
                6,
                update("phoneNumber"),
                sent(3, json!({"user_attribute_name": "$Mobile", "new": "1"})),
            ),
            (7, purchase.to_string(), sent(3, json!({"event_id": 5}))),
        ]
    }

    #[test]
    fn event_is_found_where_it_was_and_where_an_erasure_has_moved_it() {
        for (ordinal, item, sent) in lines() {
            for parts in [&[ADA, BOB, EVE][..], &[BOB, EVE], &[EVE, BOB]] {
                assert_eq!(
                    found(&body(parts), ordinal, Some(&item)).as_deref(),
                    Some(&*sent),
                    "{item}"
                );
            }
        }
    }

    #[test]
    fn nothing_is_sent_for_an_event_that_is_gone() {
        for (ordinal, item, sent) in lines() {
            let others = if sent.starts_with('2') {
                [ADA, EVE]
            } else {
                [ADA, BOB]
            };
            assert_eq!(found(&body(&others), ordinal, Some(&item)), None, "{item}");
        }
        assert_eq!(found(&body(&[BOB]), 1, None), None);
    }

    #[test]
    fn of_equal_events_of_several_users_only_the_one_at_its_place_is_sent() {
        let item = r#"{"event_type":"custom_event","data":{"n":1}}"#;
        let all = body(&[ADA, BOB, EVE]);

        assert_eq!(found(&all, 4, Some(item)).as_deref(), Some(r#"2 {"n":1}"#));
        assert_eq!(found(&body(&[EVE, BOB]), 4, Some(item)), None);
        assert_eq!(
            found(&body(&[BOB, BOB]), 9, Some(item)).as_deref(),
            Some(r#"2 {"n":1}"#)
        );
    }

    #[test]
    fn line_without_an_item_is_about_something_else_than_an_event() {
        let all = body(&[ADA, BOB, EVE]);

        assert_eq!(MeantEvent::new(1, None).find_in(&all), Some(1));
        assert_eq!(MeantEvent::new(9, None).find_in(&all), Some(9));
        assert_eq!(
            MeantEvent::new(9, None).find_in(&body(&[BOB, EVE])),
            Some(7)
        );
        assert_eq!(MeantEvent::new(2, None).find_in(&all), None);
    }
}
