//! One raw object: from its name to its rows in the lake.

use std::{
    io::{self, BufReader, BufWriter},
    time::Duration,
};

use aws_io::s3::{GetError, ObjectRef, PutError, PutOutcome, put_new_file, stream::open};
use event_model::{Counts, Pipeline};
use lake_files::{ConvertError, Converted, Part, Source, convert};
use lake_schema::{
    FileId, Table, arrival,
    layout::{self, FileKind, LakeFile},
};
use object_worker::Rejection;
use tempfile::NamedTempFile;
use time::{Date, Duration as TimeSpan, OffsetDateTime};
use tokio::{
    task::{JoinError, spawn_blocking},
    time::Instant,
};
use tracing::{info, warn};

use crate::{
    Deps,
    lake_store::{LakeStore, LakeStoreError},
};

/// For an object's first bytes, and for each piece of it.
const READ_LIMIT: Duration = Duration::from_secs(20);
/// For storing what an object rejects.
const WRITE_LIMIT: Duration = Duration::from_mins(1);
/// So long before queries stop to list a day nothing more is filed under it: the compactor has to plan, write and show a file.
const MERGING_TIME: TimeSpan = TimeSpan::hours(12);
/// S3's clock is ahead of this one by so much at most; an arrival further ahead is none.
const CLOCK_DIFFERENCE: TimeSpan = TimeSpan::MINUTE;
/// How much of an object is asked for at once.
const READ_BYTES: usize = 256 << 10;

/// Why an object is not in the lake.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    /// The object could not be read.
    #[error(transparent)]
    Get(#[from] GetError),
    /// Its rows would be in days that no query looks at. That is for an operator to decide, so it is kept in the queue.
    #[error("{key} arrived on {arrival_day}, before LAKE_FIRST_DAY ({first_day})")]
    BeforeFirstDay {
        key: String,
        arrival_day: Date,
        first_day: Date,
    },
    /// This version has no table for it.
    #[error("{key} belongs to table {table}, which is not there")]
    NoTable { key: String, table: &'static str },
    #[error("converting {key}")]
    Convert { key: String, source: ConvertError },
    #[error("a disk to work on")]
    Disk(#[from] io::Error),
    #[error("the thread that converts")]
    Thread(#[from] JoinError),
    /// What it rejects could not be stored.
    #[error(transparent)]
    Rejections(#[from] PutError),
    /// What it became could not be stored.
    #[error(transparent)]
    Store(#[from] LakeStoreError),
}

impl ObjectError {
    /// Why the object can never be archived; `None` when another attempt may do it.
    pub(crate) fn rejection(&self, own_bucket: &str) -> Option<Rejection> {
        match self {
            // What S3 refuses of the function's own bucket, a deployment may grant. Another bucket is a mistake, or
            // somebody has yet to grant it and replays the object then.
            Self::Get(error) if error.is_refused() && error.name().bucket != own_bucket => {
                Some(Rejection {
                    reason: "other_bucket",
                    detail: function_kit::chain(error).to_string(),
                })
            }
            // The archive is the truth: an object that is gone before it was converted is a loss that must show.
            Self::Get(error @ GetError::Missing { .. }) => Some(Rejection {
                reason: "object_missing",
                detail: function_kit::chain(error).to_string(),
            }),
            Self::Get(_)
            | Self::BeforeFirstDay { .. }
            | Self::NoTable { .. }
            | Self::Convert { .. }
            | Self::Disk(_)
            | Self::Thread(_)
            | Self::Rejections(_)
            | Self::Store(_) => None,
        }
    }
}

/// Converts one object and stores what it became, as far as it is not stored already.
pub(crate) async fn archive(deps: &Deps, name: &ObjectRef) -> Result<Counts, ObjectError> {
    let started = Instant::now();
    let table = table_of(deps, &name.key)?;
    let stored = LakeStore::new(deps, table);
    let source_key = source_key(&deps.config.bucket, name);
    let opened = open(&deps.s3, name, READ_LIMIT).await?;
    let size_bytes = opened.size_bytes;
    let arrival = arrival::from_key(&name.key)
        .or(opened.last_modified)
        .unwrap_or_else(|| (deps.clock)());
    let first_day = deps.config.first_day;
    if arrival.date() < first_day {
        return Err(ObjectError::BeforeFirstDay {
            key: source_key,
            arrival_day: arrival.date(),
            first_day,
        });
    }

    let rejections = NamedTempFile::new()?;
    let body = opened.into_blocking(READ_LIMIT);
    let converting = spawn_blocking({
        let (table, key) = (table.clone(), source_key.clone());
        let out = BufWriter::new(rejections.reopen()?);
        move || {
            let source = Source {
                key: &key,
                arrival,
                first_day,
            };
            let body = BufReader::with_capacity(READ_BYTES, body);
            convert(&table, source, body, out)
        }
    });
    let converted = converting.await?.map_err(|source| ObjectError::Convert {
        key: source_key.clone(),
        source,
    })?;

    let now = (deps.clock)();
    let archived = store(&stored, &source_key, arrival, converted, &rejections, now).await?;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let Counts {
        stored,
        duplicate,
        rejected,
    } = archived;
    info!(
        stored,
        duplicate, rejected, size_bytes, duration_ms, "object archived"
    );
    if rejected > 0 {
        warn!(
            rejected,
            "some records cannot be used and are under rejected/"
        );
    }
    Ok(archived)
}

fn table_of<'a>(deps: &'a Deps, key: &str) -> Result<&'a Table, ObjectError> {
    let pipeline = Pipeline::of_raw_key(key);
    let table = deps
        .tables
        .iter()
        .find(|table| table.pipeline() == pipeline);
    table.ok_or_else(|| ObjectError::NoTable {
        key: key.to_owned(),
        table: pipeline.name(),
    })
}

/// What an object is called, in the names of its files and in what is said about it.
fn source_key(bucket: &str, name: &ObjectRef) -> String {
    if name.bucket == bucket {
        name.key.clone()
    } else {
        name.to_string()
    }
}

async fn store(
    stored: &LakeStore,
    source_key: &str,
    arrival: OffsetDateTime,
    converted: Converted,
    rejections: &NamedTempFile,
    now: OffsetDateTime,
) -> Result<Counts, ObjectError> {
    let mut archived = Counts::default();
    if converted.rejected_count > 0 {
        let day = arrival.date();
        let id = FileId::of_part(&stored.table, day, source_key);
        let name = stored.object(layout::rejected_key(stored.pipeline, day, id));
        let put = put_new_file(
            &stored.s3,
            &name,
            rejections.path(),
            "application/x-ndjson",
            WRITE_LIMIT,
        );
        match put.await? {
            PutOutcome::Created => archived.rejected = converted.rejected_count,
            PutOutcome::AlreadyThere => archived.duplicate += converted.rejected_count,
        }
    }
    for part in converted.parts {
        let row_count = part.row_count;
        match store_part(stored, part, arrival, now).await? {
            PutOutcome::Created => archived.stored += row_count,
            PutOutcome::AlreadyThere => archived.duplicate += row_count,
        }
    }
    Ok(archived)
}

/// The day that a part is filed under: that of its source's arrival, which is the same each time, as long as the compactor has
/// time enough to merge it before queries stop to list that day; else today.
fn coming(arrival: OffsetDateTime, now: OffsetDateTime) -> Date {
    let day = arrival.date();
    let is_early = now < layout::listed_until(day) - MERGING_TIME;
    if is_early && arrival - now <= CLOCK_DIFFERENCE {
        day
    } else {
        now.date()
    }
}

/// Stores a part, unless it is there, or was and is now in a file that its day was closed as.
///
/// That is looked up before the part is stored, and a part is only removed long after it was noted down there
/// ([`Policy::query_grace_period`](crate::Policy::query_grace_period)): so a part that is not noted down yet is still there to be found, under one of the
/// days that queries list.
async fn store_part(
    stored: &LakeStore,
    part: Part,
    arrival: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<PutOutcome, LakeStoreError> {
    let (day, _) = stored.read_day(part.file.day).await?;
    if day.is_some_and(|day| day.parts.contains_key(&part.file.id)) {
        return Ok(PutOutcome::AlreadyThere);
    }
    let filed = |at| LakeFile {
        kind: FileKind::Part { at },
        ..part.file
    };
    let at = coming(arrival, now);
    if at != arrival.date() {
        for other in layout::listed_days(now).filter(|day| *day != at) {
            if stored.has_part(filed(other)).await? {
                return Ok(PutOutcome::AlreadyThere);
            }
        }
    }
    stored.put_file(filed(at), part.bytes.into()).await
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn a_part_is_filed_under_a_day_that_queries_list_for_long_enough() {
        let arrival = datetime!(2026-03-01 00:00:00.5 UTC);
        for (now, expected) in [
            (datetime!(2026-03-01 12:00 UTC), date!(2026 - 03 - 01)),
            (datetime!(2026-03-02 11:59 UTC), date!(2026 - 03 - 01)),
            (datetime!(2026-03-02 12:00 UTC), date!(2026 - 03 - 02)),
            (datetime!(2026-05-07 00:00 UTC), date!(2026 - 05 - 07)),
            // A clock that is a little behind that of S3, and a name that tells a time to come.
            (datetime!(2026-02-28 23:59:59 UTC), date!(2026 - 03 - 01)),
            (datetime!(2026-02-27 10:00 UTC), date!(2026 - 02 - 27)),
        ] {
            let at = coming(arrival, now);
            assert_eq!(at, expected, "{now}");
            assert!(layout::listed_until(at) - now >= MERGING_TIME);
        }
    }
}
