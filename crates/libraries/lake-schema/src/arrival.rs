//! When a raw object's events arrived, as far as its key tells.
//!
//! Firehose names an object `<stream>-<version>-YYYY-MM-DD-HH-MM-SS-<uuid>`, under a prefix by time of arrival: our own
//! `dt=YYYY-MM-DD/hour=HH/`, or the plain `YYYY/MM/DD/HH/` that it makes by itself
//! (<https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html>). Taking the time from the key, not from the
//! object's own date, gives the same rows when the object is copied or converted again years later.

use event_model::Pipeline;
use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// How the name of a batch of rejected items begins. The arrival of its source follows.
pub const RETRY: &str = "retry-";
/// A prefix has the hour or the day in which it was made.
const CLOCK_DIFFERENCE: Duration = Duration::days(2);

/// The time in the object's name, else the hour or day in its prefix. `None` when the key tells nothing.
///
/// The name of a batch of emails is its sender's, who may write any date into it: only that of a batch that was made of rejected items
/// counts, which has the arrival of its source after `retry-`. No name's time is later than the prefix allows.
pub fn from_key(key: &str) -> Option<OffsetDateTime> {
    let (prefix, name) = key.rsplit_once('/').unwrap_or(("", key));
    let by_prefix = from_prefix(prefix);
    let is_ours = Pipeline::of_raw_key(key) != Pipeline::EmailEvents || name.starts_with(RETRY);
    let latest = by_prefix.map(|at| at.saturating_add(CLOCK_DIFFERENCE));
    from_name(name)
        .filter(|at| is_ours && latest.is_none_or(|latest| *at <= latest))
        .or(by_prefix)
}

/// Six numbers of a date and time among those that dashes separate: the last such place, as a stream's own name may
/// hold a date too.
fn from_name(name: &str) -> Option<OffsetDateTime> {
    let fields: Vec<&str> = name.split('-').collect();
    fields.windows(6).rev().find_map(|window| match window {
        [year, month, day, hour, minute, second] => {
            let date = to_date(year, month, day)?;
            let time = Time::from_hms(two_digits(hour)?, two_digits(minute)?, two_digits(second)?);
            Some(at(date, time.ok()?))
        }
        _ => None,
    })
}

fn from_prefix(prefix: &str) -> Option<OffsetDateTime> {
    let folders: Vec<&str> = prefix.split('/').collect();
    let hive = || {
        let day = folders
            .iter()
            .find_map(|folder| folder.strip_prefix("dt="))?;
        let [year, month, day] = day.split('-').collect::<Vec<_>>().try_into().ok()?;
        let hour = folders
            .iter()
            .find_map(|folder| two_digits(folder.strip_prefix("hour=")?));
        Some((to_date(year, month, day)?, hour))
    };
    let plain = || {
        folders.windows(4).find_map(|window| match window {
            [year, month, day, hour] => Some((to_date(year, month, day)?, Some(two_digits(hour)?))),
            _ => None,
        })
    };
    let (date, hour) = hive().or_else(plain)?;
    Some(at(date, Time::from_hms(hour.unwrap_or(0), 0, 0).ok()?))
}

fn to_date(year: &str, month: &str, day: &str) -> Option<Date> {
    let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    let year = year.parse().ok().filter(|_| is_year)?;
    let month = Month::try_from(two_digits(month)?).ok()?;
    Date::from_calendar_date(year, month, two_digits(day)?).ok()
}

fn two_digits(text: &str) -> Option<u8> {
    let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

fn at(date: Date, time: Time) -> OffsetDateTime {
    PrimitiveDateTime::new(date, time).assume_offset(UtcOffset::UTC)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn time_comes_from_the_name_then_from_the_prefix() {
        for (key, expected) in [
            (
                "raw/track/dt=2026-11-20/hour=13/track-1-2026-11-20-13-05-59-0f8fad5b-d9cb-469f-a165-70867728950e.gz",
                datetime!(2026-11-20 13:05:59 UTC),
            ),
            (
                "raw/track/dt=2026-11-20/hour=13/copied.gz",
                datetime!(2026-11-20 13:00 UTC),
            ),
            (
                "raw/track/dt=2026-11-20/copied.gz",
                datetime!(2026-11-20 00:00 UTC),
            ),
            (
                "analytics_raw/2018/03/15/22/analytics-1-2018-03-15-22-58-01-f0e1d2c3",
                datetime!(2018-03-15 22:58:01 UTC),
            ),
            (
                "analytics_raw/2018/03/15/22/f",
                datetime!(2018-03-15 22:00 UTC),
            ),
            ("2018/03/15/22/f", datetime!(2018-03-15 22:00 UTC)),
            (
                "x/made-2020-01-01-00-00-00-stream-1-2026-02-03-04-05-06-f",
                datetime!(2026-02-03 04:05:06 UTC),
            ),
        ] {
            assert_eq!(from_key(key), Some(expected), "{key}");
        }
    }

    #[test]
    fn senders_do_not_say_when_their_batches_arrived() {
        let day = datetime!(2026-11-20 0:00 UTC);
        for (name, expected) in [
            ("9999-12-31-00-00-00-4f53cda18c2baa0c", day),
            ("2001-01-01-00-00-00-4f53cda18c2baa0c", day),
            ("b-2026-11-20-01-02-03-4f53cda18c2baa0c", day),
            ("retry-0f-9999-12-31-00-00-00-4f53cda18c2baa0c", day),
            (
                "retry-0f-2026-11-17-01-02-03-4f53cda18c2baa0c",
                datetime!(2026-11-17 1:02:03 UTC),
            ),
        ] {
            let key = format!("raw/sparkpost/dt=2026-11-20/{name}.json.gz");
            assert_eq!(from_key(&key), Some(expected), "{key}");
            let key = format!("raw/email/dt=2026-11-20/resend={name}.json.gz");
            assert_eq!(from_key(&key), Some(day), "{key}");
        }
        let late = "raw/track/dt=2026-11-20/track-1-9999-12-31-00-00-00-f.gz";
        assert_eq!(from_key(late), Some(day));
    }

    #[test]
    fn key_without_a_time_tells_nothing() {
        for key in [
            "",
            "raw/track/events.json",
            "a/2018/13/15/22/f",
            "a/2018/02/30/22/f",
            "a/2018/03/15/24/f",
            "a/2018/3/15/22/f",
            "a/dt=2026-02-30/f",
            "a/dt=2026-02/f",
            "s-1-2026-02-03-04-05-60-f",
        ] {
            assert_eq!(from_key(key), None, "{key}");
        }
    }

    proptest! {
        #[test]
        fn any_key_is_read_without_panic(key in "[-/0-9a-z=.é]{0,60}") {
            from_key(&key);
        }
    }
}
