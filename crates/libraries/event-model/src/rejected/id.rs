//! The id of a rejected item, which says where it is kept.

use std::{fmt, str::FromStr};

use time::{Date, format_description::StaticFormatDescription, macros::format_description};

use crate::{BatchKey, Pipeline, batch_key::is_safe_name};

/// The id of a rejected item: where it is kept, and nothing of its content. It has only characters that need no escaping in
/// a path, a query or a shell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectedId {
    /// A row of `email_events_rejected`: `row.2026-11-20.3.<batch key>`.
    Row {
        /// The UTC day on which it was rejected.
        day: Date,
        /// The batch that it was part of.
        batch_key: String,
        /// Its place in the batch, from 0.
        ordinal: u32,
        /// Whether it stands for several items, whose bytes only the archived batch has: `rows.…` instead of `row.…`.
        is_many: bool,
    },
    /// A line of an object under `rejected/`: `line.app_events.2026-11-20.0.<name>`.
    Line {
        /// Whose item it is.
        pipeline: Pipeline,
        /// The day in the object's key.
        day: Date,
        /// The object's name, without `.ndjson`.
        name: String,
        /// Where the line begins, in bytes from the start of the object.
        offset: u64,
    },
}

/// A text that is not the id of a rejected item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the id of a rejected item; GET /api/v1/rejected and `cistern rejected list` have the ids"
)]
pub struct ParseRejectedIdError;

const DAY: StaticFormatDescription = format_description!("[year]-[month]-[day]");
const LINES_SUFFIX: &str = ".ndjson";
const MAX_NAME_BYTES: usize = 256;

impl RejectedId {
    /// The id of a line of the object `key`; `None` for a key that is not one of lines.
    pub fn of_line(key: &str, offset: u64) -> Option<Self> {
        let (pipeline, rest) = Pipeline::ALL
            .into_iter()
            .find_map(|pipeline| Some((pipeline, key.strip_prefix(pipeline.rejected_prefix())?)))?;
        let (day, name) = rest.strip_prefix("dt=")?.split_once('/')?;
        let name = name.strip_suffix(LINES_SUFFIX)?;
        is_own_name(name).then_some(())?;
        Some(Self::Line {
            pipeline,
            day: parse_day(day)?,
            name: name.to_owned(),
            offset,
        })
    }

    /// Whose item it is.
    pub fn pipeline(&self) -> Pipeline {
        match self {
            Self::Row { .. } => Pipeline::EmailEvents,
            Self::Line { pipeline, .. } => *pipeline,
        }
    }

    /// The day that it is listed under.
    pub fn day(&self) -> Date {
        match self {
            Self::Row { day, .. } | Self::Line { day, .. } => *day,
        }
    }

    /// The object with its line; `None` for a row.
    pub fn object_key(&self) -> Option<String> {
        match self {
            Self::Row { .. } => None,
            Self::Line {
                pipeline,
                day,
                name,
                ..
            } => Some(format!(
                "{}dt={day}/{name}{LINES_SUFFIX}",
                pipeline.rejected_prefix()
            )),
        }
    }
}

impl fmt::Display for RejectedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row {
                day,
                batch_key,
                ordinal,
                is_many,
            } => {
                let kind = if *is_many { "rows" } else { "row" };
                write!(f, "{kind}.{day}.{ordinal}.{batch_key}")
            }
            Self::Line {
                pipeline,
                day,
                name,
                offset,
            } => write!(f, "line.{}.{day}.{offset}.{name}", pipeline.name()),
        }
    }
}

impl FromStr for RejectedId {
    type Err = ParseRejectedIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = parse(text).ok_or(ParseRejectedIdError)?;
        // One item has one id.
        (id.to_string() == text)
            .then_some(id)
            .ok_or(ParseRejectedIdError)
    }
}

fn parse(text: &str) -> Option<RejectedId> {
    let (kind, rest) = text.split_once('.')?;
    match kind {
        "row" | "rows" => {
            let mut parts = rest.splitn(3, '.');
            let day = parse_day(parts.next()?)?;
            let ordinal = parts.next()?.parse().ok()?;
            let batch_key = parts.next()?;
            BatchKey::parse(batch_key)?;
            Some(RejectedId::Row {
                day,
                batch_key: batch_key.to_owned(),
                ordinal,
                is_many: kind == "rows",
            })
        }
        "line" => {
            let mut parts = rest.splitn(4, '.');
            let pipeline = Pipeline::of_table(parts.next()?)?;
            let day = parse_day(parts.next()?)?;
            let offset = parts.next()?.parse().ok()?;
            let name = parts.next().filter(|name| is_own_name(name))?;
            Some(RejectedId::Line {
                pipeline,
                day,
                name: name.to_owned(),
                offset,
            })
        }
        _ => None,
    }
}

fn parse_day(text: &str) -> Option<Date> {
    Date::parse(text, DAY)
        .ok()
        .filter(|day| day.to_string() == text)
}

fn is_own_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES && is_safe_name(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;

    use super::*;

    const DAY: Date = date!(2026 - 11 - 20);

    #[test]
    fn ids_say_where_an_item_is() {
        let row = RejectedId::Row {
            day: DAY,
            batch_key: "b.1-4f53cda18c2baa0c".to_owned(),
            ordinal: 3,
            is_many: false,
        };
        let key = "rejected/app_events/dt=2026-11-20/run.7-1.ndjson";
        let line = RejectedId::of_line(key, 120).unwrap();

        assert_eq!(row.to_string(), "row.2026-11-20.3.b.1-4f53cda18c2baa0c");
        assert_eq!(line.to_string(), "line.app_events.2026-11-20.120.run.7-1");
        assert_eq!(line.object_key().as_deref(), Some(key));
        assert_eq!(line.pipeline(), Pipeline::AppEvents);
        for id in [row, line] {
            assert_eq!(id.to_string().parse(), Ok(id.clone()));
            assert_eq!(id.day(), DAY);
        }
    }

    #[test]
    fn other_texts_and_keys_are_none() {
        for text in [
            "",
            "row",
            "row.2026-11-20.3",
            "row.2026-11-20.3.",
            "row.2026-11-20.-1.b",
            "row.2026-11-20.+1.b",
            "row.2026-11-20.03.b",
            "row.2026-11-31.3.b",
            "row.2026-11-20.3.a/../b",
            "row.2026-11-20.3.b c",
            "line.events.2026-11-20.0.x",
            "line.app_events.2026-11-20.0.../x",
            "line.app_events.2026-11-20.x.y",
            "column.2026-11-20.3.b",
        ] {
            assert!(text.parse::<RejectedId>().is_err(), "{text}");
        }
        for key in [
            "rejected/app_events/dt=2026-11-20/x.parquet",
            "rejected/app_events/dt=2026-11-20/deeper/x.ndjson",
            "rejected/firehose/dt=2026-11-20/x.ndjson",
            "raw/track/dt=2026-11-20/x.ndjson",
        ] {
            assert_eq!(RejectedId::of_line(key, 0), None, "{key}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(row|rows|line)\\.[-0-9a-z_./]{0,40}") {
            let _ = text.parse::<RejectedId>();
        }

        #[test]
        fn ids_read_back(ordinal: u32, offset: u64, name in "[A-Za-z0-9_.=-]{1,60}", is_many: bool) {
            let row = RejectedId::Row { day: DAY, batch_key: name.clone(), ordinal, is_many };
            let line = RejectedId::Line { pipeline: Pipeline::ProductEvents, day: DAY, name, offset };

            prop_assert_eq!(row.to_string().parse(), Ok(row));
            prop_assert_eq!(line.to_string().parse(), Ok(line));
        }
    }
}
