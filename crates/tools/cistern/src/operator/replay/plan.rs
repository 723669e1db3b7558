//! Which objects are replayed, and to which queue.

use std::ops::Range;

use anyhow::{Result, ensure};
use aws_io::s3::listing::Listed;
use event_model::Pipeline;
use lake_schema::layout::{format_day, parse_day};
use serde::Serialize;
use time::{Date, Duration, Month, OffsetDateTime, Time};

use crate::queue::Queue;

/// Above this number of days everything is listed.
const MOST_DAYS: i64 = 1000;
/// Where the stack's own raw objects are, a folder for each day.
const BY_DAY: [&str; 3] = [
    Pipeline::EmailEvents.raw_prefix(),
    Pipeline::SENDERS_PREFIX,
    Pipeline::ProductEvents.raw_prefix(),
];

/// What is made of the objects again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum Aim {
    /// Rows of email events, by the loader
    Postgres,
    /// Parquet files, by the archiver
    Lake,
    /// Requests of app events, by the forwarder: the destination receives them again, under the same ids
    Destination,
}

/// What to replay.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) aim: Aim,
    prefix: String,
    times: Range<OffsetDateTime>,
    is_limited: bool,
}

impl Aim {
    /// The queue that the notifications or messages go to.
    pub(super) const fn queue(self) -> Queue {
        match self {
            Self::Postgres => Queue::Load,
            Self::Lake => Queue::Archive,
            Self::Destination => Queue::Forward,
        }
    }

    /// What S3's notification about the objects of a prefix leads to.
    fn of_prefix(prefix: &str) -> Result<Self> {
        if has_raw_prefix(Pipeline::EmailEvents, prefix) {
            return Ok(Self::Postgres);
        }
        ensure!(
            !prefix.starts_with(Pipeline::AppEvents.raw_prefix()),
            "app events go --into lake, or --into destination, which receives them again"
        );
        Ok(Self::Lake)
    }

    /// Refuses prefixes whose objects the functions behind the queue cannot use.
    fn check(self, prefix: &str) -> Result<()> {
        let is_derived = ["lake/", "state/", "rejected/"]
            .iter()
            .any(|derived| prefix.starts_with(derived));
        ensure!(
            !is_derived,
            "{prefix} has objects derived from raw ones: replay the raw objects, under raw/"
        );
        ensure!(
            !"raw/".starts_with(prefix),
            "a prefix must name one pipeline's objects, such as raw/sparkpost/ or raw/track/"
        );
        let only = match self {
            Self::Lake => return Ok(()),
            Self::Postgres => Pipeline::EmailEvents,
            Self::Destination => Pipeline::AppEvents,
        };
        ensure!(
            has_raw_prefix(only, prefix),
            "only objects under {} go into the {}",
            only.raw_prefixes().join(" or "),
            self.queue()
        );
        Ok(())
    }
}

impl Plan {
    pub(super) fn new(
        prefix: &str,
        aim: Option<Aim>,
        from: Option<OffsetDateTime>,
        to: Option<OffsetDateTime>,
    ) -> Result<Self> {
        let aim = match aim {
            Some(aim) => aim,
            None => Aim::of_prefix(prefix)?,
        };
        aim.check(prefix)?;
        let times = from.unwrap_or(OffsetDateTime::UNIX_EPOCH)
            ..to.unwrap_or_else(|| Date::MAX.midnight().assume_utc());
        ensure!(!times.is_empty(), "--from must be before --to");
        Ok(Self {
            aim,
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

fn has_raw_prefix(pipeline: Pipeline, prefix: &str) -> bool {
    let mut own = pipeline.raw_prefixes().iter();
    own.any(|own| prefix.starts_with(own))
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

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::operator::moment;

    fn object(key: &str) -> Listed {
        Listed {
            key: key.to_owned(),
            size_bytes: 1,
            last_modified: Some(datetime!(2026-01-31 12:30 UTC)),
        }
    }

    fn plan(prefix: &str, from: &str, to: &str) -> Plan {
        let time = |text| Some(moment::parse(text).unwrap());
        Plan::new(prefix, None, time(from), time(to)).unwrap()
    }

    #[test]
    fn aim_follows_from_the_prefix() {
        let of = |prefix, aim| Plan::new(prefix, aim, None, None).map(|plan| plan.aim);
        for (prefix, aim) in [
            ("raw/sparkpost/", Aim::Postgres),
            ("raw/sparkpost/dt=2026-01-31/", Aim::Postgres),
            ("raw/track/", Aim::Lake),
            ("analytics_raw/2018/", Aim::Lake),
            ("2018/03/", Aim::Lake),
        ] {
            assert_eq!(of(prefix, None).unwrap(), aim, "{prefix}");
            assert_eq!(of(prefix, Some(Aim::Lake)).unwrap(), Aim::Lake, "{prefix}");
            assert!(of(prefix, Some(Aim::Destination)).is_err(), "{prefix}");
        }
        for aim in [Aim::Lake, Aim::Destination] {
            assert_eq!(of("raw/mparticle/", Some(aim)).unwrap(), aim);
        }
        assert!(of("raw/mparticle/", Some(Aim::Postgres)).is_err());
        assert!(of("lake/app_events/", Some(Aim::Lake)).is_err());
        for prefix in [
            "",
            "r",
            "raw",
            "raw/",
            "raw/mparticle/",
            "lake/product_events/",
            "rejected/product_events/",
        ] {
            assert!(of(prefix, None).is_err(), "{prefix}");
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
        let time = |text| Some(moment::parse(text).unwrap());
        let plan = Plan::new("old/", None, time("2026-01-02"), time("2026-01-01"));

        assert!(plan.unwrap_err().to_string().contains("--from"));
    }
}
