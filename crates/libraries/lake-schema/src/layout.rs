//! The lake's keys in the events bucket.
//!
//! ```text
//! lake/<table>/new/at=YYYY-MM-DD/dt=YYYY-MM-DD/part-<id>.parquet   the events of one raw object on one day (dt), filed under
//!                                                                  the day of their arrival (at)
//! lake/<table>/closed/dt=YYYY-MM-DD/day-<id>.parquet               a compacted day: its events, sorted, each once; and one file
//!                                                                  more for each time that more of them arrived later
//! lake/<table>_months/month=YYYY-MM/month-<id>.parquet             the compacted days of a month, copied
//! state/lake/<table>/files/at=YYYY-MM-DD/<version>.ndjson          which files queries leave out; the highest version counts
//! state/lake/<table>_months/files/at=YYYY-MM-DD/<version>.ndjson   the same for monthly copies
//! state/lake/<table>/days/dt=YYYY-MM-DD.json                       the state of a compacted day
//! rejected/<pipeline>/dt=YYYY-MM-DD/<id>.ndjson                    rejected lines
//! ```
//!
//! Objects that are deleted later are stored under `at`, of which queries list only the latest days ([`listed_until`]). All others
//! are kept.

use event_model::Pipeline;
use time::{
    Date, Duration, OffsetDateTime, format_description::StaticFormatDescription,
    macros::format_description,
};

use crate::{FileId, Period};

const DAY_FORMAT: StaticFormatDescription = format_description!("[year]-[month]-[day]");
const MONTH_FORMAT: StaticFormatDescription = format_description!("[year]-[month]");

/// Queries list the objects filed under today and under this many days before.
pub const LISTED_DAYS_BEFORE: i64 = 1;
/// No query lists parts of days that are more than this many days before today, because each day adds two prefixes to list. They
/// become visible when they are merged.
pub const PARTS_DAYS_BEFORE: i64 = 30;
/// Queries list one more day of the manifest. So a query at midnight that has listed a part finds the manifest that hides it, even if
/// no compactor has written one since.
pub const STATE_LISTED_DAYS_BEFORE: i64 = LISTED_DAYS_BEFORE + 1;

/// What a file of the lake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// The events of one raw object on one day, in the order in which they arrived.
    Part {
        /// The UTC day under which it is filed: that of its arrival.
        at: Date,
    },
    /// The events of parts of one day, sorted and without duplicates.
    CompactedDay,
    /// The rows of the compacted days of one month, in the order of the days.
    MonthlyCopy,
}

/// A file of the lake, as its key names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LakeFile {
    /// The UTC day of its events; the first of a month.
    pub day: Date,
    /// What it is.
    pub kind: FileKind,
    /// Its name.
    pub id: FileId,
}

impl FileKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Part { .. } => "part-",
            Self::CompactedDay => "day-",
            Self::MonthlyCopy => "month-",
        }
    }
}

impl LakeFile {
    /// The object's key.
    pub fn key(&self, table: &str) -> String {
        let (folder, period) = match self.kind {
            FileKind::Part { at } => {
                let at = format_day(at);
                (format!("{}at={at}/", parts_prefix(table)), Period::Day)
            }
            FileKind::CompactedDay => (compacted_prefix(table, Period::Day), Period::Day),
            FileKind::MonthlyCopy => (compacted_prefix(table, Period::Month), Period::Month),
        };
        format!(
            "{folder}{}={}/{}{}.parquet",
            period.key(),
            format_partition(period, self.day),
            self.kind.prefix(),
            self.id
        )
    }

    /// The file that `key` names, or `None` when it is not a key of a file of `table`.
    pub fn from_key(table: &str, key: &str) -> Option<Self> {
        let (folder, name) = key.rsplit_once('/')?;
        let (parents, partition) = folder.rsplit_once('/')?;
        let (name_of_key, value) = partition.split_once('=')?;
        let stem = name.strip_suffix(".parquet")?;
        let (kind, period) = match stem.split_once('-')?.0 {
            "part" => {
                let at = parents.rsplit_once("at=")?.1;
                let at = parse_day(at)?;
                (FileKind::Part { at }, Period::Day)
            }
            "day" => (FileKind::CompactedDay, Period::Day),
            "month" => (FileKind::MonthlyCopy, Period::Month),
            _ => return None,
        };
        if name_of_key != period.key() {
            return None;
        }
        let file = Self {
            day: parse_partition(period, value)?,
            kind,
            id: stem.strip_prefix(kind.prefix())?.parse().ok()?,
        };
        // One file has one name.
        (file.key(table) == key).then_some(file)
    }

    /// When queries stop listing the file; `None` for files that are never deleted.
    pub fn listed_until(&self) -> Option<OffsetDateTime> {
        match self.kind {
            FileKind::Part { at } => Some(listed_until(at)),
            FileKind::CompactedDay | FileKind::MonthlyCopy => None,
        }
    }
}

/// The time from which on queries that are planned no longer list what is filed under `at`.
pub fn listed_until(at: Date) -> OffsetDateTime {
    days_after(at, LISTED_DAYS_BEFORE + 1)
}

/// The same for versions of the manifest that were written on the day `at`.
pub fn state_listed_until(at: Date) -> OffsetDateTime {
    days_after(at, STATE_LISTED_DAYS_BEFORE + 1)
}

/// The end of the calendar at the latest: a key may name any day.
fn days_after(at: Date, days: i64) -> OffsetDateTime {
    let midnight = at.midnight().assume_utc();
    midnight.saturating_add(Duration::days(days))
}

/// The days that queries list at `now`, the last one first.
pub fn listed_days(now: OffsetDateTime) -> impl Iterator<Item = Date> {
    let today = now.to_offset(time::UtcOffset::UTC).date();
    (0..=LISTED_DAYS_BEFORE).map(move |days| today - Duration::days(days))
}

/// The prefix of a table's files, `lake/<table>/`.
pub fn table_prefix(table: &str) -> String {
    format!("lake/{table}/")
}

/// The prefix of a table's parts.
pub fn parts_prefix(table: &str) -> String {
    format!("{}new/", table_prefix(table))
}

/// The prefix of the files that are never deleted. A table of monthly copies has no others.
pub fn compacted_prefix(table: &str, period: Period) -> String {
    match period {
        Period::Day => format!("{}closed/", table_prefix(table)),
        Period::Month => table_prefix(table),
    }
}

/// The value of the partition column for the day, or for the month that `day` is in.
pub fn format_partition(period: Period, day: Date) -> String {
    match period {
        Period::Day => format_day(day),
        Period::Month => day
            .format(MONTH_FORMAT)
            .expect("a date has a year and a month"),
    }
}

/// Reads [`format_partition`]'s form: the day, or the first of the month.
fn parse_partition(period: Period, text: &str) -> Option<Date> {
    match period {
        Period::Day => parse_day(text),
        Period::Month => parse_day(&format!("{text}-01")),
    }
}

/// The first day of the month that `day` is in.
pub fn first_of_month(day: Date) -> Date {
    day.replace_day(1).expect("every month has a first day")
}

/// A version of the object that says which files queries leave out, written on the day `at`. Alone under its prefix, as Athena
/// reads a prefix.
pub fn state_key(table: &str, at: Date, version: u64) -> String {
    format!(
        "{}at={}/{version:012}.ndjson",
        state_prefix(table),
        format_day(at)
    )
}

/// The version in a [`state_key`], and the day that it was written on.
pub fn state_version(table: &str, key: &str) -> Option<(u64, Date)> {
    let (at, name) = key
        .strip_prefix(&state_prefix(table))?
        .strip_prefix("at=")?
        .split_once('/')?;
    let at = parse_day(at)?;
    let version = name.strip_suffix(".ndjson")?.parse().ok()?;
    (state_key(table, at, version) == key).then_some((version, at))
}

/// The prefix that the Glue table of the [`state_key`]s points at.
pub fn state_prefix(table: &str) -> String {
    format!("state/lake/{table}/files/")
}

/// The state of a compacted day.
pub fn day_state_key(table: &str, day: Date) -> String {
    format!("{}dt={}.json", day_states_prefix(table), format_day(day))
}

/// The prefix of the states of all compacted days of a table.
pub fn day_states_prefix(table: &str) -> String {
    format!("state/lake/{table}/days/")
}

/// The day in a [`day_state_key`].
pub fn day_of_state(table: &str, key: &str) -> Option<Date> {
    let name = key.strip_prefix(&day_states_prefix(table))?;
    let day = parse_day(name.strip_prefix("dt=")?.strip_suffix(".json")?)?;
    (day_state_key(table, day) == key).then_some(day)
}

/// The rejected lines of one raw object.
pub fn rejected_key(pipeline: Pipeline, arrival_day: Date, id: FileId) -> String {
    format!(
        "{}dt={}/{id}.ndjson",
        pipeline.rejected_prefix(),
        format_day(arrival_day)
    )
}

/// A day as keys and the `dt` column have it, `YYYY-MM-DD`.
pub fn format_day(day: Date) -> String {
    day.format(DAY_FORMAT)
        .expect("a date has a year, a month and a day")
}

/// Reads [`format_day`]'s form.
pub fn parse_day(text: &str) -> Option<Date> {
    // The parser takes signs and longer years too, and one day must have one name.
    Date::parse(text, DAY_FORMAT)
        .ok()
        .filter(|day| format_day(*day) == text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;

    use super::*;

    #[test]
    fn keys_are_those_of_the_contract() {
        let day = date!(2026 - 01 - 31);
        let id = FileId::of_part("product_events", day, "raw/track/x.gz");
        let file = |kind| LakeFile { day, kind, id }.key("product_events");

        assert_eq!(
            file(FileKind::Part {
                at: date!(2026 - 02 - 01)
            }),
            format!("lake/product_events/new/at=2026-02-01/dt=2026-01-31/part-{id}.parquet")
        );
        assert_eq!(
            file(FileKind::CompactedDay),
            format!("lake/product_events/closed/dt=2026-01-31/day-{id}.parquet")
        );
        let month = LakeFile {
            day: first_of_month(day),
            kind: FileKind::MonthlyCopy,
            id,
        };
        assert_eq!(
            month.key("product_events_months"),
            format!("lake/product_events_months/month=2026-01/month-{id}.parquet")
        );
        assert_eq!(
            rejected_key(Pipeline::ProductEvents, day, id),
            format!("rejected/product_events/dt=2026-01-31/{id}.ndjson")
        );
        let state = state_key("product_events", day, 7);
        assert_eq!(
            state,
            "state/lake/product_events/files/at=2026-01-31/000000000007.ndjson"
        );
        assert_eq!(state_version("product_events", &state), Some((7, day)));
        for key in ["at=2026-01-31/7.ndjson", "000000000007.ndjson"] {
            let key = format!("state/lake/product_events/files/{key}");
            assert_eq!(state_version("product_events", &key), None, "{key}");
        }
        assert_eq!(
            day_state_key("product_events", day),
            "state/lake/product_events/days/dt=2026-01-31.json"
        );
        assert_eq!(
            day_of_state(
                "product_events",
                "state/lake/product_events/days/dt=2026-01-31.json"
            ),
            Some(day)
        );
        for key in [
            "app_events/days/dt=2026-01-31.json",
            "product_events/days/dt=2026-01-32.json",
        ] {
            let key = format!("state/lake/{key}");
            assert_eq!(day_of_state("product_events", &key), None, "{key}");
        }
    }

    #[test]
    fn what_goes_again_is_listed_on_its_day_and_on_the_next() {
        let at = date!(2026 - 01 - 31);
        let end = listed_until(at);
        assert_eq!(end, time::macros::datetime!(2026-02-02 00:00 UTC));
        for (now, expected) in [
            (at.midnight().assume_utc(), true),
            (end - Duration::NANOSECOND, true),
            (end, false),
        ] {
            assert_eq!(listed_days(now).any(|day| day == at), expected, "{now}");
        }
    }

    #[test]
    fn other_keys_are_no_files() {
        let id = "0".repeat(32);
        for key in [
            format!("lake/other/closed/dt=2026-01-31/day-{id}.parquet"),
            format!("lake/product_events/closed/dt=2026-01-32/day-{id}.parquet"),
            format!("lake/product_events/closed/dt=+2026-01-31/day-{id}.parquet"),
            format!("lake/product_events/closed/dt=2026-01-31/day-{id}.orc"),
            format!("lake/product_events/closed/dt=2026-01-31/x/day-{id}.parquet"),
            format!("lake/product_events/closed/day-{id}.parquet"),
            format!("lake/product_events/closed/dt=2026-01-31/part-{id}.parquet"),
            format!("lake/product_events/dt=2026-01-31/day-{id}.parquet"),
            format!("lake/product_events/new/dt=2026-01-31/part-{id}.parquet"),
            format!("lake/product_events/new/at=2026-02-30/dt=2026-01-31/part-{id}.parquet"),
            format!("lake/product_events/new/at=2026-02-01/dt=2026-01-31/day-{id}.parquet"),
            format!("lake/product_events/month=2026-01-31/month-{id}.parquet"),
            format!("lake/product_events/month=2026-13/month-{id}.parquet"),
            format!("lake/product_events/month=2026-01/part-{id}.parquet"),
            format!("lake/product_events/closed/dt=2026-01-31/month-{id}.parquet"),
            "lake/product_events/dt=2026-01-31/".to_owned(),
            String::new(),
        ] {
            assert_eq!(LakeFile::from_key("product_events", &key), None, "{key}");
        }
    }

    proptest! {
        #[test]
        fn key_and_back(
            days in 0_i32..60_000,
            kind in prop::sample::select(vec![
                FileKind::Part { at: date!(2026 - 01 - 01) }, FileKind::CompactedDay, FileKind::MonthlyCopy,
            ]),
            source in ".{0,20}",
        ) {
            let mut day = Date::from_julian_day(2_440_588 + days).unwrap();
            if kind == FileKind::MonthlyCopy {
                day = first_of_month(day);
            }
            let file = LakeFile { day, kind, id: FileId::of_part("product_events", day, &source) };

            prop_assert_eq!(LakeFile::from_key("product_events", &file.key("product_events")), Some(file));
            prop_assert!(file.key("product_events").bytes().all(
                |byte| byte.is_ascii_alphanumeric() || b"/_.=-".contains(&byte)
            ));
        }
    }
}
