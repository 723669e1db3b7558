//! Writes what events become: a body of SparkPost's webhook, with the provider's event whole in each of its events.

use std::borrow::Cow;

use event_model::{
    json::JsonObject,
    sparkpost::{EventClass, EventType, PING},
};

use crate::time_text::to_decimal;

/// What an event means: SparkPost's type, if it has one, and the word of Anymail, which is common to all providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) event_type: Option<EventType>,
    pub(crate) word: &'static str,
}

impl Meaning {
    pub(crate) const fn is(event_type: EventType, word: &'static str) -> Self {
        Self {
            event_type: Some(event_type),
            word,
        }
    }

    /// SparkPost has no such event.
    pub(crate) const fn other(word: &'static str) -> Self {
        Self {
            event_type: None,
            word,
        }
    }

    /// Whether an event of this type has a bounce class.
    pub(crate) fn has_class(self) -> bool {
        matches!(
            self.event_type,
            Some(
                EventType::Bounce
                    | EventType::Delay
                    | EventType::OutOfBand
                    | EventType::PolicyRejection
            )
        )
    }
}

/// How long a translated body may become: twice the largest body. An event of few bytes becomes one of some hundred, and one about many
/// recipients is in the event of each, while a function holds the body, its translation and what is decoded of it at once.
pub(crate) const MAX_BYTES: usize = 64 << 20;

/// The body under construction, from the beginning of what one item becomes.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    out: &'a mut Vec<u8>,
    provider: &'a str,
    /// The length of the body before the item.
    before: usize,
}

impl<'a> Rows<'a> {
    pub(crate) fn begin(out: &'a mut Vec<u8>, provider: &'a str) -> Self {
        let before = out.len();
        Self {
            out,
            provider,
            before,
        }
    }

    fn is_full(&self) -> bool {
        self.out.len() >= MAX_BYTES
    }

    /// Ends the item. One whose events have no room is passed on as it is, so that it is counted and kept as rejected.
    pub(crate) fn end(mut self, item: &str) {
        if self.is_full() {
            self.out.truncate(self.before);
            self.add_raw(item);
        }
    }

    /// Adds an event, from the provider's, the JSON text `whole`.
    pub(crate) fn add(
        &mut self,
        whole: &str,
        provider_event: &str,
        meaning: Meaning,
        key: &str,
        row: Row,
    ) {
        if self.is_full() {
            return;
        }
        let event_type = meaning.event_type.map_or_else(
            || Cow::Owned(format!("{}.{provider_event}", self.provider)),
            |event_type| Cow::Borrowed(event_type.as_str()),
        );
        let class = meaning
            .event_type
            .map_or(EventClass::Message, EventType::class);
        self.next_item();
        self.out.extend_from_slice(br#"{"msys":{""#);
        self.out.extend_from_slice(class.as_str().as_bytes());
        self.out.extend_from_slice(br#"":"#);
        let mut event = JsonObject::begin(&mut *self.out);
        event.text("type", &event_type);
        event.text("event_id", key);
        let Row(fields) = row;
        event.append(&fields);
        event.text("provider", self.provider);
        event.text("provider_event", provider_event);
        event.text("normalized_event", meaning.word);
        event.json("provider_data", whole);
        event.end();
        self.out.extend_from_slice(b"}}");
    }

    /// An element that repeats other events, or is none: it takes a position, like SparkPost's own pings.
    pub(crate) fn add_nothing(&mut self) {
        self.add_raw(PING);
    }

    /// An element that cannot be read: SparkPost's parser says why.
    pub(crate) fn add_raw(&mut self, text: &str) {
        self.next_item();
        self.out.extend_from_slice(text.as_bytes());
    }

    fn next_item(&mut self) {
        if self.out.last() != Some(&b'[') {
            self.out.push(b',');
        }
    }
}

/// The fields of one event, under SparkPost's names. What is absent stays absent.
#[derive(Debug, Default)]
pub(crate) struct Row(JsonObject);

impl Row {
    pub(crate) fn text(&mut self, name: &str, text: Option<impl AsRef<str>>) {
        let Some(text) = text else { return };
        if !text.as_ref().is_empty() {
            self.0.text(name, text.as_ref());
        }
    }

    /// A value as the provider wrote it.
    pub(crate) fn json(&mut self, name: &str, json: Option<&str>) {
        if let Some(json) = json {
            self.0.json(name, json);
        }
    }

    /// Writes the event's time, and returns it for the key.
    pub(crate) fn time(&mut self, time: Option<impl AsRef<str>>) -> Option<String> {
        let time = time.map(|time| to_decimal(time.as_ref()))?;
        self.0.text("timestamp", &time);
        Some(time)
    }

    pub(crate) fn class(&mut self, class: u16) {
        self.0.text("bounce_class", &class.to_string());
    }

    pub(crate) fn list<'t>(&mut self, name: &str, items: impl IntoIterator<Item = &'t str>) {
        let items: Vec<&str> = items.into_iter().collect();
        if !items.is_empty() {
            self.0.array(name, items);
        }
    }

    /// An object, unless it is empty.
    pub(crate) fn object(&mut self, name: &str, object: JsonObject) {
        if !object.is_empty() {
            self.0.json(name, &object.finish());
        }
    }

    /// The number of attempts before this one.
    pub(crate) fn retries(&mut self, attempt: Option<impl AsRef<str>>) {
        let attempt = attempt.and_then(|attempt| attempt.as_ref().parse::<u32>().ok());
        if let Some(retries) = attempt.and_then(|attempt| attempt.checked_sub(1)) {
            self.0.text("num_retries", &retries.to_string());
        }
    }

    /// The event has no time, so its time is the beginning of the UTC day on which it arrived.
    pub(crate) fn mark_arrival_day(&mut self) {
        self.0.boolean("timestamp_is_arrival_day", true);
    }

    /// The event is one of the provider's test button.
    pub(crate) fn mark_test(&mut self, is_test: bool) {
        if is_test {
            self.0.boolean("provider_test", true);
        }
    }
}

/// Metadata: an object as it came, or a list of names with values; none of anything else.
pub(crate) fn metadata(json: Option<&str>) -> JsonObject {
    let mut object = JsonObject::default();
    let Some(json) = json else { return object };
    if json.starts_with('{') {
        for (name, value) in crate::fields::Fields::of(json).iter() {
            object.json(name, value);
        }
    } else if json.starts_with('[') {
        let mut seen = std::collections::BTreeSet::new();
        for pair in crate::fields::to_list(json) {
            let pair = crate::fields::Fields::of(pair);
            if let (Some(name), Some(value)) = (pair.text("name"), pair.json("value"))
                && seen.insert(name.clone().into_owned())
            {
                object.json(&name, value);
            }
        }
    }
    object
}
