//! Which objects are replayed, and to which queue.

use std::ops::Range;

use anyhow::{Result, bail, ensure};
use aws_io::s3::listing::Listed;
use event_model::Pipeline;
use lake_schema::layout::{format_day, parse_day};
use serde::Serialize;
use time::{Date, Duration, Month, OffsetDateTime, Time, format_description::well_known::Rfc3339};

/// Above this number of days everything is listed.
const MOST_DAYS: i64 = 1000;
/// Where the stack's own raw objects are, a folder for each day.
const BY_DAY: [&str; 2] = [
    Pipeline::EmailEvents.raw_prefix(),
    Pipeline::ProductEvents.raw_prefix(),
];

/// The queue whose function processes the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum Queue {
    /// The loader: email events into Postgres
    Load,
    /// The archiver: JSON into Parquet
    Archive,
}

/// What to replay.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) queue: Queue,
    prefix: String,
    times: Range<OffsetDateTime>,
    is_limited: bool,
}

impl Queue {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Archive => "archive",
        }
    }

    /// The template's output that is its URL.
    pub(super) const fn output(self) -> &'static str {
        match self {
            Self::Load => "LoadQueueUrl",
            Self::Archive => "ArchiveQueueUrl",
        }
    }

    /// The queue that S3 notified of the objects of a prefix.
    fn of_prefix(prefix: &str) -> Result<Self> {
        if prefix.starts_with(Pipeline::EmailEvents.raw_prefix()) {
            return Ok(Self::Load);
        }
        if prefix.starts_with(Pipeline::AppEvents.raw_prefix()) {
            bail!(
                "app events are not replayed, because their destination would receive them twice (--queue archive archives them)"
            );
        }
        let is_derived = ["lake/", "state/", "rejected/"]
            .iter()
            .any(|derived| prefix.starts_with(derived));
        ensure!(
            !is_derived,
            "{prefix} has objects derived from raw ones: replay the raw objects, under raw/"
        );
        ensure!(
            !prefix.is_empty() && !"raw/".starts_with(prefix) && prefix != "raw/",
            "a prefix must name one pipeline's objects, such as raw/sparkpost/ or raw/track/"
        );
        Ok(Self::Archive)
    }
}

impl Plan {
    pub(super) fn new(
        prefix: &str,
        queue: Option<Queue>,
        from: Option<OffsetDateTime>,
        to: Option<OffsetDateTime>,
    ) -> Result<Self> {
        let queue = match queue {
            Some(queue) => queue,
            None => Queue::of_prefix(prefix)?,
        };
        let times = from.unwrap_or(OffsetDateTime::UNIX_EPOCH)
            ..to.unwrap_or_else(|| Date::MAX.midnight().assume_utc());
        ensure!(!times.is_empty(), "--from must be before --to");
        Ok(Self {
            queue,
            prefix: prefix.to_owned(),
            times,
            is_limited: from.is_some() || to.is_some(),
        })
    }

    /// What to list: the requested days, if that is possible and shorter than listing everything.
    pub(super) fn prefixes(&self) -> Vec<String> {
        let first = self.times.start.date();
        // A time at midnight ends the day before.
        let last = (self.times.end - Duration::NANOSECOND).date();
        let day_count = (last - first).whole_days() + 1;
        if !BY_DAY.contains(&self.prefix.as_str()) || day_count > MOST_DAYS {
            return vec![self.prefix.clone()];
        }
        let days = std::iter::successors(Some(first), |day| day.next_day());
        days.take_while(|day| *day <= last)
            .map(|day| format!("{}dt={}/", self.prefix, format_day(day)))
            .collect()
    }

    /// Whether an object arrived in the requested time, by its folder's day or hour, or else by when it was stored.
    pub(super) fn takes(&self, object: &Listed) -> bool {
        let is_folder = object.key.ends_with('/');
        if is_folder || !self.is_limited {
            return !is_folder;
        }
        match folder_times(&object.key) {
            Some(times) => times.start < self.times.end && self.times.start < times.end,
            None => object
                .last_modified
                .is_some_and(|stored| self.times.contains(&stored)),
        }
    }
}

/// The day or hour in an object's key: `dt=YYYY-MM-DD`, perhaps `hour=HH`, or the plain `YYYY/MM/DD/HH`.
fn folder_times(key: &str) -> Option<Range<OffsetDateTime>> {
    let folders: Vec<&str> = key.split('/').collect();
    let by_name = || {
        let day = folders
            .iter()
            .find_map(|folder| parse_day(folder.strip_prefix("dt=")?))?;
        let hour = folders
            .iter()
            .find_map(|folder| number(folder.strip_prefix("hour=")?, 2));
        Some((day, hour))
    };
    let plain = || {
        folders.windows(4).find_map(|window| match window {
            [year, month, day, hour] => {
                let month = Month::try_from(number::<u8>(month, 2)?).ok()?;
                let year = i32::from(number::<u16>(year, 4)?);
                let day = Date::from_calendar_date(year, month, number(day, 2)?).ok()?;
                Some((day, Some(number(hour, 2)?)))
            }
            _ => None,
        })
    };
    let (day, hour) = by_name().or_else(plain)?;
    let start = day.with_time(Time::from_hms(hour.unwrap_or(0), 0, 0).ok()?);
    let width = if hour.is_some() {
        Duration::HOUR
    } else {
        Duration::DAY
    };
    let start = start.assume_utc();
    Some(start..start + width)
}

fn number<N: std::str::FromStr>(text: &str, digits: usize) -> Option<N> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// A time, or the start of a day.
pub(super) fn parse_time(text: &str) -> Result<OffsetDateTime, String> {
    if let Some(day) = parse_day(text) {
        return Ok(day.midnight().assume_utc());
    }
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        "expected a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn object(key: &str) -> Listed {
        Listed {
            key: key.to_owned(),
            size_bytes: 1,
            last_modified: Some(datetime!(2026-01-31 12:30 UTC)),
        }
    }

    fn plan(prefix: &str, from: &str, to: &str) -> Plan {
        let time = |text| Some(parse_time(text).unwrap());
        Plan::new(prefix, None, time(from), time(to)).unwrap()
    }

    #[test]
    fn queue_follows_from_the_prefix() {
        for (prefix, queue) in [
            ("raw/sparkpost/", Queue::Load),
            ("raw/sparkpost/dt=2026-01-31/", Queue::Load),
            ("raw/track/", Queue::Archive),
            ("analytics_raw/2018/", Queue::Archive),
            ("2018/03/", Queue::Archive),
        ] {
            assert_eq!(Queue::of_prefix(prefix).unwrap(), queue, "{prefix}");
        }
        for prefix in [
            "",
            "r",
            "raw",
            "raw/",
            "raw/mparticle/",
            "lake/product_events/",
            "rejected/product_events/",
        ] {
            assert!(Queue::of_prefix(prefix).is_err(), "{prefix}");
        }
    }

    #[test]
    fn days_and_hours_are_taken_that_overlap_the_time_asked_for() {
        let plan = plan("raw/track/", "2026-01-31T12:20:00Z", "2026-01-31T14:00:00Z");

        for (key, is_taken) in [
            ("raw/track/dt=2026-01-31/hour=12/a.gz", true),
            ("raw/track/dt=2026-01-31/hour=13/a.gz", true),
            ("raw/track/dt=2026-01-31/hour=11/a.gz", false),
            ("raw/track/dt=2026-01-31/hour=14/a.gz", false),
            ("raw/sparkpost/dt=2026-01-31/a.json.gz", true),
            ("raw/sparkpost/dt=2026-02-01/a.json.gz", false),
            ("analytics_raw/2026/01/31/12/a", true),
            ("analytics_raw/2026/01/30/12/a", false),
            ("by-hand/a.ndjson", true),
            ("raw/track/dt=2026-01-31/hour=12/", false),
        ] {
            assert_eq!(plan.takes(&object(key)), is_taken, "{key}");
        }
    }

    #[test]
    fn without_times_everything_is_taken() {
        let plan = Plan::new("old/", None, None, None).unwrap();

        assert!(plan.takes(&object("old/a")));
        assert!(!plan.takes(&object("old/")));
        assert_eq!(plan.prefixes(), ["old/"]);
    }

    #[test]
    fn days_asked_for_are_listed_one_by_one() {
        assert_eq!(
            plan("raw/track/", "2026-01-31", "2026-02-02").prefixes(),
            ["raw/track/dt=2026-01-31/", "raw/track/dt=2026-02-01/"]
        );
        assert_eq!(
            plan("analytics_raw/", "2026-01-31", "2026-02-02").prefixes(),
            ["analytics_raw/"]
        );
        let open = Plan::new(
            "raw/track/",
            None,
            Some(datetime!(2026-01-31 0:00 UTC)),
            None,
        );
        assert_eq!(open.unwrap().prefixes(), ["raw/track/"]);
    }

    #[test]
    fn times_that_contradict_are_refused() {
        let time = |text| Some(parse_time(text).unwrap());
        let plan = Plan::new("old/", None, time("2026-01-02"), time("2026-01-01"));

        assert!(plan.unwrap_err().to_string().contains("--from"));
        assert!(parse_time("yesterday").is_err());
    }
}
