//! The lake's keys in the events bucket.
//!
//! ```text
//! lake/<table>/dt=YYYY-MM-DD/part-<id>.parquet           the events of one raw object on one day
//! lake/<table>/dt=YYYY-MM-DD/day-<id>.parquet            a closed day: all parts of it, sorted, each event once
//! lake/<table>_months/month=YYYY-MM/month-<id>.parquet   a closed month: a copy of its closed days
//! state/lake/<table>/files/<version>.ndjson              which files queries leave out; the highest version counts
//! state/lake/<table>_months/files/<version>.ndjson       the same for closed months
//! state/lake/<table>/days/dt=YYYY-MM-DD.json             what a closed day consists of
//! rejected/<pipeline>/dt=YYYY-MM-DD/<id>.ndjson          what could not become a row
//! ```

use time::{Date, format_description::StaticFormatDescription, macros::format_description};

use crate::{FileId, Period};

const DAY_FORMAT: StaticFormatDescription = format_description!("[year]-[month]-[day]");
const MONTH_FORMAT: StaticFormatDescription = format_description!("[year]-[month]");

/// What a file of the lake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// The events of one raw object on one day, in the order in which they arrived.
    Part,
    /// A closed day: what its parts held, sorted and without duplicates.
    ClosedDay,
    /// A closed month: what its closed days hold, in the order of the days.
    ClosedMonth,
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
            Self::Part => "part-",
            Self::ClosedDay => "day-",
            Self::ClosedMonth => "month-",
        }
    }

    /// What the partition holds that such files are in.
    const fn period(self) -> Period {
        match self {
            Self::Part | Self::ClosedDay => Period::Day,
            Self::ClosedMonth => Period::Month,
        }
    }
}

impl LakeFile {
    /// The object's key.
    pub fn key(&self, table: &str) -> String {
        format!(
            "{}{}{}.parquet",
            partition_prefix(table, self.kind.period(), self.day),
            self.kind.prefix(),
            self.id
        )
    }

    /// The file that `key` names, or `None` when the key is none of `table`'s files.
    pub fn from_key(table: &str, key: &str) -> Option<Self> {
        let (partition, name) = key.strip_prefix(&table_prefix(table))?.split_once('/')?;
        let (name_of_key, value) = partition.split_once('=')?;
        let stem = name.strip_suffix(".parquet")?;
        [FileKind::Part, FileKind::ClosedDay, FileKind::ClosedMonth]
            .into_iter()
            .filter(|kind| kind.period().key() == name_of_key)
            .find_map(|kind| {
                let id = stem.strip_prefix(kind.prefix())?.parse().ok()?;
                let day = parse_partition(kind.period(), value)?;
                Some(Self { day, kind, id })
            })
    }
}

/// The prefix of a table's files, `lake/<table>/`.
pub fn table_prefix(table: &str) -> String {
    format!("lake/{table}/")
}

/// The prefix of the files of one day, or of the month that begins on `day`.
fn partition_prefix(table: &str, period: Period, day: Date) -> String {
    let value = format_partition(period, day);
    format!("{}{}={value}/", table_prefix(table), period.key())
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

/// A version of the object that says which files queries leave out. Alone under its prefix, as Athena reads a prefix.
pub fn state_key(table: &str, version: u64) -> String {
    format!("{}{version:012}.ndjson", state_prefix(table))
}

/// The version in a [`state_key`].
pub fn state_version(table: &str, key: &str) -> Option<u64> {
    let version = key
        .strip_prefix(&state_prefix(table))?
        .strip_suffix(".ndjson")?
        .parse()
        .ok()?;
    (state_key(table, version) == key).then_some(version)
}

/// The prefix that the Glue table of the [`state_key`]s points at.
pub fn state_prefix(table: &str) -> String {
    format!("state/lake/{table}/files/")
}

/// The object that says what a closed day consists of.
pub fn day_state_key(table: &str, day: Date) -> String {
    format!("state/lake/{table}/days/dt={}.json", format_day(day))
}

/// The object that holds what of one raw object could not become a row.
pub fn rejected_key(pipeline: &str, arrival_day: Date, id: FileId) -> String {
    format!(
        "rejected/{pipeline}/dt={}/{id}.ndjson",
        format_day(arrival_day)
    )
}

/// Under which name a table's rejections are kept: that of the pipeline which nobody else judges, and else the table's own.
pub fn pipeline(table: &str) -> &str {
    match table {
        "events" => "product_events",
        other => other,
    }
}

/// The table that the events of a raw object go to, by the object's key: product events unless it is another archive.
pub fn table_of_raw(key: &str) -> &'static str {
    if key.starts_with("raw/sparkpost/") {
        "email_events"
    } else if key.starts_with("raw/mparticle/") {
        "app_events"
    } else {
        "events"
    }
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
        let id = FileId::of_part("events", day, "raw/track/x.gz");
        let file = |kind| LakeFile { day, kind, id }.key("events");

        assert_eq!(
            file(FileKind::Part),
            format!("lake/events/dt=2026-01-31/part-{id}.parquet")
        );
        assert_eq!(
            file(FileKind::ClosedDay),
            format!("lake/events/dt=2026-01-31/day-{id}.parquet")
        );
        let month = LakeFile {
            day: first_of_month(day),
            kind: FileKind::ClosedMonth,
            id,
        };
        assert_eq!(
            month.key("events_months"),
            format!("lake/events_months/month=2026-01/month-{id}.parquet")
        );
        assert_eq!(
            rejected_key("product_events", day, id),
            format!("rejected/product_events/dt=2026-01-31/{id}.ndjson")
        );
        assert_eq!(
            state_key("events", 7),
            "state/lake/events/files/000000000007.ndjson"
        );
        assert_eq!(state_version("events", &state_key("events", 7)), Some(7));
        assert_eq!(
            state_version("events", "state/lake/events/files/7.ndjson"),
            None
        );
        assert_eq!(
            day_state_key("events", day),
            "state/lake/events/days/dt=2026-01-31.json"
        );
    }

    #[test]
    fn each_archive_has_its_table() {
        for (key, table) in [
            ("raw/track/dt=2026-01-31/hour=01/x.gz", "events"),
            ("analytics_raw/2018/03/15/22/x", "events"),
            ("raw/sparkpost/dt=2026-01-31/x.json.gz", "email_events"),
            (
                "raw/mparticle/dt=2026-01-31/hour=01/x-1.ndjson.gz",
                "app_events",
            ),
        ] {
            assert_eq!(table_of_raw(key), table, "{key}");
        }
    }

    #[test]
    fn other_keys_are_no_files() {
        let id = "0".repeat(32);
        for key in [
            format!("lake/other/dt=2026-01-31/part-{id}.parquet"),
            format!("lake/events/dt=2026-01-32/part-{id}.parquet"),
            format!("lake/events/dt=+2026-01-31/part-{id}.parquet"),
            format!("lake/events/dt=2026-01-31/part-{id}.orc"),
            format!("lake/events/dt=2026-01-31/x/part-{id}.parquet"),
            format!("lake/events/part-{id}.parquet"),
            format!("lake/events/month=2026-01-31/month-{id}.parquet"),
            format!("lake/events/month=2026-13/month-{id}.parquet"),
            format!("lake/events/month=2026-01/part-{id}.parquet"),
            format!("lake/events/dt=2026-01-31/month-{id}.parquet"),
            "lake/events/dt=2026-01-31/".to_owned(),
            String::new(),
        ] {
            assert_eq!(LakeFile::from_key("events", &key), None, "{key}");
        }
    }

    proptest! {
        #[test]
        fn key_and_back(
            days in 0_i32..60_000,
            kind in prop::sample::select(vec![FileKind::Part, FileKind::ClosedDay, FileKind::ClosedMonth]),
            source in ".{0,20}",
        ) {
            let mut day = Date::from_julian_day(2_440_588 + days).unwrap();
            if kind == FileKind::ClosedMonth {
                day = first_of_month(day);
            }
            let file = LakeFile { day, kind, id: FileId::of_part("events", day, &source) };

            prop_assert_eq!(LakeFile::from_key("events", &file.key("events")), Some(file));
            prop_assert!(file.key("events").bytes().all(
                |byte| byte.is_ascii_alphanumeric() || b"/_.=-".contains(&byte)
            ));
        }
    }
}
