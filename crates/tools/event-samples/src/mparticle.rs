//! Batches as mParticle's webhook posts them: each with the events of one user, in the outbound form.

mod event;

use serde::Serialize;
use time::OffsetDateTime;

use self::event::Event;
use crate::{
    random::{Random, choose, scramble},
    sparkpost::GeneratorOptions,
};

/// How many users the app has.
const USERS: u64 = 20_000;
const PLATFORMS: [(&str, &str); 3] = [("iOS", "19.1"), ("Android", "17"), ("iOS", "18.7")];
const VERSIONS: [&str; 3] = ["4.2.0", "4.1.3", "4.2.0"];

/// Generates batches. The same seed, options and sizes give the same bytes. Generators with different seeds share no event.
#[derive(Clone, Debug)]
pub struct Generator {
    random: Random,
    options: GeneratorOptions,
    /// Makes the ids of two seeds differ.
    salt: u64,
    generated: u64,
    batches: u64,
}

/// The outbound form of a batch (<https://docs.mparticle.com/developers/server/json-reference/>).
#[derive(Serialize)]
struct Body {
    events: Vec<Event>,
    device_info: DeviceInfo,
    application_info: ApplicationInfo,
    user_attributes: UserAttributes,
    user_identities: [UserIdentity; 2],
    environment: &'static str,
    mpid: i64,
    batch_id: i64,
    message_id: String,
    message_type: &'static str,
    schema_version: u8,
    timestamp_unixtime_ms: i64,
}

#[derive(Serialize)]
struct DeviceInfo {
    platform: &'static str,
    os_version: &'static str,
    locale_language: &'static str,
    locale_country: &'static str,
    timezone_offset: i8,
}

#[derive(Serialize)]
struct ApplicationInfo {
    application_name: &'static str,
    application_version: &'static str,
    package: &'static str,
    os: &'static str,
}

#[derive(Serialize)]
struct UserAttributes {
    favourite_tea: &'static str,
    cups_a_day: String,
}

#[derive(Serialize)]
struct UserIdentity {
    identity_type: &'static str,
    identity: String,
    timestamp_unixtime_ms: i64,
}

impl Generator {
    /// A generator at its first event.
    pub fn new(seed: u64, options: GeneratorOptions) -> Self {
        let mut random = Random::new(scramble(seed ^ 0x006D_5061_7274));
        Self {
            options,
            salt: random.bits(),
            generated: 0,
            batches: 0,
            random,
        }
    }

    /// The next `count` events as the body of one POST, about 0.6 KB per event and 0.9 KB per batch.
    pub fn batch(&mut self, count: usize) -> Vec<u8> {
        self.batches += 1;
        let user = self.random.below(USERS);
        let session = scramble(self.salt ^ scramble(self.batches));
        let events = (0..count).map(|_| self.next_event(session)).collect();
        let (platform, os_version) = choose(&PLATFORMS, user);
        let now_ms = self.now_ms();
        let identity = |identity_type, identity| UserIdentity {
            identity_type,
            identity,
            timestamp_unixtime_ms: now_ms,
        };
        let body = Body {
            events,
            device_info: DeviceInfo {
                platform,
                os_version,
                locale_language: "en",
                locale_country: "GB",
                timezone_offset: 0,
            },
            application_info: ApplicationInfo {
                application_name: "Teatime",
                application_version: choose(&VERSIONS, user),
                package: "example.teatime",
                os: platform,
            },
            user_attributes: UserAttributes {
                favourite_tea: choose(&["Assam", "Sencha", "Oolong", "Earl Grey"], user),
                cups_a_day: (1 + user % 9).to_string(),
            },
            user_identities: [
                identity("customer_id", format!("user-{user}")),
                identity("email", format!("user-{user}@people.example")),
            ],
            environment: "production",
            // Numbers like mParticle's: 64 bits, signed.
            mpid: scramble(user).cast_signed(),
            batch_id: session.cast_signed(),
            message_id: uuid(self.salt, session),
            message_type: "events",
            schema_version: 2,
            timestamp_unixtime_ms: now_ms,
        };
        serde_json::to_vec(&body).expect("writing to memory cannot fail")
    }

    /// How many events were generated so far.
    pub fn generated(&self) -> u64 {
        self.generated
    }

    fn next_event(&mut self, session: u64) -> Event {
        let now_ms = self.now_ms();
        self.generated += 1;
        let id = scramble(self.salt.wrapping_add(self.generated));
        Event::draw(&mut self.random, id, session, now_ms)
    }

    /// The scheduled time of the next event, in milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64 {
        let GeneratorOptions { start, span, total } = self.options;
        let passed_ms = span.as_millis() * u128::from(self.generated) / u128::from(total.max(1));
        unix_ms(start).saturating_add(i64::try_from(passed_ms).unwrap_or(i64::MAX))
    }
}

fn unix_ms(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// An id in the form of a random UUID (version 4).
fn uuid(high: u64, low: u64) -> String {
    let high = (high & !0xF000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    )
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, time::Duration};

    use event_mapping::{Arrival, DryRun, Mapper, MappingConfig, dry_run};
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-11-01 0:00 UTC);
    const OPTIONS: GeneratorOptions = GeneratorOptions {
        start: START,
        span: Duration::from_hours(24),
        total: 2_000,
    };

    fn map(mapping: &str, body: &[u8]) -> DryRun {
        let mapper = Mapper::new(MappingConfig::from_json(mapping).unwrap()).unwrap();
        let arrival = Arrival {
            sent_at_ms: unix_ms(START),
            now_ms: unix_ms(START),
            max_age_ms: None,
        };
        dry_run(&mapper, str::from_utf8(body).unwrap(), &arrival)
    }

    #[test]
    fn same_seed_gives_the_same_bytes_and_another_seed_other_events() {
        let body = |seed| Generator::new(seed, OPTIONS).batch(20);

        assert_eq!(body(1), body(1));
        assert_ne!(body(1), body(2));
    }

    #[test]
    fn bytes_are_the_same_on_every_machine() {
        let body = Generator::new(1, OPTIONS).batch(1);

        insta::assert_snapshot!(String::from_utf8(body).unwrap());
    }

    #[test]
    fn every_event_is_one_that_the_mapping_knows_under_an_id_of_its_own() {
        let mut generator = Generator::new(7, OPTIONS);
        let (mut sent, mut sent_in_gap) = (0, 0);
        let mut ids = HashSet::new();
        for _ in 0..200 {
            let body = generator.batch(10);
            let everything = map(r#"{"scope":"everything"}"#, &body);

            assert!(everything.rejected.is_empty(), "{:?}", everything.rejected);
            sent += everything.sent;
            sent_in_gap += map("{}", &body).sent;
            for event in everything.events {
                let request = event.request.map(|request| request.to_string());
                let id = request.and_then(|text| {
                    let value: serde_json::Value = serde_json::from_str(&text).ok()?;
                    value["id"].as_str().map(str::to_owned)
                });
                assert!(id.is_none_or(|id| ids.insert(id)));
            }
        }

        assert_eq!(generator.generated(), 2_000);
        assert!((1_850..2_000).contains(&sent), "{sent}");
        assert!((1_200..1_700).contains(&sent_in_gap), "{sent_in_gap}");
    }

    #[test]
    fn ids_have_the_form_of_random_uuids() {
        assert_eq!(
            uuid(u64::MAX, u64::MAX),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_eq!(uuid(0, 0), "00000000-0000-4000-8000-000000000000");
    }
}
