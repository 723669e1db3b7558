//! Product events as clients post them to `/track`: one per line.

mod article;
mod click;

use std::{num::NonZeroU64, time::Duration};

use time::OffsetDateTime;

use crate::random::{Random, scramble};

/// The kind of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The published generator's events: logins of a few people, three keys, 68 bytes.
    Article,
    /// A shop's click stream: ids, pages, devices and places, 400 bytes.
    Click,
}

impl Shape {
    /// The default number of different people.
    pub const fn default_people(self) -> NonZeroU64 {
        let people = match self {
            // 21 names and a digit.
            Self::Article => 210,
            Self::Click => 2_000_000,
        };
        NonZeroU64::new(people).expect("not zero")
    }
}

/// Options: whose events, when, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratorOptions {
    /// The kind of events.
    pub shape: Shape,
    /// How many different people there are.
    pub people: NonZeroU64,
    /// The time of the first event.
    pub start: OffsetDateTime,
    /// The time from the first event to the last.
    pub span: Duration,
    /// The number of events in the span. Further events continue after it at the same rate.
    pub total: u64,
}

/// Generates events. The same seed, options and sizes give the same bytes.
#[derive(Clone, Debug)]
pub struct Generator {
    random: Random,
    options: GeneratorOptions,
    generated: u64,
}

impl Generator {
    /// A generator at its first event.
    pub fn new(seed: u64, options: GeneratorOptions) -> Self {
        Self {
            random: Random::new(scramble(seed)),
            options,
            generated: 0,
        }
    }

    /// The next `count` events as the body of one request: JSON, one event per line.
    pub fn batch(&mut self, count: usize) -> Vec<u8> {
        let mut body = Vec::new();
        for _ in 0..count {
            let at = self.next_time();
            let (random, people) = (&mut self.random, self.options.people.get());
            match self.options.shape {
                Shape::Article => article::write(&mut body, random, people, at),
                Shape::Click => click::write(&mut body, random, people, at),
            }
            body.push(b'\n');
        }
        body
    }

    fn next_time(&mut self) -> OffsetDateTime {
        let span_micros = self.options.span.as_micros();
        let passed =
            span_micros * u128::from(self.generated) / u128::from(self.options.total.max(1));
        self.generated += 1;
        let passed = Duration::from_micros(u64::try_from(passed).unwrap_or(u64::MAX));
        self.options.start + passed
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;
    use time::macros::datetime;

    use super::*;

    fn options(shape: Shape) -> GeneratorOptions {
        GeneratorOptions {
            shape,
            people: shape.default_people(),
            start: datetime!(2026-11-20 0:00 UTC),
            span: Duration::from_hours(1),
            total: 2_000,
        }
    }

    fn events(shape: Shape, count: usize) -> Vec<Value> {
        let body = Generator::new(1, options(shape)).batch(count);
        let text = String::from_utf8(body).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn distinct(events: &[Value], key: &str) -> usize {
        let values = events.iter().map(|event| event[key].to_string());
        values.collect::<HashSet<_>>().len()
    }

    #[test]
    fn bytes_are_the_same_on_every_machine() {
        let first = |shape| {
            let body = Generator::new(1, options(shape)).batch(1);
            String::from_utf8(body).unwrap()
        };

        insta::assert_snapshot!(first(Shape::Article) + &first(Shape::Click));
    }

    #[test]
    fn article_has_one_event_of_210_people() {
        let events = events(Shape::Article, 2_000);

        assert_eq!(distinct(&events, "event"), 1);
        assert_eq!(distinct(&events, "userId"), 210);
        assert_eq!(events[0]["dateTime"], "2026-11-20 00:00:00");
        assert_eq!(events[1_000]["dateTime"], "2026-11-20 00:30:00");
    }

    #[test]
    fn clicks_have_ids_of_their_own_and_many_people_of_whom_some_come_often() {
        let events = events(Shape::Click, 2_000);

        assert_eq!(distinct(&events, "eventId"), 2_000);
        assert_eq!(distinct(&events, "event"), 7);
        let people = distinct(&events, "userId");
        assert!((900..1_900).contains(&people), "{people}");
        let bytes = Generator::new(1, options(Shape::Click)).batch(1_000).len();
        assert!((380_000..430_000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn number_of_people_is_the_one_asked_for() {
        for shape in [Shape::Article, Shape::Click] {
            let options = GeneratorOptions {
                people: NonZeroU64::new(5).unwrap(),
                ..options(shape)
            };
            let body = Generator::new(3, options).batch(500);
            let people: HashSet<String> = String::from_utf8(body)
                .unwrap()
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()["userId"].to_string())
                .collect();

            assert_eq!(people.len(), 5, "{shape:?}");
        }
    }
}
