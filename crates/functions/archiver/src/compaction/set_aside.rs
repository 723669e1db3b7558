//! Files of the lake that cannot be read are moved to `rejected/`, with a reason, so that everything else continues.
//!
//! Queries open every file that they list, so a broken file fails all of them until it is moved. Nothing is lost: its bytes are
//! kept beside the reason, and the events are in the raw object, which can be converted again.

use std::{collections::BTreeSet, time::Duration};

use aws_io::s3::{
    ObjectRef,
    copy::{CopyOutcome, copy},
    listing,
};
use event_model::rejected::RejectedLine;
use function_kit::metrics::{Metric, Tally};
use lake_files::ReadError;
use lake_schema::{
    FileId,
    layout::{self, LakeFile},
};
use object_worker::write_rejected;
use time::Date;
use tracing::error;

use super::error::CompactionError;
use crate::{Deps, lake_store::LakeStore};

/// For copying an object of a few gigabytes, or writing its rejected line.
const LIMIT: Duration = Duration::from_mins(1);

/// Why an object is moved to `rejected/`.
#[derive(Clone, Debug)]
pub(super) struct Reason {
    /// A short fixed code.
    pub(super) code: &'static str,
    /// The details, for a person.
    pub(super) detail: String,
}

impl Reason {
    /// The file is planned to be merged and is no longer there.
    pub(super) fn missing() -> Self {
        Self {
            code: "file_missing",
            detail: "the file was listed and does not exist any more".to_owned(),
        }
    }
}

impl From<&ReadError> for Reason {
    fn from(error: &ReadError) -> Self {
        Self {
            code: error.reason(),
            detail: function_kit::chain(error).to_string(),
        }
    }
}

/// Moves a file to `rejected/`, writes a rejected line about it, and counts it. If a run is interrupted here, the next one
/// completes the move.
pub(super) async fn set_file_aside(
    deps: &Deps,
    store: &LakeStore,
    file: LakeFile,
    reason: &Reason,
) -> Result<(), CompactionError> {
    let name = store.object(file.key(&store.table));
    let id = format!("{}.parquet", file.id);
    set_object_aside(deps, store, &name, file.day, &id, reason).await
}

/// The same for any object. `kept_as` is its new name under the day `day`.
pub(super) async fn set_object_aside(
    deps: &Deps,
    store: &LakeStore,
    name: &ObjectRef,
    day: Date,
    kept_as: &str,
    reason: &Reason,
) -> Result<(), CompactionError> {
    let pipeline = store.pipeline;
    let kept = format!(
        "{}dt={}/{kept_as}",
        pipeline.rejected_prefix(),
        layout::format_day(day)
    );
    let failed = |source| CompactionError::SetAside {
        key: name.key.clone(),
        source,
    };
    let copied = copy(&deps.s3, name, &kept, LIMIT)
        .await
        .map_err(|error| failed(error.into()))?;
    if copied == CopyOutcome::Missing && exists(deps, name, &kept).await? {
        // An interrupted run has moved it.
        return Ok(());
    }
    let Reason { code, detail } = reason;
    let key = &name.key;
    error!(
        key,
        reason = code,
        detail,
        kept,
        "unreadable file of the lake moved to rejected/; convert its raw objects again with `cistern replay`"
    );
    let line = RejectedLine {
        reason: code,
        detail,
        source_key: Some(key),
        ..RejectedLine::default()
    };
    let now = (deps.clock)();
    let bucket = &deps.config.bucket;
    write_rejected(&deps.s3, bucket, pipeline, &line, now, LIMIT)
        .await
        .map_err(|error| failed(error.into()))?;
    let deleted = listing::delete(&deps.s3, bucket, std::slice::from_ref(key), LIMIT).await;
    deleted.map_err(|error| failed(error.into()))?;
    let mut tally = Tally::default();
    tally.add(Metric::LakeFilesRejected, 1);
    deps.metrics.of(pipeline).emit(&tally, now.into());
    Ok(())
}

/// Moves compacted files to `rejected/`, and removes them from the states of their days, so that their parts can be converted
/// again.
pub(super) async fn set_compacted_aside(
    deps: &Deps,
    store: &LakeStore,
    broken: &[(LakeFile, Reason)],
) -> Result<(), CompactionError> {
    let days: BTreeSet<Date> = broken.iter().map(|(file, _)| file.day).collect();
    for day in days {
        let (state, version) = store.read_day(day).await?;
        if let Some(mut state) = state {
            let is_broken = |id: &FileId| {
                broken
                    .iter()
                    .any(|(file, _)| file.day == day && file.id == *id)
            };
            state.parts.retain(|_, output| !is_broken(output));
            if is_broken(&state.output) {
                state.output = FileId::NONE;
            }
            store.write_day(day, &state, &version).await?;
        }
    }
    for (file, reason) in broken {
        set_file_aside(deps, store, *file, reason).await?;
    }
    Ok(())
}

async fn exists(deps: &Deps, name: &ObjectRef, key: &str) -> Result<bool, CompactionError> {
    let listed = listing::list(&deps.s3, &name.bucket, key, LIMIT).await;
    let listed = listed.map_err(|error| CompactionError::SetAside {
        key: name.key.clone(),
        source: error.into(),
    })?;
    Ok(listed.iter().any(|object| object.key == key))
}
