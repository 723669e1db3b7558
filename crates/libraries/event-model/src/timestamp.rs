//! The instant at which an event happened.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An instant in whole microseconds since the Unix epoch, the resolution of Postgres' `timestamptz`.
///
/// Every value is in the years 0000 to 9999, so it converts to a calendar date and to RFC 3339 without failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Midnight of 0000-01-01, the earliest value.
    pub const MIN: Self = Self(-62_167_219_200_000_000);
    /// The last microsecond of the year 9999, the latest value.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// The instant `micros` microseconds after the Unix epoch; `None` outside the years 0000 to 9999.
    pub const fn from_unix_micros(micros: i64) -> Option<Self> {
        if micros < Self::MIN.0 || micros > Self::MAX.0 {
            None
        } else {
            Some(Self(micros))
        }
    }

    /// The instant `seconds` seconds after the Unix epoch; `None` outside the years 0000 to 9999.
    pub const fn from_unix_seconds(seconds: i64) -> Option<Self> {
        match seconds.checked_mul(1_000_000) {
            Some(micros) => Self::from_unix_micros(micros),
            None => None,
        }
    }

    /// The microsecond of `time`; times before the year 0000 become [`Timestamp::MIN`].
    pub fn from_time(time: OffsetDateTime) -> Self {
        let micros = time.unix_timestamp_nanos().div_euclid(1_000);
        let micros = micros.clamp(i128::from(Self::MIN.0), i128::from(Self::MAX.0));
        Self(i64::try_from(micros).expect("clamped to the range of a Timestamp"))
    }

    /// The same instant in UTC.
    pub fn to_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000)
            .expect("the years 0000 to 9999 are within the range of OffsetDateTime")
    }

    /// The instant, truncated to its second.
    #[must_use]
    pub const fn to_second(self) -> Self {
        // `MIN` is the beginning of a second, so the result is always in range.
        Self(self.0 - self.0.rem_euclid(1_000_000))
    }

    /// Milliseconds since the Unix epoch, finer parts are truncated; negative before the epoch.
    pub const fn unix_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Microseconds since the Unix epoch; negative before it.
    pub const fn unix_micros(self) -> i64 {
        self.0
    }
}

/// RFC 3339 in UTC, with as many decimals as the value needs: `2016-02-02T19:50:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_time().format(&Rfc3339).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn prints_rfc_3339_in_utc() {
        let whole = Timestamp::from_unix_micros(1_454_442_600_000_000).unwrap();
        let fraction = Timestamp::from_unix_micros(1_454_442_600_120_000).unwrap();

        assert_eq!(whole.to_string(), "2016-02-02T19:50:00Z");
        assert_eq!(fraction.to_string(), "2016-02-02T19:50:00.12Z");
    }

    #[test]
    fn bounds_are_the_years_0000_and_9999() {
        assert_eq!(Timestamp::MIN.to_string(), "0000-01-01T00:00:00Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
        assert_eq!(
            Timestamp::from_unix_micros(Timestamp::MAX.unix_micros() + 1),
            None
        );
        assert_eq!(
            Timestamp::from_unix_micros(Timestamp::MIN.unix_micros() - 1),
            None
        );
        assert_eq!(
            Timestamp::from_time(datetime!(-0001-01-01 0:00 UTC)),
            Timestamp::MIN
        );
    }

    #[test]
    fn second_is_the_one_that_has_begun() {
        for (micros, second) in [(0, 0), (999_999, 0), (1_000_000, 1), (-1, -1)] {
            assert_eq!(
                Timestamp::from_unix_micros(micros).map(Timestamp::to_second),
                Timestamp::from_unix_seconds(second)
            );
        }
        assert_eq!(Timestamp::MIN.to_second(), Timestamp::MIN);
    }

    #[test]
    fn keeps_the_instant_of_another_zone() {
        let timestamp = Timestamp::from_time(datetime!(2026-11-21 14:00:00.000_001_9 +2));

        assert_eq!(
            timestamp.to_time(),
            datetime!(2026-11-21 12:00:00.000_001 UTC)
        );
    }
}
