//! When an event happened.

use event_model::mparticle::{Batch, EventData, accepted_times};

/// What is known about the arrival of a body. All times are milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When the body was received.
    pub sent_at_ms: i64,
    /// The time now.
    pub now_ms: i64,
    /// The oldest that an event may be; `None` for any age.
    pub max_age_ms: Option<i64>,
}

/// The time of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventTime {
    /// Milliseconds since the Unix epoch.
    pub(super) ms: i64,
    /// Whether it is the event's own, and not its batch's or its arrival's.
    pub(super) is_own: bool,
}

impl Arrival {
    /// The time of an event: its own, else its batch's, else its arrival.
    pub(super) fn event_time(&self, data: &EventData<'_>, batch: &Batch<'_>) -> EventTime {
        let (ms, is_own) = data
            .time_ms(batch, &accepted_times(self.sent_at_ms))
            .unwrap_or((self.sent_at_ms, false));
        EventTime { ms, is_own }
    }

    /// The time of a batch: its own, else its arrival.
    pub(super) fn batch_time_ms(&self, batch: &Batch<'_>) -> i64 {
        batch
            .time_ms(&accepted_times(self.sent_at_ms))
            .unwrap_or(self.sent_at_ms)
    }

    /// Whether an event of this time is too old to be sent.
    pub(super) fn is_too_old(&self, at_ms: i64) -> bool {
        self.max_age_ms
            .is_some_and(|max_age_ms| self.now_ms.saturating_sub(at_ms) > max_age_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_700_000_000_000;
    const ARRIVAL: Arrival = Arrival {
        sent_at_ms: NOW_MS - 5,
        now_ms: NOW_MS,
        max_age_ms: None,
    };

    fn time_of(event: &str, batch: &str) -> i64 {
        let data: EventData<'_> = serde_json::from_str(event).unwrap();
        let batch: Batch<'_> = serde_json::from_str(batch).unwrap();
        ARRIVAL.event_time(&data, &batch).ms
    }

    #[test]
    fn missing_or_impossible_time_falls_back_to_batch_then_arrival() {
        for event in [
            "{}",
            r#"{"timestamp_unixtime_ms":null}"#,
            r#"{"timestamp_unixtime_ms":0}"#,
            r#"{"timestamp_unixtime_ms":-5}"#,
            r#"{"timestamp_unixtime_ms":"yesterday"}"#,
            r#"{"timestamp_unixtime_ms":4102444800000}"#,
            r#"{"timestamp_unixtime_ms":18446744073709551615}"#,
        ] {
            assert_eq!(
                time_of(event, r#"{"timestamp_unixtime_ms":"1634262037939"}"#),
                1_634_262_037_939
            );
            assert_eq!(time_of(event, "{}"), NOW_MS - 5);
        }
    }

    #[test]
    fn age_is_unlimited_unless_set() {
        let day = Arrival {
            max_age_ms: Some(86_400_000),
            ..ARRIVAL
        };

        assert!(!ARRIVAL.is_too_old(0));
        assert!(day.is_too_old(NOW_MS - 86_400_001));
        assert!(!day.is_too_old(NOW_MS - 86_400_000));
    }
}
