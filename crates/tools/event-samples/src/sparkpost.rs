//! Batches as SparkPost's webhook posts them.

mod message;
mod payload;
mod vocabulary;

use std::time::Duration;

use event_model::sparkpost::EventType;
use serde::{Serialize, Serializer, ser::SerializeMap};
use time::OffsetDateTime;

use self::{
    message::{Mailing, Message},
    payload::Payload,
    vocabulary::TYPE_MIX,
};
use crate::random::{Random, scramble};

/// How many messages can still have events; opens and clicks happen long after delivery.
const REMEMBERED_MESSAGES: u64 = 40_000;
/// Until there are this many messages, all events are injections.
const FIRST_MESSAGES: u64 = 50;
/// An event happened up to this many seconds before its scheduled time, because several servers post independently.
const DISORDER_SECONDS: u64 = 30;

/// When the events happened, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratorOptions {
    /// The time of the first event, to within half a minute.
    pub start: OffsetDateTime,
    /// The time from the first event to the last.
    pub span: Duration,
    /// The number of events in the span. Further events continue after it at the same rate.
    pub total: u64,
}

/// Generates batches. The same seed, options and sizes give the same bytes. Generators with different seeds share no event.
#[derive(Clone, Debug)]
pub struct Generator {
    random: Random,
    options: GeneratorOptions,
    /// Makes the event ids of two seeds differ.
    salt: u64,
    generated: u64,
    mailing: Mailing,
    messages: Vec<Message>,
}

impl Generator {
    /// A generator at its first event.
    pub fn new(seed: u64, options: GeneratorOptions) -> Self {
        let mut random = Random::new(scramble(seed));
        Self {
            options,
            salt: random.bits(),
            generated: 0,
            mailing: Mailing::new(&mut random),
            messages: Vec::new(),
            random,
        }
    }

    /// The next `count` events as the body of one POST, about 1.4 KB per event.
    pub fn batch(&mut self, count: usize) -> Vec<u8> {
        let mut body = Vec::with_capacity(count.saturating_mul(1_500) + 2);
        body.push(b'[');
        for index in 0..count {
            if index > 0 {
                body.push(b',');
            }
            let event = self.next_event();
            serde_json::to_writer(&mut body, &event).expect("writing to memory cannot fail");
        }
        body.push(b']');
        body
    }

    /// How many events were generated so far.
    pub fn generated(&self) -> u64 {
        self.generated
    }

    fn next_event(&mut self) -> Element {
        let now = self.now_seconds();
        self.generated += 1;
        let event_type = self.draw_type();
        let message = self.message_for(event_type, now);
        let disorder = self.random.below(DISORDER_SECONDS);
        let at = now - i64::try_from(disorder).unwrap_or(0);
        let payload = Payload::new(event_type, &message, self.event_id(), at, &mut self.random);
        Element {
            event_type,
            payload,
        }
    }

    /// The scheduled time of the next event, in seconds since the Unix epoch.
    fn now_seconds(&self) -> i64 {
        let span_micros = self.options.span.as_micros();
        let passed =
            span_micros * u128::from(self.generated) / u128::from(self.options.total.max(1));
        let passed_seconds = i64::try_from(passed / 1_000_000).unwrap_or(i64::MAX);
        self.options
            .start
            .unix_timestamp()
            .saturating_add(passed_seconds)
    }

    fn draw_type(&mut self) -> EventType {
        let mut draw = self.random.below(1_000);
        if self.generated <= FIRST_MESSAGES {
            return EventType::Injection;
        }
        for (event_type, share) in TYPE_MIX {
            if draw < share {
                return event_type;
            }
            draw -= share;
        }
        EventType::Delivery
    }

    fn message_for(&mut self, event_type: EventType, now: i64) -> Message {
        if event_type == EventType::Injection {
            let message = self.mailing.send(&mut self.random, now);
            self.remember(message.clone());
            return message;
        }
        let index = self
            .random
            .below(u64::try_from(self.messages.len()).unwrap_or(u64::MAX));
        let index = usize::try_from(index).unwrap_or(0);
        self.messages[index].clone()
    }

    fn remember(&mut self, message: Message) {
        let count = u64::try_from(self.messages.len()).unwrap_or(u64::MAX);
        if count < REMEMBERED_MESSAGES {
            self.messages.push(message);
        } else {
            let index = usize::try_from(self.random.below(count)).unwrap_or(0);
            self.messages[index] = message;
        }
    }

    /// An id of 17 digits.
    fn event_id(&self) -> u64 {
        let bits = scramble(self.salt.wrapping_add(self.generated));
        10_000_000_000_000_000 + bits % 90_000_000_000_000_000
    }
}

/// `{"msys":{"<class>":{…}}}`
struct Element {
    event_type: EventType,
    payload: Payload,
}

impl Serialize for Element {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Class<'a>(&'a Element);

        impl Serialize for Class<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let Self(Element {
                    event_type,
                    payload,
                }) = self;
                let mut class = serializer.serialize_map(Some(1))?;
                class.serialize_entry(event_type.class().as_str(), payload)?;
                class.end()
            }
        }

        let mut element = serializer.serialize_map(Some(1))?;
        element.serialize_entry("msys", &Class(self))?;
        element.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use event_model::sparkpost::parse_batch;
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-11-01 0:00 UTC);
    const OPTIONS: GeneratorOptions = GeneratorOptions {
        start: START,
        span: Duration::from_hours(24),
        total: 20_000,
    };

    #[test]
    fn same_seed_gives_the_same_bytes_and_another_seed_other_events() {
        let body = |seed| Generator::new(seed, OPTIONS).batch(200);
        let ids = |body: &[u8]| -> HashSet<_> {
            let batch = parse_batch(body, START);
            batch.events.iter().map(|event| event.key).collect()
        };

        assert_eq!(body(1), body(1));
        assert_eq!(ids(&body(1)).len(), 200);
        assert!(ids(&body(1)).is_disjoint(&ids(&body(2))));
    }

    #[test]
    fn bytes_are_the_same_on_every_machine() {
        let body = Generator::new(1, OPTIONS).batch(1);

        insta::assert_snapshot!(String::from_utf8(body).unwrap());
    }

    #[test]
    fn every_event_parses_in_the_documented_mix_and_size_within_the_span() {
        let mut generator = Generator::new(7, OPTIONS);
        let mut counts: HashMap<String, usize> = HashMap::new();
        let mut bytes = 0;
        for _ in 0..20 {
            let body = generator.batch(1_000);
            bytes += body.len();
            let batch = parse_batch(&body, START + OPTIONS.span);

            assert!(batch.rejected.is_empty(), "{:?}", batch.rejected);
            assert_eq!(batch.sanitized, 0);
            for event in &batch.events {
                let at = event.timestamp.to_time();
                assert!(at >= START - time::Duration::SECOND * 30 && at < START + OPTIONS.span);
                *counts.entry(event.event_type.to_string()).or_default() += 1;
            }
        }

        assert_eq!(generator.generated(), 20_000);
        assert!(
            (1_300..1_500).contains(&(bytes / 20_000)),
            "{} bytes an event",
            bytes / 20_000
        );
        for (event_type, share) in TYPE_MIX {
            let found = counts.get(event_type.as_str()).copied().unwrap_or(0);
            let expected = usize::try_from(share).unwrap() * 20;
            assert!(
                found.abs_diff(expected) <= expected / 5 + 20,
                "{event_type}: {found}"
            );
        }
    }

    #[test]
    fn shares_of_types_add_up() {
        assert_eq!(TYPE_MIX.iter().map(|(_, share)| share).sum::<u64>(), 1_000);
    }

    #[test]
    fn mail_goes_to_many_people_at_few_domains() {
        let body = Generator::new(3, OPTIONS).batch(20_000);
        let batch = parse_batch(&body, START + OPTIONS.span);
        let distinct = |of: fn(&event_model::sparkpost::Event<'_>) -> Option<String>| {
            batch
                .events
                .iter()
                .filter_map(of)
                .collect::<HashSet<_>>()
                .len()
        };

        assert!(distinct(|event| event.rcpt_to.as_deref().map(str::to_owned)) > 5_000);
        assert!(distinct(|event| event.transmission_id.as_deref().map(str::to_owned)) > 1_000);
        let domains = distinct(|event| event.recipient_domain.as_deref().map(str::to_owned));
        assert!((300..2_000).contains(&domains), "{domains}");
        let at_gmail = batch
            .events
            .iter()
            .filter(|event| event.recipient_domain.as_deref() == Some("gmail.example"))
            .count();
        assert!((8_000..9_600).contains(&at_gmail), "{at_gmail}");
    }
}
