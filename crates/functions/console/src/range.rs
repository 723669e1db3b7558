//! From when to when: what a person writes, and what the API is asked.

use jiff::{
    SignedDuration, Timestamp, Zoned,
    civil::{Date, DateTime},
    tz::{Offset, TimeZone},
};

/// What is looked at when nothing is said.
pub(crate) const DEFAULT_FROM: &str = "-24h";
/// Longest range, in days: what is older than ten years is asked of the API.
const LONGEST_DAYS: i64 = 3_660;

/// A range of time: from inclusive, to exclusive, in whole seconds, with the zone in which it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) zone: Zone,
    /// As it was written, for links that move on with the clock; `to` is empty for "now".
    pub(crate) written: (String, String),
}

/// A zone by the name that the API is given too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) zone: TimeZone,
}

/// A parameter that is not understood, in words for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) param: &'static str,
    pub(crate) message: &'static str,
}

const FORM: &str = "is not a time: write -24h, -7d or -4w for a time before now, a date like 2026-11-21, or 2026-11-21T09:30, with Z or an offset like +02:00 if it is not of the zone chosen";

impl Zone {
    /// Universal time: without a script, a browser's zone is not known.
    pub(crate) fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            zone: TimeZone::UTC,
        }
    }

    /// By its IANA name or its offset, as the API takes it.
    pub(crate) fn parse(name: &str) -> Result<Self, Problem> {
        let name = name.trim();
        let zone = if name.is_empty() {
            return Ok(Self::utc());
        } else if name.starts_with(['+', '-']) {
            offset(name).map(TimeZone::fixed)
        } else {
            TimeZone::get(name).ok()
        };
        let message =
            "is not a known time zone: write a name like Europe/Berlin, or an offset like +02:00";
        zone.map(|zone| Self {
            name: name.to_owned(),
            zone,
        })
        .ok_or(Problem {
            param: "timezone",
            message,
        })
    }

    /// A moment in this zone, to the second.
    pub(crate) fn second(&self, time: Timestamp) -> String {
        time.to_zoned(self.zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string()
    }

    /// A moment in this zone, to the minute.
    pub(crate) fn minute(&self, time: Timestamp) -> String {
        time.to_zoned(self.zone.clone())
            .strftime("%Y-%m-%d %H:%M")
            .to_string()
    }
}

fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = text.split_at_checked(1)?;
    let (hours, minutes) = digits.split_once(':')?;
    let is_number = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(hours) || !is_number(minutes) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = hours * 3_600 + minutes * 60;
    (minutes < 60 && hours < 24)
        .then(|| Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok())?
}

impl Range {
    /// Reads what was written. Where it is not understood, the default stands and the problem is told.
    pub(crate) fn parse(from: &str, to: &str, zone: &str, now: Timestamp) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let zone = Zone::parse(zone).unwrap_or_else(|problem| {
            problems.push(problem);
            Zone::utc()
        });
        let now = whole_second(now);
        let mut written = (from.trim().to_owned(), to.trim().to_owned());
        if written.0.is_empty() {
            DEFAULT_FROM.clone_into(&mut written.0);
        }
        let mut time = |param, text: &str, default| {
            moment(text, &zone, now).unwrap_or_else(|| {
                problems.push(Problem {
                    param,
                    message: FORM,
                });
                default
            })
        };
        let end = if written.1.is_empty() {
            now
        } else {
            time("to", &written.1, now)
        };
        let day_before = end
            .saturating_sub(SignedDuration::from_hours(24))
            .unwrap_or(end);
        let begin = if written.0 == DEFAULT_FROM && !written.1.is_empty() {
            // A day, wherever it ends.
            day_before
        } else {
            time("from", &written.0, day_before)
        };
        if begin >= end {
            problems.push(Problem {
                param: "from",
                message: "is not before to",
            });
        } else if end.as_second() - begin.as_second() > LONGEST_DAYS * 86_400 {
            problems.push(Problem {
                param: "from",
                message: "is more than ten years before to: choose a shorter range",
            });
        }
        let range = if problems.is_empty() {
            (begin, end)
        } else {
            (day_before, end)
        };
        (
            Self {
                from: range.0,
                to: range.1,
                zone,
                written,
            },
            problems,
        )
    }

    /// The same with times that do not move: for links that are to show the same tomorrow.
    pub(crate) fn fixed(&self) -> Self {
        Self {
            written: (self.from.to_string(), self.to.to_string()),
            ..self.clone()
        }
    }

    /// Another one in the same zone.
    pub(crate) fn other(&self, from: Timestamp, to: Timestamp) -> Self {
        Self {
            from,
            to,
            zone: self.zone.clone(),
            written: (from.to_string(), to.to_string()),
        }
    }

    /// As long, and just before.
    pub(crate) fn before(&self) -> Self {
        let length = self.to.duration_since(self.from);
        self.other(
            self.from.saturating_sub(length).unwrap_or(self.from),
            self.from,
        )
    }

    /// As long, and just after.
    pub(crate) fn after(&self) -> Self {
        let length = self.to.duration_since(self.from);
        self.other(self.to, self.to.saturating_add(length).unwrap_or(self.to))
    }

    /// How long it is.
    pub(crate) fn seconds(&self) -> i64 {
        self.to.as_second() - self.from.as_second()
    }

    /// Whether it ends now, whenever that is.
    pub(crate) fn is_open(&self) -> bool {
        self.written.1.is_empty()
    }
}

fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn moment(text: &str, zone: &Zone, now: Timestamp) -> Option<Timestamp> {
    if let Some(before) = text.strip_prefix('-') {
        return now.saturating_sub(span(before)?).ok();
    }
    let civil = |time: DateTime| {
        time.to_zoned(zone.zone.clone())
            .ok()
            .map(|time: Zoned| time.timestamp())
    };
    let time = if text.len() == 10 {
        civil(
            text.parse::<Date>()
                .ok()?
                .to_datetime(jiff::civil::Time::midnight()),
        )
    } else if let Ok(time) = text.parse::<Timestamp>() {
        Some(time)
    } else {
        // Seconds may be left out before a Z or an offset too.
        let with_seconds = text
            .get(16..)
            .map(|rest| format!("{}:00{rest}", &text[..16]));
        let instant = with_seconds.and_then(|text| text.parse::<Timestamp>().ok());
        instant.or_else(|| civil(text.parse().ok()?))
    };
    time.map(whole_second)
}

fn span(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let number = text.strip_suffix(unit)?;
    if number.len() > 5 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(SignedDuration::from_secs(
        number.parse::<i64>().ok()? * seconds,
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: &str = "2026-11-21T12:00:00.789Z";

    fn parse(from: &str, to: &str, zone: &str) -> (String, String, Vec<&'static str>) {
        let (range, problems) = Range::parse(from, to, zone, NOW.parse().unwrap());
        let params = problems.into_iter().map(|problem| problem.param).collect();
        (range.from.to_string(), range.to.to_string(), params)
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = "2026-11-21T12:00:00Z";
        let table = [
            ("", "", "", "2026-11-20T12:00:00Z", now),
            ("-7d", "", "", "2026-11-14T12:00:00Z", now),
            (
                "-90m",
                "-1h",
                "",
                "2026-11-21T10:30:00Z",
                "2026-11-21T11:00:00Z",
            ),
            ("-2w", "", "Europe/Berlin", "2026-11-07T12:00:00Z", now),
            (
                "2026-11-21",
                "",
                "Europe/Berlin",
                "2026-11-20T23:00:00Z",
                now,
            ),
            (
                "2026-11-21T09:30",
                "",
                "+02:00",
                "2026-11-21T07:30:00Z",
                now,
            ),
            (
                "2026-11-21T09:30:15Z",
                "",
                "+02:00",
                "2026-11-21T09:30:15Z",
                now,
            ),
            (
                "2026-11-21T09:30Z",
                "",
                "+02:00",
                "2026-11-21T09:30:00Z",
                now,
            ),
            (
                "2026-11-21T09:30+01:00",
                "",
                "",
                "2026-11-21T08:30:00Z",
                now,
            ),
            (
                "2026-11-21T09:30:15.250-05:30",
                "2026-11-22",
                "",
                "2026-11-21T15:00:15Z",
                "2026-11-22T00:00:00Z",
            ),
            (
                "",
                "2026-11-01",
                "",
                "2026-10-31T00:00:00Z",
                "2026-11-01T00:00:00Z",
            ),
        ];

        for (from, to, zone, begin, end) in table {
            assert_eq!(
                parse(from, to, zone),
                (begin.to_owned(), end.to_owned(), vec![]),
                "{from} {to} {zone}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_named_and_a_day_is_shown() {
        let table = [
            ("yesterday", "", "", vec!["from"]),
            ("-7", "", "", vec!["from"]),
            ("-7y", "", "", vec!["from"]),
            ("-999999d", "", "", vec!["from"]),
            ("-é", "", "", vec!["from"]),
            ("2026-02-30", "", "", vec!["from"]),
            ("2026-11-2é1T09:30", "", "", vec!["from"]),
            ("", "later", "", vec!["to"]),
            ("", "", "Nowhere/City", vec!["timezone"]),
            ("", "", "+25:00", vec!["timezone"]),
            ("2026-11-22", "2026-11-21", "", vec!["from"]),
            ("1990-01-01", "", "", vec!["from"]),
        ];

        for (from, to, zone, params) in table {
            let (begin, end, named) = parse(from, to, zone);
            assert_eq!(named, params, "{from} {to} {zone}");
            assert!(begin < end);
        }
    }

    #[test]
    fn neighbours_are_as_long() {
        let (range, _) = Range::parse("-2h", "", "", NOW.parse().unwrap());

        assert_eq!(
            (range.before().seconds(), range.before().to),
            (7_200, range.from)
        );
        assert_eq!(
            (range.after().seconds(), range.after().from),
            (7_200, range.to)
        );
        assert!(range.is_open() && !range.fixed().is_open());
    }

    proptest! {
        #[test]
        fn any_text_is_a_range_or_a_problem(from in "[-+0-9TZ:. é]{0,20}|.{0,12}", to in ".{0,12}", zone in ".{0,8}|[-+][0-9:é]{0,6}") {
            let (range, _) = Range::parse(&from, &to, &zone, NOW.parse().unwrap());
            prop_assert!(range.from < range.to);
        }

        #[test]
        fn fixed_range_reads_as_itself(from in 1_i64..3_000_000, length in 1_i64..3_000_000) {
            let now: Timestamp = NOW.parse().unwrap();
            let end = now.as_second() - from;
            let times = [end - length, end].map(|second| Timestamp::from_second(second).unwrap().to_string());
            let (range, problems) = Range::parse(&times[0], &times[1], "", now);
            prop_assert!(problems.is_empty());
            prop_assert_eq!((range.from.to_string(), range.to.to_string()), (times[0].clone(), times[1].clone()));
            prop_assert_eq!(range.fixed(), range);
        }
    }
}
