//! One event: its kind, and its data read on demand.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use super::{EventType, Field, Kind, object::lenient_object};

/// One element of a batch's `events`.
#[derive(Clone, Debug, Default)]
pub struct Event<'a> {
    /// All of it, as sent.
    pub json: Field<'a>,
    kind: Field<'a>,
    /// The event's own object, as sent.
    pub data: Field<'a>,
}

lenient_object! {
    struct Members<'a> {
        event_type: Field<'a>,
        data: Field<'a>,
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Event<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Field::deserialize(deserializer)?;
        let Members { event_type, data } = json.read();
        Ok(Self {
            json,
            kind: event_type,
            data,
        })
    }
}

impl<'a> Event<'a> {
    /// The kind of the event. One that stands inside `data`, as in a sample of mParticle's guides, is found too.
    pub fn event_type(&self) -> EventType<'a> {
        let named = self.kind.text().or_else(|| self.data().event_type.text());
        EventType::of(named.unwrap_or_default())
    }

    /// Whether the kind stands inside `data`, and not where it belongs.
    pub fn is_typed_inside(&self) -> bool {
        self.kind.text().is_none()
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

impl<'a> EventData<'a> {
    /// The event's own name, and the key of [`EventData`] that says it. A screen's is its `screen_name`; a sample in
    /// mParticle's documentation names one by `event_name`. Of a custom event nothing else is a name; where one of another
    /// kind has none, the screen it happened on counts.
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

/// One element of a batch's `events`: an event, or what stands there in its place.
#[derive(Clone, Debug)]
pub enum Entry<'a> {
    /// An event.
    Event(Event<'a>),
    /// Something that is not an object, as it was sent.
    Other(Field<'a>),
}

/// The elements of a batch's `events`, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Events<'a>(pub(super) Vec<Entry<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Events<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let events = Field::deserialize(deserializer)?;
        let entries = match events.kind() {
            Kind::Absent => Vec::new(),
            Kind::Array => events.items().into_iter().map(Entry::read).collect(),
            // Anything else stands for one event that cannot be used, so that it is counted and seen.
            Kind::Boolean | Kind::Number | Kind::String | Kind::Object => {
                vec![Entry::Other(events)]
            }
        };
        Ok(Self(entries))
    }
}

impl<'a> Entry<'a> {
    fn read(json: Field<'a>) -> Self {
        match json.kind() {
            Kind::Object => Self::Event(json.read()),
            Kind::Absent | Kind::Boolean | Kind::Number | Kind::String | Kind::Array => {
                Self::Other(json)
            }
        }
    }
}
