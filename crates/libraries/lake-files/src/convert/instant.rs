//! Instants as the lake has them, milliseconds since the Unix epoch, UTC, and their days.

use event_model::Timestamp;
use time::{Date, Duration, OffsetDateTime};

/// The last instant of the last year of four digits.
pub(crate) const LAST: i64 = 253_402_300_799_999;

const DAY_MS: i64 = 86_400_000;
const UNIX_EPOCH_JULIAN_DAY: i64 = 2_440_588;

/// The instant that a JSON number means.
pub(crate) fn from_number(number: f64) -> Option<i64> {
    event_model::instant_from_number(number).map(Timestamp::unix_millis)
}

/// A time, cut to milliseconds.
pub(crate) fn from_time(time: OffsetDateTime) -> i64 {
    time.unix_timestamp() * 1000 + i64::from(time.millisecond())
}

/// A span, cut to milliseconds.
pub(crate) fn from_duration(duration: Duration) -> i64 {
    duration.whole_seconds().saturating_mul(1000)
}

/// The UTC day that holds an instant, in days since the epoch.
pub(crate) fn day_of(ms: i64) -> i64 {
    ms.div_euclid(DAY_MS)
}

/// The date of a day counted from the epoch. `None` beyond four digits of a year.
pub(crate) fn date_of(day: i64) -> Option<Date> {
    let julian = i32::try_from(day.checked_add(UNIX_EPOCH_JULIAN_DAY)?).ok()?;
    Date::from_julian_day(julian)
        .ok()
        .filter(|date| (0..=9999).contains(&date.year()))
}

/// The first instant of a date.
pub(crate) fn start_of(date: Date) -> i64 {
    (i64::from(date.to_julian_day()) - UNIX_EPOCH_JULIAN_DAY) * DAY_MS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn days_and_dates_agree(ms in -62_135_596_800_000_i64..253_402_300_800_000) {
            let date = date_of(day_of(ms)).unwrap();

            prop_assert!((0..DAY_MS).contains(&(ms - start_of(date))));
        }
    }
}
