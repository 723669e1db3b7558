//! Times as apps, trackers and servers write them: one reader for the events of all pipelines.
//!
//! A text that can mean two instants is not a time: dates like `01/02/2026`, zones by
//! abbreviation (`CST` is three), too few digits to distinguish seconds from a date. The caller then uses another source, or
//! the arrival, and records which.

mod clock_text;
mod written;

use time::{Date, Month};

use self::clock_text::{time_of_day, two_digits};
use crate::Timestamp;

const DAY_MICROS: i64 = 86_400_000_000;
const SECOND_MICROS: i64 = 1_000_000;
const UNIX_EPOCH_JULIAN_DAY: i64 = 2_440_588;

/// The limits between seconds, milliseconds, microseconds and nanoseconds since 1970. Each is 1973 in the finer unit
/// and the year 5138 in the coarser one.
const FIRST_MILLIS: f64 = 1e11;
const FIRST_MICROS: f64 = 1e14;
const FIRST_NANOS: f64 = 1e17;

/// The fewest digits of a text that is a number of seconds: 1973. Shorter ones have another meaning, such as the date
/// 20260102.
const MIN_EPOCH_DIGITS: usize = 9;

/// Reads times, and caches the last date, which neighbouring events often share.
#[derive(Clone, Debug)]
pub struct InstantReader {
    last_date: [u8; 10],
    last_day: i64,
}

impl Default for InstantReader {
    fn default() -> Self {
        Self {
            last_date: *b"1970-01-01",
            last_day: 0,
        }
    }
}

impl InstantReader {
    /// Reads a text in one of these forms; decimals finer than microseconds are truncated.
    ///
    /// - `YYYY-MM-DD`, then nothing or a time after a space or a `T`: `HH:MM`, `HH:MM:SS`, any number of decimals behind a point
    ///   or a comma; then a zone, or nothing for UTC. The basic form `YYYYMMDDTHHMMSS` alike.
    /// - A zone is `Z`, `UTC`, `GMT`, or an offset `±HH:MM`, `±HHMM`, `±HH`, a space before it or not. Behind an offset may
    ///   stand its name, as Go (`+0200 CEST`) and Java (`+02:00[Europe/Berlin]`) write it.
    /// - Dates of HTTP and of mail (`Sat, 28 Nov 2026 09:30:00 GMT`), of C, Ruby and `date` (`Sat Nov 28 09:30:00 UTC 2026`), of
    ///   JavaScript (`Sat Nov 28 2026 10:30:00 GMT+0100 (CET)`).
    /// - A number of seconds, milliseconds, microseconds or nanoseconds since 1970, decimals or not, from 1973 on.
    pub fn read(&mut self, text: &str) -> Option<Timestamp> {
        let micros = match text.as_bytes() {
            [b'0'..=b'9', _, _, _, b'-', ..] => self.iso(text.as_bytes())?,
            [b'0'..=b'9', ..] if is_epoch(text) => return from_decimal(text),
            bytes if bytes.get(8).is_some_and(|t| matches!(t, b'T' | b't')) => basic(bytes)?,
            _ => written::read(text)?,
        };
        Timestamp::from_unix_micros(micros)
    }

    fn iso(&mut self, text: &[u8]) -> Option<i64> {
        let (date, rest) = text.split_first_chunk::<10>()?;
        let day = if *date == self.last_date {
            self.last_day
        } else {
            let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else {
                return None;
            };
            let day = day_of([y1, y2, y3, y4, m1, m2, d1, d2])?;
            (self.last_date, self.last_day) = (*date, day);
            day
        };
        match rest {
            [] => Some(day),
            [b' ' | b'T' | b't', time @ ..] => Some(day + time_of_day(time)?),
            _ => None,
        }
    }
}

/// Reads one text, as [`InstantReader::read`] does.
pub fn read_instant(text: &str) -> Option<Timestamp> {
    InstantReader::default().read(text)
}

/// A number of seconds, milliseconds, microseconds or nanoseconds since 1970, to the nearest microsecond.
pub fn instant_from_number(number: f64) -> Option<Timestamp> {
    let size = number.abs();
    let micros = if size < FIRST_MILLIS {
        number * 1e6
    } else if size < FIRST_MICROS {
        number * 1e3
    } else if size < FIRST_NANOS {
        number
    } else {
        number / 1e3
    };
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the comparison")]
    (micros.abs() < 1e18)
        .then(|| micros.round() as i64)
        .and_then(Timestamp::from_unix_micros)
}

/// Whether a text is a number of seconds, or of finer units, from 1973 on.
fn is_epoch(text: &str) -> bool {
    let whole = text.bytes().take_while(u8::is_ascii_digit).count();
    let (_, rest) = text.as_bytes().split_at(whole);
    whole >= MIN_EPOCH_DIGITS
        && match rest {
            [] => true,
            [b'.', decimals @ ..] => decimals.iter().all(u8::is_ascii_digit),
            _ => false,
        }
}

/// The digits of a number, read like [`instant_from_number`] but exactly: a double does not represent nanoseconds.
fn from_decimal(text: &str) -> Option<Timestamp> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let units: i128 = whole.parse().ok()?;
    // The number of decimals of a microsecond.
    let shift = match whole.trim_start_matches('0').len() {
        ..=11 => 6,
        12..=14 => 3,
        15..=17 => 0,
        _ => return Timestamp::from_unix_micros(i64::try_from(units / 1_000).ok()?),
    };
    let decimals = decimals.bytes().chain(std::iter::repeat(b'0')).take(shift);
    let micros = decimals.fold(units, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    Timestamp::from_unix_micros(i64::try_from(micros).ok()?)
}

/// `YYYYMMDDTHHMMSS`, with decimals and a zone or without.
fn basic(text: &[u8]) -> Option<i64> {
    let (date, time) = text.split_first_chunk::<8>()?;
    let [_, h1, h2, m1, m2, rest @ ..] = time else {
        return None;
    };
    let mut extended = vec![*h1, *h2, b':', *m1, *m2];
    if let [s1 @ b'0'..=b'9', s2, rest @ ..] = rest {
        extended.extend([b':', *s1, *s2]);
        extended.extend(rest);
    } else {
        extended.extend(rest);
    }
    Some(day_of(*date)? + time_of_day(&extended)?)
}

/// The first microsecond of a date in eight digits.
fn day_of([y1, y2, y3, y4, m1, m2, d1, d2]: [u8; 8]) -> Option<i64> {
    let year = two_digits(y1, y2)? * 100 + two_digits(y3, y4)?;
    to_day(year, two_digits(m1, m2)?, two_digits(d1, d2)?)
}

fn to_day(year: i64, month: i64, day: i64) -> Option<i64> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?);
    Some((i64::from(date.ok()?.to_julian_day()) - UNIX_EPOCH_JULIAN_DAY) * DAY_MICROS)
}

#[cfg(test)]
mod tests;
