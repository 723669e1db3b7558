//! Times as trackers write them, to milliseconds since the Unix epoch, UTC.

use time::{Date, Duration, Month, OffsetDateTime};

/// The last instant of the last year of four digits.
pub(crate) const LAST: i64 = 253_402_300_799_999;

const DAY_MS: i64 = 86_400_000;
const UNIX_EPOCH_JULIAN_DAY: i64 = 2_440_588;

/// Numbers from here on are milliseconds, smaller ones seconds: as seconds this is the year 5138, as milliseconds 1973.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

/// Reads times, remembering the last date: neighbours in a stream share it.
#[derive(Debug)]
pub(crate) struct InstantReader {
    last_date: [u8; 10],
    last_day_ms: i64,
}

impl Default for InstantReader {
    fn default() -> Self {
        Self {
            last_date: *b"1970-01-01",
            last_day_ms: 0,
        }
    }
}

impl InstantReader {
    /// `YYYY-MM-DD`, then nothing or a time after a space or a `T`: `HH:MM`, `HH:MM:SS`, and up to nine decimals of which
    /// three count; then nothing, `Z`, or an offset `±HH:MM`, `±HHMM`, `±HH`. Without an offset it is UTC. Or a number as
    /// [`from_number`] takes it, as `SparkPost` writes its timestamps.
    pub(crate) fn read(&mut self, text: &str) -> Option<i64> {
        if is_number(text) {
            return text.parse().ok().and_then(from_number);
        }
        let (date, rest) = text.as_bytes().split_first_chunk::<10>()?;
        let day_ms = if *date == self.last_date {
            self.last_day_ms
        } else {
            let day_ms = date_ms(*date)?;
            (self.last_date, self.last_day_ms) = (*date, day_ms);
            day_ms
        };
        match rest {
            [] => Some(day_ms),
            [b' ' | b'T' | b't', time @ ..] => Some(day_ms + time_ms(time)?),
            _ => None,
        }
    }
}

/// Whether a text is a number of seconds from 1973 on. A shorter one is something else, such as the date 20260102.
fn is_number(text: &str) -> bool {
    let whole = text.bytes().take_while(u8::is_ascii_digit).count();
    let (_, rest) = text.as_bytes().split_at(whole);
    whole >= 9
        && match rest {
            [] => true,
            [b'.', decimals @ ..] => decimals.iter().all(u8::is_ascii_digit),
            _ => false,
        }
}

/// Seconds or milliseconds since the epoch.
pub(crate) fn from_number(number: f64) -> Option<i64> {
    // As far as the lake's days go: four digits of a year.
    const LIMIT_MS: f64 = 253_402_300_800_000.0;
    #[expect(clippy::cast_precision_loss, reason = "a small power of ten is exact")]
    let ms = if number.abs() < FIRST_MILLISECONDS as f64 {
        number * 1000.0
    } else {
        number
    };
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the line above")]
    (ms.abs() < LIMIT_MS).then(|| ms.round() as i64)
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

fn date_ms([y1, y2, y3, y4, b1, m1, m2, b2, d1, d2]: [u8; 10]) -> Option<i64> {
    if (b1, b2) != (b'-', b'-') {
        return None;
    }
    let year = two_digits(y1, y2)? * 100 + two_digits(y3, y4)?;
    let month = u8::try_from(two_digits(m1, m2)?).ok()?;
    let day = u8::try_from(two_digits(d1, d2)?).ok()?;
    let date =
        Date::from_calendar_date(i32::try_from(year).ok()?, Month::try_from(month).ok()?, day);
    date.ok().map(start_of)
}

fn time_ms(text: &[u8]) -> Option<i64> {
    let (hour, minute, rest) = match text {
        [h1, h2, b':', m1, m2, rest @ ..] => (two_digits(*h1, *h2)?, two_digits(*m1, *m2)?, rest),
        _ => return None,
    };
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (two_digits(*s1, *s2)?, rest),
        rest => (0, rest),
    };
    let (ms, rest) = match rest {
        [b'.' | b',', decimals @ ..] => decimals_ms(decimals)?,
        rest => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(((hour * 60 + minute) * 60 + second) * 1000 + ms - offset_ms(rest)?)
}

/// Milliseconds of one to nine decimals, and what follows them.
fn decimals_ms(text: &[u8]) -> Option<(i64, &[u8])> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&len) {
        return None;
    }
    let (decimals, rest) = text.split_at(len);
    let ms = (0..3).fold(0, |ms, place| {
        let digit = decimals.get(place).map_or(0, |byte| byte - b'0');
        ms * 10 + i64::from(digit)
    });
    Some((ms, rest))
}

fn offset_ms(text: &[u8]) -> Option<i64> {
    let (sign, hour, minute) = match text {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign, h1, h2] => (sign, two_digits(*h1, *h2)?, 0),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => {
            (sign, two_digits(*h1, *h2)?, two_digits(*m1, *m2)?)
        }
        _ => return None,
    };
    // The largest offsets in use are below 15 hours.
    let ms = (hour <= 18 && minute <= 59).then_some((hour * 60 + minute) * 60_000)?;
    match sign {
        b'+' => Some(ms),
        b'-' => Some(-ms),
        _ => None,
    }
}

fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::datetime};

    use super::*;

    fn read(text: &str) -> Option<i64> {
        InstantReader::default().read(text)
    }

    fn ms(instant: OffsetDateTime) -> i64 {
        i64::try_from(instant.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap()
    }

    #[test]
    fn forms_that_trackers_use() {
        for (text, expected) in [
            ("2026-01-02 03:04:05", datetime!(2026-01-02 03:04:05 UTC)),
            ("2026-01-02T03:04:05Z", datetime!(2026-01-02 03:04:05 UTC)),
            (
                "2026-01-02T03:04:05.6Z",
                datetime!(2026-01-02 03:04:05.6 UTC),
            ),
            (
                "2026-01-02t03:04:05.067z",
                datetime!(2026-01-02 03:04:05.067 UTC),
            ),
            (
                "2026-01-02T03:04:05.067999999",
                datetime!(2026-01-02 03:04:05.067 UTC),
            ),
            (
                "2026-01-02T03:04:05,5+02:00",
                datetime!(2026-01-02 01:04:05.5 UTC),
            ),
            ("2026-01-02T03:04-0330", datetime!(2026-01-02 06:34 UTC)),
            ("2026-01-02T03:04+01", datetime!(2026-01-02 02:04 UTC)),
            ("2026-01-02", datetime!(2026-01-02 00:00 UTC)),
            (
                "1969-12-31T23:59:59.999Z",
                datetime!(1969-12-31 23:59:59.999 UTC),
            ),
            ("2024-02-29 00:00:00", datetime!(2024-02-29 00:00 UTC)),
            ("1460989507", datetime!(2016-04-18 14:25:07 UTC)),
            ("1460989507.25", datetime!(2016-04-18 14:25:07.25 UTC)),
            ("1460989507250", datetime!(2016-04-18 14:25:07.25 UTC)),
        ] {
            assert_eq!(read(text), Some(ms(expected)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "yesterday",
            "2026-1-2",
            "2026-02-30",
            "2026-13-01",
            "2026-01-02 ",
            "2026-01-02T",
            "2026-01-02T24:00",
            "2026-01-02T03:60",
            "2026-01-02T03:04:60",
            "2026-01-02T03:04:05.",
            "2026-01-02T03:04:05.1234567890",
            "2026-01-02T03:04:05 Z",
            "2026-01-02T03:04:05+25:00",
            "2026-01-02T03:04:05+1",
            "2026/01/02",
            "20260102",
            "1460989507.2.5",
            "1460989507 s",
            "+026-01-02",
            "\0\0\0\0\0\0\0\0\0\0",
            "2026-01-02x03:04",
            "２０２６-01-02",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_wrong_date_is_not_remembered() {
        let mut reader = InstantReader::default();

        assert_eq!(reader.read("2026-02-30 00:00:00"), None);
        assert_eq!(reader.read("2026-02-30 00:00:00"), None);
        assert_eq!(reader.read("2026-02-28"), reader.read("2026-02-28 00:00"));
    }

    #[test]
    fn numbers_are_seconds_or_milliseconds() {
        assert_eq!(from_number(1_767_225_600.0), Some(1_767_225_600_000));
        assert_eq!(from_number(1_767_225_600.123), Some(1_767_225_600_123));
        assert_eq!(from_number(1_767_225_600_250.0), Some(1_767_225_600_250));
        assert_eq!(from_number(0.0), Some(0));
        assert_eq!(from_number(1e300), None);
        assert_eq!(from_number(f64::NAN), None);
    }

    proptest! {
        #[test]
        fn what_rfc_3339_writes_is_read(seconds in -62_135_596_800_i64..253_402_300_799, nanos in 0_u32..1_000_000_000, offset in -14_i8..=14) {
            let instant = OffsetDateTime::from_unix_timestamp(seconds).unwrap().replace_nanosecond(nanos).unwrap();
            let local = instant.checked_to_offset(time::UtcOffset::from_hms(offset, 0, 0).unwrap());
            prop_assume!(local.is_some_and(|local| (0..=9999).contains(&local.year())));

            let text = local.unwrap().format(&Rfc3339).unwrap();

            prop_assert_eq!(read(&text), Some(ms(instant)), "{}", text);
        }

        #[test]
        fn days_and_dates_agree(ms in -62_135_596_800_000_i64..253_402_300_800_000) {
            let date = date_of(day_of(ms)).unwrap();

            prop_assert!((0..DAY_MS).contains(&(ms - start_of(date))));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "[-0-9:TZ.+ ]{0,40}|.{0,20}") {
            read(&text);
        }
    }
}
