//! The zone of times that do not name their own.

use event_model::Timestamp;
use jiff::civil;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// The value of `timezone`. Names are looked up in the compiled-in IANA database, so a response does not depend on the
/// machine's files; a Lambda image may have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Zone {
    Fixed(UtcOffset),
    Named(TimeZone),
}

impl Zone {
    pub(crate) const UTC: Self = Self::Fixed(UtcOffset::UTC);

    /// Reads an IANA name in any case (`America/New_York`, `utc`), `Z`, or an offset (`+02:00`).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if matches!(text, "Z" | "z" | "UTC") {
            return Some(Self::UTC);
        }
        if let Some(offset) = parse_offset(text) {
            return Some(Self::Fixed(offset));
        }
        TimeZoneDatabase::bundled().get(text).ok().map(Self::Named)
    }

    /// The instant at which a clock in this zone shows `local`; `None` outside the years 0 to 9999.
    ///
    /// When clocks are set forward, the skipped hour is read with the offset from before; when they are set back, the
    /// first of the two hours is meant.
    pub(crate) fn at(&self, local: PrimitiveDateTime) -> Option<Timestamp> {
        let unix_nanos = match self {
            Self::Fixed(offset) => local.assume_offset(*offset).unix_timestamp_nanos(),
            Self::Named(zone) => zone.to_timestamp(to_civil(local)?).ok()?.as_nanosecond(),
        };
        Timestamp::from_unix_micros(i64::try_from(unix_nanos.div_euclid(1_000)).ok()?)
    }
}

impl Zone {
    /// The instant as a clock in this zone shows it, to the minute of its offset; in UTC if that would be outside the
    /// years 0 to 9999.
    pub(crate) fn show(&self, instant: Timestamp) -> OffsetDateTime {
        let time = instant.to_time();
        let seconds = match self {
            Self::Fixed(offset) => offset.whole_seconds(),
            Self::Named(zone) => jiff::Timestamp::from_microsecond(instant.unix_micros())
                .map_or(0, |instant| zone.to_offset(instant).seconds()),
        };
        // Offsets of seconds are from before there were time zones, and ISO 8601 has no form for them.
        UtcOffset::from_whole_seconds(seconds / 60 * 60)
            .ok()
            .and_then(|offset| time.checked_to_offset(offset))
            .filter(|shown| (0..=9_999).contains(&shown.year()))
            .unwrap_or(time)
    }

    /// Whether the zone has a fixed offset, so that all days have 24 hours.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }

    /// Postgres's name for this zone. Its sign is that of POSIX, which is reversed.
    pub(crate) fn postgres_name(&self) -> String {
        match self {
            Self::Fixed(offset) => {
                let (hours, minutes, _) = offset.as_hms();
                let sign = if offset.is_negative() { '+' } else { '-' };
                format!(
                    "<cistern>{sign}{:02}:{:02}",
                    hours.unsigned_abs(),
                    minutes.unsigned_abs()
                )
            }
            Self::Named(zone) => zone.iana_name().unwrap_or("UTC").to_owned(),
        }
    }
}

fn to_civil(local: PrimitiveDateTime) -> Option<civil::DateTime> {
    civil::DateTime::new(
        i16::try_from(local.year()).ok()?,
        i8::try_from(u8::from(local.month())).ok()?,
        i8::try_from(local.day()).ok()?,
        i8::try_from(local.hour()).ok()?,
        i8::try_from(local.minute()).ok()?,
        i8::try_from(local.second()).ok()?,
        i32::try_from(local.nanosecond()).ok()?,
    )
    .ok()
}

/// Reads `+HH:MM`, `+HHMM` or `+HH`, or the same with `-`; a space is a `+` that went through form decoding.
pub(crate) fn parse_offset(text: &str) -> Option<UtcOffset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+" | " ", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2)?,
        5 => digits.split_once(':')?,
        _ => return None,
    };
    let hours = sign * two_digits(hours)?;
    let minutes = sign * two_digits(minutes)?;

    // `from_hms` would accept 25 hours, an offset that no zone has.
    if hours.abs() > 23 {
        None
    } else {
        UtcOffset::from_hms(hours, minutes, 0).ok()
    }
}

fn two_digits(text: &str) -> Option<i8> {
    let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());

    if is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn offsets() {
        for (text, minutes) in [
            ("+02:00", 120),
            ("-0530", -330),
            (" 01", 60),
            ("-00:30", -30),
        ] {
            assert_eq!(
                parse_offset(text).map(UtcOffset::whole_minutes),
                Some(minutes),
                "{text}"
            );
        }
        for text in [
            "", "+", "02:00", "+2", "+2:00", "+24:00", "+02:60", "+0200Z", "++2", "+é",
        ] {
            assert_eq!(parse_offset(text), None, "{text}");
        }
    }

    #[test]
    fn names_in_any_case_and_nothing_else() {
        for text in [
            "UTC",
            "utc",
            "Etc/UTC",
            "GMT",
            "Z",
            "Europe/Berlin",
            "asia/kolkata",
            "+00:00",
        ] {
            assert!(Zone::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "Mars/Olympus",
            "../../etc/passwd",
            "UTC'; drop table email_events",
        ] {
            assert!(Zone::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn postgres_is_told_the_zone_in_its_own_way() {
        let name = |text| Zone::parse(text).unwrap().postgres_name();

        assert_eq!(name("america/new_york"), "America/New_York");
        assert_eq!(name("Z"), "<cistern>-00:00");
        assert_eq!(name("+05:30"), "<cistern>-05:30");
        assert_eq!(name("-00:30"), "<cistern>+00:30");
    }

    #[test]
    fn hours_that_clocks_skip_or_repeat() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let at = |local| berlin.at(local).unwrap().to_time();

        assert_eq!(
            at(datetime!(2022-03-27 02:30)),
            datetime!(2022-03-27 01:30 UTC)
        );
        assert_eq!(
            at(datetime!(2022-10-30 02:30)),
            datetime!(2022-10-30 00:30 UTC)
        );
    }
}
