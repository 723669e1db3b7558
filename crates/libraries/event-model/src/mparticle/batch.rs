//! A batch: one user's events with the attributes of the user, the device and the app.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    Entry, Field, Identities, Int64, Item, Kind, Refusal,
    event::Events,
    foreign::envelope,
    object::{Maybe, lenient_object},
};

lenient_object! {
    /// One batch. Other members remain in the body.
    pub struct Batch<'a> {
        events: Events<'a>,
        /// 64-bit id of the user at mParticle.
        pub mpid: Field<'a>,
        /// 64-bit id of the batch, given by mParticle's servers.
        pub batch_id: Field<'a>,
        /// UUID of the batch in the outbound form.
        pub message_id: Field<'a>,
        /// UUID given by the sender, by which mParticle recognises a repeated batch.
        pub source_request_id: Field<'a>,
        /// The names of the user, see [`Batch::identities`].
        pub user_identities: Field<'a>,
        /// The user's attributes: text by name, lists, and other types have occurred.
        pub user_attributes: Field<'a>,
        /// Names of attributes that were removed from the user.
        pub deleted_user_attributes: Field<'a>,
        /// The user's consent, by regulation and purpose.
        pub consent_state: Field<'a>,
        /// When mParticle received the batch, milliseconds since the Unix epoch.
        pub timestamp_unixtime_ms: Field<'a>,
        environment: Field<'a>,
        device_info: Field<'a>,
        application_info: Field<'a>,
        schema_version: Field<'a>,
        // Members that identify other objects than a batch.
        kind: Field<'a> = "type",
        firehose_version: Field<'a>,
        request_type: Field<'a>,
        event_type: Field<'a>,
    }
}

lenient_object! {
    struct DeviceInfo<'a> {
        platform: Field<'a>,
    }
}

lenient_object! {
    struct ApplicationInfo<'a> {
        application_name: Field<'a>,
        application_version: Field<'a>,
    }
}

/// The environment of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Environment<'a> {
    /// The published app.
    Production,
    /// A development build.
    Development,
    /// `unknown`, or an undocumented value.
    Other(Cow<'a, str>),
    /// No environment. Batches of older schema versions have none.
    Absent,
}

impl<'a> Batch<'a> {
    /// The number of events.
    pub fn event_count(&self) -> usize {
        self.events.count()
    }

    /// The events in their order. Each is read when it is its turn: see [`Self::event_count`] for their number.
    pub fn events(&self) -> impl Iterator<Item = Entry<'a>> {
        self.events.iter()
    }

    /// The user's names.
    pub fn identities(&self) -> Identities<'a> {
        Identities::read(self.user_identities)
    }

    /// The user's id at mParticle, if valid: not absent, not 0, within 64 bits.
    pub fn user_mpid(&self) -> Option<Int64> {
        self.mpid.integer().filter(|mpid| !mpid.is_zero())
    }

    /// The environment of the batch.
    pub fn environment(&self) -> Environment<'a> {
        match self.environment.string() {
            None => Environment::Absent,
            Some(name) => match name.as_ref() {
                "" => Environment::Absent,
                "production" => Environment::Production,
                "development" => Environment::Development,
                _ => Environment::Other(name),
            },
        }
    }

    /// The kind of device: `iOS`, `Android`, `web` and others.
    pub fn platform(&self) -> Option<Cow<'a, str>> {
        self.device_info.read::<DeviceInfo<'a>>().platform.text()
    }

    /// The name of the app.
    pub fn application_name(&self) -> Option<Cow<'a, str>> {
        self.application_info
            .read::<ApplicationInfo<'a>>()
            .application_name
            .text()
    }

    /// The version of the app.
    pub fn application_version(&self) -> Option<Cow<'a, str>> {
        self.application_info
            .read::<ApplicationInfo<'a>>()
            .application_version
            .text()
    }

    fn is_batch(&self) -> bool {
        let telling = [
            self.mpid,
            self.batch_id,
            self.message_id,
            self.source_request_id,
            self.user_identities,
            self.user_attributes,
            self.deleted_user_attributes,
            self.consent_state,
            self.device_info,
            self.application_info,
            self.schema_version,
        ];
        // Other formats also have `events`, with other elements.
        let is_entry = |entry: Entry<'a>| match entry {
            Entry::Event(event) => event.has_data(),
            Entry::Other(_) => true,
        };
        telling
            .into_iter()
            .any(|field| field.kind() != Kind::Absent)
            || self.events().any(is_entry)
    }
}

/// A body, or an element of its array.
pub(super) struct Element<'a>(Option<Box<Batch<'a>>>);

impl<'de: 'a, 'a> Deserialize<'de> for Element<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Maybe::deserialize(deserializer).map(|Maybe(object)| Self(object))
    }
}

/// Visits the elements of an array, with at most one in memory. An unreadable element is refused individually.
///
/// # Errors
/// When it is not an array.
pub(super) fn visit_elements<'a>(
    array: &'a str,
    visit: &mut impl FnMut(Item<'a>, &'a str),
) -> Result<(), serde_json::Error> {
    serde_json::Deserializer::from_str(array).deserialize_seq(ElementsVisitor(visit))
}

struct ElementsVisitor<'f, F>(&'f mut F);

impl<'de, F: FnMut(Item<'de>, &'de str)> Visitor<'de> for ElementsVisitor<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<&RawValue>()? {
            (self.0)(Element::item(element.get()), element.get());
        }
        Ok(())
    }
}

impl<'a> Element<'a> {
    /// Recognises a piece of JSON.
    pub(super) fn item(json: &'a str) -> Item<'a> {
        match serde_json::from_str::<Self>(json) {
            Ok(element) => match element.classify() {
                Item::Refused(Refusal::NotABatch) => {
                    Item::Refused(envelope(json).map_or(Refusal::NotABatch, Refusal::Envelope))
                }
                item => item,
            },
            Err(error) => Item::Refused(Refusal::malformed(json, &error)),
        }
    }

    /// Recognises the element. The partner format comes first, because it has `events` too.
    fn classify(self) -> Item<'a> {
        let Some(batch) = self.0 else {
            return Item::Refused(Refusal::NotABatch);
        };
        let names = |field: Field<'a>, ending: &str| {
            field.string().is_some_and(|name| name.ends_with(ending))
        };
        if batch.firehose_version.kind() != Kind::Absent || names(batch.kind, "_request") {
            Item::Refused(Refusal::FirehoseFormat)
        } else if names(batch.request_type, "alias") {
            Item::Alias
        } else if batch.is_batch() {
            Item::Batch(batch)
        } else if batch.event_type.kind() != Kind::Absent {
            Item::Refused(Refusal::BareEvent)
        } else {
            Item::Refused(Refusal::NotABatch)
        }
    }
}
