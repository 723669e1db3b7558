//! One event: its kind, and the fields of its data.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{
    EventType, Field, Kind,
    elements::Elements,
    object::{Maybe, lenient_object},
};
use crate::json::JsonObject;

/// One element of a batch's `events`.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The whole element, as sent.
    pub json: &'a str,
    kind: Field<'a>,
    has_data: bool,
    data: EventData<'a>,
}

lenient_object! {
    struct Members<'a> {
        event_type: Field<'a>,
        data: Data<'a>,
    }
}

/// The event's own object; `None` if it has none.
#[derive(Clone, Debug, Default)]
struct Data<'a>(Option<EventData<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Data<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Maybe::deserialize(deserializer).map(|Maybe(data)| Self(data))
    }
}

lenient_object! {
    struct UnreadMembers<'a> {
        event_type: Field<'a>,
        data: Field<'a>,
    }
}

impl<'a> Event<'a> {
    fn new(json: &'a str, members: Members<'a>) -> Self {
        Self {
            json,
            kind: members.event_type,
            has_data: members.data.0.is_some(),
            data: members.data.0.unwrap_or_default(),
        }
    }

    /// An object with a key, its own or that of its data, that is no Unicode text. An object with such a key has no members.
    fn with_unreadable_key(json: &'a str) -> Self {
        let members: UnreadMembers<'a> = serde_json::from_str(json).unwrap_or_default();
        Self {
            json,
            kind: members.event_type,
            has_data: members.data.kind() == Kind::Object,
            data: members.data.read(),
        }
    }

    /// The type of the event. Also found inside `data`, as in a sample of mParticle's guides.
    pub fn event_type(&self) -> EventType<'a> {
        let named = self.kind.text().or_else(|| self.data.event_type.text());
        EventType::of(named.unwrap_or_default())
    }

    /// Whether the type is inside `data` only.
    pub fn is_typed_inside(&self) -> bool {
        self.kind.text().is_none()
    }

    /// The event's data; all fields are absent if it has none.
    pub fn data(&self) -> &EventData<'a> {
        &self.data
    }

    /// Whether the event has an object of its own.
    pub fn has_data(&self) -> bool {
        self.has_data
    }

    /// The event's data as sent, which is read again for it: for the few events that need it.
    pub fn data_as_sent(&self) -> Field<'a> {
        let members: UnreadMembers<'a> = serde_json::from_str(self.json).unwrap_or_default();
        members.data
    }

    /// The event's type and its data as sent, as JSON: how a line about its rejection shows it.
    pub fn as_sent(&self) -> String {
        let mut json = JsonObject::default();
        json.text("event_type", self.event_type().as_str());
        json.json("data", self.data_as_sent().json().unwrap_or("null"));
        json.finish()
    }
}

lenient_object! {
    /// The fields, of all types of events, that this project uses. Others remain in [`Event::json`].
    pub struct EventData<'a> {
        event_type: Field<'a>,
        /// UUID given by the SDK or the sender, the same when the event is uploaded again.
        pub source_message_id: Field<'a>,
        /// 64-bit id given by mParticle's servers; 0 is none.
        pub event_id: Field<'a>,
        /// The time of the event, milliseconds since the Unix epoch (seconds have occurred).
        pub timestamp_unixtime_ms: Field<'a>,
        /// 64-bit id of the session; the web SDK sends the UUID here.
        pub session_id: Field<'a>,
        /// UUID of the session.
        pub session_uuid: Field<'a>,
        /// The app's own attributes: text by name, other types have occurred.
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
        /// Whether the previous run of the app ended normally.
        pub successfully_closed: Field<'a>,
        /// The source that opened the app, such as a link.
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
        /// The action on products.
        pub product_action: Field<'a>,
        /// The action on promotions.
        pub promotion_action: Field<'a>,
        /// The lists of products that were shown.
        pub product_impressions: Field<'a>,
    }
}

impl<'a> EventData<'a> {
    /// The event's own name, and the key of [`EventData`] that has it. For a screen it is `screen_name`; a sample in
    /// mParticle's documentation uses `event_name`. A custom event has no other name; for other types without a name,
    /// the screen on which the event happened counts.
    pub fn name(&self, event_type: &EventType<'_>) -> Option<(&'static str, Cow<'a, str>)> {
        let event_name = || Some(("event_name", self.event_name.text()?));
        let screen_name = || Some(("screen_name", self.screen_name.text()?));
        match event_type {
            EventType::ScreenView => screen_name().or_else(event_name),
            EventType::Custom => event_name(),
            _ => event_name().or_else(screen_name),
        }
    }
}

/// One element of a batch's `events`: an event, or a value of another type.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "entries are read one by one and never collected"
)]
pub enum Entry<'a> {
    /// An event.
    Event(Event<'a>),
    /// A value that is not an object, as sent.
    Other(Field<'a>),
}

/// The elements of a batch's `events`, each read when it is its turn: a body may have hundreds of thousands of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Events<'a>(Field<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Events<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Field::deserialize(deserializer).map(Self)
    }
}

impl<'a> Events<'a> {
    /// The number of elements, which are skipped and not read.
    pub(super) fn count(self) -> usize {
        match self.0.kind() {
            Kind::Absent => 0,
            Kind::Array => self.0.read::<Vec<IgnoredAny>>().len(),
            Kind::Boolean | Kind::Number | Kind::String | Kind::Object => 1,
        }
    }

    /// The elements in their order.
    pub(super) fn iter(self) -> impl Iterator<Item = Entry<'a>> {
        let (elements, other) = match self.0.kind() {
            Kind::Absent => (Elements::default(), None),
            Kind::Array => (Elements::of(self.0.json().unwrap_or_default()), None),
            // Any other value counts as one unusable event, so that it is counted and reported.
            Kind::Boolean | Kind::Number | Kind::String | Kind::Object => {
                (Elements::default(), Some(Entry::Other(self.0)))
            }
        };
        ArrayEntries(elements).chain(other)
    }
}

/// The elements of an array of events. Each is read once, by its members.
struct ArrayEntries<'a>(Elements<'a>);

impl<'a> Iterator for ArrayEntries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if self.0.begins_object()
            && let Some((members, json)) = self.0.read_next()
        {
            return Some(Entry::Event(Event::new(json, members)));
        }
        let (field, json) = self.0.read_next::<Field<'a>>()?;
        Some(match field.kind() {
            Kind::Object => Entry::Event(Event::with_unreadable_key(json)),
            Kind::Absent | Kind::Boolean | Kind::Number | Kind::String | Kind::Array => {
                Entry::Other(field)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_events_are_counted_as_are_read() {
        for (events, count) in [
            ("null", 0),
            ("[]", 0),
            (r#"[{},{"data":{"a":[1,{"b":[]}]}}]"#, 2),
            (r#"[ 1 , null , "],[" , [2,3] , {"\ud800":1} ]"#, 5),
            (r#"{"data":{}}"#, 1),
            ("7", 1),
        ] {
            let events: Events<'_> = serde_json::from_str(events).unwrap();

            assert_eq!((events.count(), events.iter().count()), (count, count));
        }
    }
}
