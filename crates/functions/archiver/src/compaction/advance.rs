//! One run over a manifest: the steps that days and months share.

use std::collections::BTreeMap;

use lake_schema::layout::LakeFile;
use time::Date;
use tokio::time::Instant;
use tracing::{Instrument, error, info_span};

use super::{
    error::CompactionError,
    plan::{Due, Steps, next_steps},
    report::Report,
};
use crate::{
    Deps,
    lake_store::{LakeStore, LakeStoreError, ManifestVersions},
    manifest::{Compaction, Manifest, Phase},
};

/// The result of compacting one day or month.
#[derive(Clone, Debug)]
pub(super) struct Compacted<T> {
    /// The inputs whose events are in compacted files now. The others stay as they are, or were moved to `rejected/`.
    pub(super) used: Vec<LakeFile>,
    /// What the report says about the file; `None` when none was written.
    pub(super) written: Option<T>,
}

/// Makes one file of the inputs of a day or a month.
pub(super) trait Writer: Sync {
    /// What the report says about the file.
    type Written: Send;

    /// Writes the output of `compaction`, which is that of `day`, or of the month that begins with `day`.
    fn write(
        &self,
        day: Date,
        compaction: &Compaction,
    ) -> impl Future<Output = Result<Compacted<Self::Written>, CompactionError>> + Send;
}

/// One run over the manifest of a table, or of its monthly copies.
pub(super) struct Run<'a> {
    pub(super) deps: &'a Deps,
    pub(super) store: &'a LakeStore,
    /// No file is started later.
    pub(super) begin_until: Instant,
}

impl Run<'_> {
    /// Advances each compaction of `versions` and of `due` by at most one phase: deletes what no query lists any more, writes the
    /// next manifest, then writes each planned output by `writer`. Returns the manifest that is in force then, and what was
    /// written. `files` are all files that may be deleted.
    pub(super) async fn advance<W: Writer>(
        &self,
        versions: ManifestVersions,
        files: &[LakeFile],
        due: BTreeMap<Date, Due>,
        report: &mut Report,
        writer: W,
    ) -> Result<(Manifest, Vec<(Date, W::Written)>), LakeStoreError> {
        let now = (self.deps.clock)();
        let grace_period = self.deps.config.policy.query_grace_period;
        let mut manifest = versions.latest;
        let Steps {
            remove,
            manifest: next,
            write,
        } = next_steps(&manifest, files, due, now, grace_period);
        // Athena opens every object that it has listed, hidden or not, and fails when one does not exist any more
        // (https://docs.aws.amazon.com/athena/latest/ug/troubleshooting-athena.html, "Incorrect fileSize"). So only files are
        // deleted that no running query can have listed.
        self.store.delete_files(&remove).await?;
        self.store.delete_manifests(&versions.replaced).await?;
        report.removed_count += remove.len();
        if let Some(next) = next {
            self.store.write_manifest(next.encode()).await?;
            manifest = next;
        }
        let written = self
            .write_outputs(&mut manifest, write, report, writer)
            .await?;
        report.in_progress_count += manifest.days.len();
        Ok((manifest, written))
    }

    /// Writes the outputs of `planned`, and records in the manifest which are done.
    async fn write_outputs<W: Writer>(
        &self,
        manifest: &mut Manifest,
        planned: Vec<Date>,
        report: &mut Report,
        writer: W,
    ) -> Result<Vec<(Date, W::Written)>, LakeStoreError> {
        let mut written = Vec::new();
        let mut has_changed = false;
        for day in planned {
            let Some(compaction) = manifest.days.get_mut(&day) else {
                continue;
            };
            if Instant::now() >= self.begin_until {
                report.postponed.push(day);
                continue;
            }
            let span = info_span!("compaction", %day, file_count = compaction.inputs.len());
            match writer.write(day, compaction).instrument(span).await {
                Ok(compacted) => {
                    has_changed = true;
                    written.extend(compacted.written.map(|file| (day, file)));
                    if compacted.used.is_empty() {
                        // There is no file to show.
                        manifest.days.remove(&day);
                    } else {
                        compaction.inputs = compacted.used;
                        (compaction.phase, compaction.since) =
                            (Phase::Written, (self.deps.clock)());
                    }
                }
                Err(error) => {
                    let error = function_kit::chain(&error);
                    error!(day = %day, error = %error, "day or month cannot be compacted now");
                    report.failed.push(day);
                }
            }
        }
        if has_changed {
            // One version for all outputs, because queries read every version. If the run is interrupted before, the next one
            // finds the outputs stored.
            let today = (self.deps.clock)().date();
            let next = manifest.encode_next(today);
            self.store.write_manifest(next).await?;
        }
        Ok(written)
    }
}
