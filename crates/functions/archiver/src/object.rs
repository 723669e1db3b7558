//! Archives one raw object: converts it and stores its rows in the lake.

mod error;
mod part;
mod raw;

use std::{
    io::{BufReader, BufWriter},
    time::Duration,
};

use aws_io::s3::{
    ObjectRef, PutOutcome, put_new_file,
    stream::{BlockingBody, open},
};
use erasure::{Verdict, note_late, verdict_of};
use event_model::Counts;
use lake_files::{Converted, IsErased, Source, convert_without};
use lake_schema::{FileId, layout};
use tempfile::NamedTempFile;
use tokio::{task::spawn_blocking, time::Instant};
use tracing::{info, warn};

use self::{
    part::store_part,
    raw::{RawObject, table_of},
};
use crate::{Deps, lake_store::LakeStore};

pub(crate) use self::error::ObjectError;

/// For an object's first bytes, and for each further read.
const READ_LIMIT: Duration = Duration::from_secs(20);
/// For storing an object's rejected lines.
const WRITE_LIMIT: Duration = Duration::from_mins(1);
/// How much of an object is read at once.
const READ_BYTES: usize = 256 << 10;

/// Converts one object and stores its parts and rejected lines, unless they are stored already.
pub(crate) async fn archive(deps: &Deps, name: &ObjectRef) -> Result<Counts, ObjectError> {
    let started = Instant::now();
    let table = table_of(deps, &name.key)?;
    let opened = open(&deps.s3, name, READ_LIMIT).await?;
    let object = RawObject::new(deps, table, name, opened.last_modified)?;
    let size_bytes = opened.size_bytes;
    let rejections = NamedTempFile::new()?;
    let body = opened.into_blocking(READ_LIMIT);
    let converted = convert_object(deps, &object, body, &rejections).await?;
    let counts = store_converted(deps, &object, converted, &rejections).await?;

    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let Counts {
        stored,
        duplicate,
        rejected,
        erased,
    } = counts;
    info!(
        stored,
        duplicate, rejected, erased, size_bytes, duration_ms, "object archived"
    );
    if rejected > 0 {
        warn!(
            rejected,
            "some records were rejected; rejected/ has them with the reasons"
        );
    }
    Ok(counts)
}

/// Converts on a thread that may block, and writes rejected lines to `rejections`.
async fn convert_object(
    deps: &Deps,
    object: &RawObject<'_>,
    body: BlockingBody,
    rejections: &NamedTempFile,
) -> Result<Converted, ObjectError> {
    let RawObject {
        table,
        source_key,
        arrival,
        is_own: _,
    } = object.clone();
    let table = table.clone();
    let first_day = deps.config.first_day;
    let erased = deps.erased.current().await?;
    let delivery = deps.senders.delivery(&source_key).await?;
    let out = BufWriter::new(rejections.reopen()?);
    let converting = spawn_blocking(move || {
        let source = Source {
            key: &source_key,
            arrival,
            first_day,
            delivery: delivery.as_ref(),
        };
        let body = BufReader::with_capacity(READ_BYTES, body);
        let pipeline = table.pipeline();
        let is_erased = |record: &[u8]| verdict_of(pipeline, record, &*erased) == Verdict::Theirs;
        let is_erased: Option<&IsErased<'_>> = if erased.is_empty() {
            None
        } else {
            Some(&is_erased)
        };
        convert_without(&table, source, body, out, is_erased)
    });
    converting.await?.map_err(|source| ObjectError::Convert {
        key: object.source_key.clone(),
        source,
    })
}

async fn store_converted(
    deps: &Deps,
    object: &RawObject<'_>,
    converted: Converted,
    rejections: &NamedTempFile,
) -> Result<Counts, ObjectError> {
    let store = LakeStore::new(deps, object.table);
    let mut counts = Counts {
        erased: converted.erased_count,
        ..Counts::default()
    };
    if converted.erased_count > 0 && object.is_own {
        note_late(&deps.s3, &deps.config.bucket, &object.source_key).await?;
    }
    if converted.rejected_count > 0 {
        let day = object.arrival.date();
        let id = FileId::of_part(&store.table, day, &object.source_key);
        let name = store.object(layout::rejected_key(store.pipeline, day, id));
        let put = put_new_file(
            &store.s3,
            &name,
            rejections.path(),
            "application/x-ndjson",
            WRITE_LIMIT,
        );
        match put.await? {
            PutOutcome::Created => counts.rejected = converted.rejected_count,
            PutOutcome::AlreadyThere => counts.duplicate += converted.rejected_count,
        }
    }
    let now = (deps.clock)();
    for part in converted.parts {
        let row_count = part.row_count;
        match store_part(&store, part, object.arrival, now).await? {
            PutOutcome::Created => counts.stored += row_count,
            PutOutcome::AlreadyThere => counts.duplicate += row_count,
        }
    }
    Ok(counts)
}
