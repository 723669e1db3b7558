//! What days and months have in common: each that is due becomes one file, and the manifest says how far it is.

use std::{collections::BTreeSet, path::Path, time::Duration};

use aws_io::s3::{put_new_file, stream::BlockingBody, stream::open};
use lake_schema::{
    FileId, Period,
    layout::{LakeFile, format_partition},
};
use time::Date;
use tokio::time::Instant;
use tracing::{Instrument, error, info_span};

use super::{
    CloseError, Report,
    manifest::{Compaction, Manifest, Phase, version_after},
    set_aside::{Reason, set_file_aside},
};
use crate::{
    Deps,
    lake_store::{LakeStore, LakeStoreError},
};

/// For an object's first bytes, and for each piece of it.
const READ_LIMIT: Duration = Duration::from_secs(20);
/// For storing a closed day or month, a few gigabytes at most.
const WRITE_LIMIT: Duration = Duration::from_mins(5);

const PARQUET: &str = "application/vnd.apache.parquet";

/// What a day or a month was closed as.
#[derive(Clone, Debug)]
pub(super) struct Closed<T> {
    /// The inputs whose events are in closed files now. Others stay what they are, or were set aside.
    pub(super) used: Vec<LakeFile>,
    /// What is said about the file; `None` when none was written.
    pub(super) written: Option<T>,
}

/// Makes one file of a day's, or a month's, inputs.
pub(super) trait Writer: Sync {
    /// What is said about the file.
    type Written: Send;
    /// What one file holds.
    const PERIOD: Period;

    /// Writes the output of `compaction`, which is that of `day`, or of the month that begins with it.
    fn write(
        &self,
        day: Date,
        compaction: &Compaction,
    ) -> impl Future<Output = Result<Closed<Self::Written>, CloseError>> + Send;
}

/// Closes each of `due` by `writer`, begins none after `begin_until`, and notes down in the manifest what was done. Returns what
/// was written.
pub(super) async fn close_all<W: Writer>(
    deps: &Deps,
    stored: &LakeStore,
    manifest: &mut Manifest,
    due: Vec<Date>,
    begin_until: Instant,
    report: &mut Report,
    writer: W,
) -> Result<Vec<(Date, W::Written)>, LakeStoreError> {
    let mut written = Vec::new();
    let mut has_changed = false;
    for day in due {
        let Some(closing) = manifest.days.get_mut(&day) else {
            continue;
        };
        if Instant::now() >= begin_until {
            report.put_off.push(day);
            continue;
        }
        let partition = format_partition(W::PERIOD, day);
        let span = info_span!("partition", partition, file_count = closing.inputs.len());
        match writer.write(day, closing).instrument(span).await {
            Ok(closed) => {
                has_changed = true;
                written.extend(closed.written.map(|file| (day, file)));
                if closed.used.is_empty() {
                    // There is no file to show.
                    manifest.days.remove(&day);
                } else {
                    closing.inputs = closed.used;
                    (closing.phase, closing.since) = (Phase::Written, (deps.clock)());
                }
            }
            Err(error) => {
                let error = function_kit::chain(&error);
                error!(partition, error = %error, "partition cannot be closed now");
                report.failed.push(day);
            }
        }
    }
    if has_changed {
        // Once for all, as queries read every version. A run that is cut off before finds its files there the next time.
        manifest.version = version_after(manifest.version, (deps.clock)().date());
        stored.write_manifest(manifest).await?;
    }
    report.closing_count += manifest.days.len();
    Ok(written)
}

/// Stores the file at `path`, unless a run that was cut off has.
pub(super) async fn put_output(
    stored: &LakeStore,
    output: LakeFile,
    path: &Path,
) -> Result<(), CloseError> {
    let name = stored.object(output.key(&stored.table));
    let put = put_new_file(&stored.s3, &name, path, PARQUET, WRITE_LIMIT).await;
    put.map(drop)
        .map_err(|error| LakeStoreError::from(error).into())
}

pub(super) async fn open_object(stored: &LakeStore, key: &str) -> Result<BlockingBody, CloseError> {
    let name = stored.object(key.to_owned());
    let opened = open(&stored.s3, &name, READ_LIMIT).await;
    let body = opened.map_err(|source| CloseError::Get {
        key: name.key,
        source,
    })?;
    Ok(body.into_blocking(READ_LIMIT))
}

/// Sets closed files of a day aside, and forgets that their parts are in closed files, so that they can be converted again.
pub(super) async fn set_closed_aside(
    deps: &Deps,
    stored: &LakeStore,
    broken: &[(LakeFile, Reason)],
) -> Result<(), CloseError> {
    let days: BTreeSet<Date> = broken.iter().map(|(file, _)| file.day).collect();
    for day in days {
        let (state, version) = stored.read_day(day).await?;
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
            stored.write_day(day, &state, &version).await?;
        }
    }
    for (file, reason) in broken {
        set_file_aside(deps, stored, *file, reason).await?;
    }
    Ok(())
}
