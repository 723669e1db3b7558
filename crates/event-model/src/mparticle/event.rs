//! One event: its kind, and its data read on demand.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    EventType, Field,
    object::{Maybe, lenient_object},
};

lenient_object! {
    /// One element of a batch's `events`.
    pub struct Event<'a> {
        event_type: Field<'a>,
        /// The event's own object, as sent.
        pub data: Field<'a>,
    }
}

impl<'a> Event<'a> {
    /// The kind of the event. One that stands inside `data`, as in a sample of mParticle's guides, is found too.
    pub fn event_type(&self) -> EventType<'a> {
        let named = self
            .event_type
            .text()
            .or_else(|| self.data().event_type.text());
        EventType::of(named.unwrap_or_default())
    }

    /// The event's data; all fields absent when there is none.
    pub fn data(&self) -> EventData<'a> {
        self.data.read()
    }
}

lenient_object! {
    /// The fields of every kind of event that this project uses. The rest stays in [`Event::data`].
    pub struct EventData<'a> {
        event_type: Field<'a>,
        /// UUID given by the SDK or the sender, the same when it uploads again.
        pub source_message_id: Field<'a>,
        /// 64-bit id given by mParticle's servers; 0 is none.
        pub event_id: Field<'a>,
        /// When it happened, milliseconds since the Unix epoch (seconds were seen).
        pub timestamp_unixtime_ms: Field<'a>,
        /// 64-bit id of the session; the web SDK sends the UUID here.
        pub session_id: Field<'a>,
        /// UUID of the session.
        pub session_uuid: Field<'a>,
        /// The app's own attributes: text by name, other kinds were seen.
        pub custom_attributes: Field<'a>,
        /// Name of a custom event.
        pub event_name: Field<'a>,
        /// Category of a custom event.
        pub custom_event_type: Field<'a>,
        /// Name of a screen.
        pub screen_name: Field<'a>,
        /// Android: `activity_started` or `activity_stopped`.
        pub activity_type: Field<'a>,
        /// Length of a session in milliseconds.
        pub session_duration_ms: Field<'a>,
        /// `application_initialized`, `_exit`, `_background` or `_foreground`.
        pub application_transition_type: Field<'a>,
        /// First start after an installation.
        pub is_first_run: Field<'a>,
        /// First start after an upgrade.
        pub is_upgrade: Field<'a>,
        /// Whether the app was closed in an orderly way before.
        pub successfully_closed: Field<'a>,
        /// What opened the app, such as a link.
        pub launch_referral: Field<'a>,
        /// Whether the user opted out.
        pub is_opted_out: Field<'a>,
        /// `signup`, `login`, `logout`, `update` or `delete`.
        pub profile_event_type: Field<'a>,
        /// Name of a changed attribute.
        pub user_attribute_name: Field<'a>,
        /// New value of a changed attribute or identity.
        pub new_value: Field<'a> = "new",
        /// Whether the attribute was removed.
        pub deleted: Field<'a>,
        /// ISO 4217 code.
        pub currency_code: Field<'a>,
        /// What was done with products.
        pub product_action: Field<'a>,
        /// What was done with promotions.
        pub promotion_action: Field<'a>,
        /// Lists of products that were shown.
        pub product_impressions: Field<'a>,
    }
}

/// The elements of a batch's `events`; `None` is an element that is no object.
#[derive(Clone, Debug, Default)]
pub(super) struct Events<'a>(pub(super) Vec<Option<Event<'a>>>);

impl<'de: 'a, 'a> Deserialize<'de> for Events<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EventsVisitor)
    }
}

struct EventsVisitor;

impl<'de> Visitor<'de> for EventsVisitor {
    type Value = Events<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut events = Vec::new();
        while let Some(Maybe(event)) = seq.next_element()? {
            events.push(event);
        }
        Ok(Events(events))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Events::default())
    }

    // Anything else stands for one event that cannot be used, so that it is counted and seen.

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Events(vec![None]))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Events(vec![None]))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Events(vec![None]))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Events(vec![None]))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Events(vec![None]))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Events(vec![None]))
    }
}
