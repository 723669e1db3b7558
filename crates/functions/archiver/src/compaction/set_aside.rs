//! Files of the lake that cannot be read: moved out of it, with a reason, so that everything else goes on.
//!
//! Queries open every file that they list, so a broken file fails each of them until it is gone. Nothing is lost: the bytes are
//! kept beside the reason, and the events are in the raw object, which can be converted again.

use std::time::Duration;

use aws_io::s3::{
    ObjectRef,
    copy::{CopyOutcome, copy},
    listing,
};
use function_kit::metrics::{Metric, Tally};
use lake_schema::layout::{self, LakeFile};
use object_worker::{RejectedLine, write_rejected};
use time::Date;
use tracing::error;

use super::CloseError;
use crate::{Deps, lake_store::LakeStore};

/// For copying an object of a few gigabytes, or writing a line about it.
const LIMIT: Duration = Duration::from_mins(1);

/// Why an object is set aside.
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

/// Moves a file to `rejected/`, writes a line about it, and counts it. Repeating it after it was cut off does the rest.
pub(super) async fn set_file_aside(
    deps: &Deps,
    stored: &LakeStore,
    file: LakeFile,
    reason: &Reason,
) -> Result<(), CloseError> {
    let name = stored.object(file.key(&stored.table));
    let id = format!("{}.parquet", file.id);
    set_object_aside(deps, stored, &name, file.day, &id, reason).await
}

/// The same for any object, which is kept as `kept_as` under the day `day`.
pub(super) async fn set_object_aside(
    deps: &Deps,
    stored: &LakeStore,
    name: &ObjectRef,
    day: Date,
    kept_as: &str,
    reason: &Reason,
) -> Result<(), CloseError> {
    let pipeline = stored.pipeline;
    let kept = format!(
        "rejected/{}/dt={}/{kept_as}",
        pipeline.name(),
        layout::format_day(day)
    );
    let failed = |source| CloseError::SetAside {
        key: name.key.clone(),
        source,
    };
    let copied = copy(&deps.s3, name, &kept, LIMIT)
        .await
        .map_err(|error| failed(error.into()))?;
    if copied == CopyOutcome::Missing && is_there(deps, name, &kept).await? {
        // A run that was cut off has moved it.
        return Ok(());
    }
    let Reason { code, detail } = reason;
    let key = &name.key;
    error!(
        key,
        reason = code,
        detail,
        kept,
        "file of the lake set aside; convert its raw objects again with `cistern replay`"
    );
    let line = RejectedLine {
        reason: code,
        detail,
        source_key: Some(key),
        message_id: None,
        ordinal: None,
        item: None,
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

async fn is_there(deps: &Deps, name: &ObjectRef, key: &str) -> Result<bool, CloseError> {
    let listed = listing::list(&deps.s3, &name.bucket, key, LIMIT).await;
    let listed = listed.map_err(|error| CloseError::SetAside {
        key: name.key.clone(),
        source: error.into(),
    })?;
    Ok(listed.iter().any(|object| object.key == key))
}
