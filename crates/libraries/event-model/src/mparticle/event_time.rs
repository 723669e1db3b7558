//! The time of an event, from the body and its arrival only, so that every reader computes the same.

use std::ops::RangeInclusive;

use super::{Batch, EventData, Field, Kind};
use crate::{Timestamp, instant_from_number, read_instant};

/// Times before 2010 are invalid: mParticle is younger, so they come from a wrong clock.
pub const ACCEPTED_FROM_MS: i64 = 1_262_304_000_000;

/// How far ahead of its arrival an event's time may be: a client's clock may be wrong by a zone. Anything later is not a time,
/// and the lake's partitions end there too.
pub const ACCEPTED_AHEAD_MS: i64 = 24 * 60 * 60 * 1_000;

/// The accepted times of an event that arrived at `sent_at_ms`, milliseconds since the Unix epoch.
pub fn accepted_times(sent_at_ms: i64) -> RangeInclusive<i64> {
    ACCEPTED_FROM_MS..=sent_at_ms.saturating_add(ACCEPTED_AHEAD_MS)
}

impl EventData<'_> {
    /// The first of the event's own time and its batch's that is one of `accepted`, in milliseconds since the Unix epoch, and
    /// whether it is the event's own.
    pub fn time_ms(
        &self,
        batch: &Batch<'_>,
        accepted: &RangeInclusive<i64>,
    ) -> Option<(i64, bool)> {
        let own = read(self.timestamp_unixtime_ms, accepted).map(|ms| (ms, true));
        own.or_else(|| Some((batch.time_ms(accepted)?, false)))
    }
}

impl Batch<'_> {
    /// The batch's time, if it is one of `accepted`, in milliseconds since the Unix epoch.
    pub fn time_ms(&self, accepted: &RangeInclusive<i64>) -> Option<i64> {
        read(self.timestamp_unixtime_ms, accepted)
    }
}

/// A field for milliseconds may have seconds, or text instead of a number; every readable time is accepted.
fn read(field: Field<'_>, accepted: &RangeInclusive<i64>) -> Option<i64> {
    let instant = match field.kind() {
        Kind::Number => instant_from_number(field.json()?.parse().ok()?),
        Kind::String => read_instant(field.string()?.trim()),
        Kind::Absent | Kind::Boolean | Kind::Array | Kind::Object => None,
    };
    let ms = instant.map(Timestamp::unix_millis)?;
    accepted.contains(&ms).then_some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT_AT_MS: i64 = 1_700_000_000_000;

    fn own_time(json: &str) -> Option<i64> {
        let event = format!(r#"{{"timestamp_unixtime_ms":{json}}}"#);
        let data: EventData<'_> = serde_json::from_str(&event).unwrap();
        data.time_ms(&Batch::default(), &accepted_times(SENT_AT_MS))
            .map(|(ms, _)| ms)
    }

    #[test]
    fn whatever_is_a_time_is_one() {
        for (json, ms) in [
            ("1402521613976", 1_402_521_613_976),
            (r#""1402521613976""#, 1_402_521_613_976),
            ("1516298443", 1_516_298_443_000),
            ("1402521613976000", 1_402_521_613_976),
            ("1402521613.976", 1_402_521_613_976),
            (r#"" 2014-06-11T21:20:13.976Z ""#, 1_402_521_613_976),
        ] {
            assert_eq!(own_time(json), Some(ms), "{json}");
        }
    }

    #[test]
    fn what_cannot_be_its_time_is_none() {
        let late = (SENT_AT_MS + ACCEPTED_AHEAD_MS + 1).to_string();
        for json in [
            "null",
            "0",
            "-5",
            r#""yesterday""#,
            "4102444800000",
            "18446744073709551615",
            "true",
            "[]",
            &late,
        ] {
            assert_eq!(own_time(json), None, "{json}");
        }
        assert!(own_time(&(SENT_AT_MS + ACCEPTED_AHEAD_MS).to_string()).is_some());
    }
}
