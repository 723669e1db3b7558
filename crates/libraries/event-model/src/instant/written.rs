//! Dates with the names of days and months, as HTTP, mail, C, Ruby, Go and JavaScript write them.

use super::{
    DAY_MICROS,
    clock_text::{offset, time_of_day},
    to_day,
};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// 1 January 1970 was the first of these.
const WEEKDAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];

/// The longest text of such a date, including JavaScript's name of a zone.
const MAX_BYTES: usize = 100;

pub(super) fn read(text: &str) -> Option<i64> {
    if text.len() > MAX_BYTES {
        return None;
    }
    // JavaScript appends the zone's name, in the user's language, to its offset.
    let text = match text
        .strip_suffix(')')
        .and_then(|text| text.split_once(" ("))
    {
        Some((text, _)) => text,
        None => text,
    };
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let (weekday, words) = match &words[..] {
        [first, rest @ ..] if first.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            match place_of(first.trim_end_matches(','), &WEEKDAYS) {
                Some(weekday) => (Some(weekday), rest),
                None => (None, &words[..]),
            }
        }
        words => (None, words),
    };
    let (day, time, zone) = match *words {
        // HTTP and mail; JavaScript has the month first.
        [day, month, year, time, zone] if is_month(month) => {
            (date(day, month, year)?, time, Some(zone))
        }
        [month, day, year, time, zone] if year.len() == 4 && time.contains(':') => {
            (date(day, month, year)?, time, Some(zone))
        }
        // `date`, and Go's and Ruby's older form.
        [month, day, time, zone, year] => (date(day, month, year)?, time, Some(zone)),
        // C's asctime, one of HTTP's forms and therefore UTC (RFC 9110, section 5.6.7). It begins with the day's name.
        [month, day, time, year] if weekday.is_some() => (date(day, month, year)?, time, None),
        // HTTP's oldest form.
        [date, time, zone] => (dashed(date)?, time, Some(zone)),
        _ => return None,
    };
    if weekday.is_some_and(|weekday| weekday != (day / DAY_MICROS).rem_euclid(7)) {
        return None;
    }
    if time
        .bytes()
        .any(|byte| !byte.is_ascii_digit() && !b":.".contains(&byte))
    {
        return None;
    }
    let offset = match zone {
        Some("") => return None,
        Some(zone) => offset(zone.as_bytes())?,
        None => 0,
    };
    Some(day + time_of_day(time.as_bytes())? - offset)
}

fn date(day: &str, month: &str, year: &str) -> Option<i64> {
    let month = place_of(month, &MONTHS)? + 1;
    (year.len() == 4).then_some(())?;
    to_day(number(year)?, month, number(day)?)
}

/// `28-Nov-26`, also with four digits. A year with two digits is between 1970 and 2069.
fn dashed(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let year = match (year.len(), number(year)?) {
        (2, year @ 70..) => 1900 + year,
        (2, year) => 2000 + year,
        (4, year) => year,
        _ => return None,
    };
    let month = place_of(month, &MONTHS)? + 1;
    parts.next().is_none().then_some(())?;
    to_day(year, month, number(day)?)
}

fn is_month(word: &str) -> bool {
    place_of(word, &MONTHS).is_some()
}

/// The index of a name, in full or in three letters.
fn place_of(word: &str, names: &[&str]) -> Option<i64> {
    let is_named = |name: &&str| {
        word.eq_ignore_ascii_case(name)
            || name
                .get(..3)
                .is_some_and(|short| word.eq_ignore_ascii_case(short))
    };
    let index = names.iter().position(is_named)?;
    i64::try_from(index).ok()
}

fn number(text: &str) -> Option<i64> {
    let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}
