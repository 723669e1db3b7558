//! Compaction of days: the parts of a day become one file.

mod merging;

use std::collections::{BTreeMap, BTreeSet};

use lake_files::Merged;
use lake_schema::{
    Table,
    layout::{FileKind, LakeFile},
};
use time::{Date, OffsetDateTime};
use tokio::time::Instant;
use tracing::error;

use self::merging::DayMerge;
use super::{
    advance::{Compacted, Run, Writer},
    error::CompactionError,
    plan::{DaysOfMonth, days_by_month, due_days},
    rebuild::read_manifest,
    report::Report,
};
use crate::{
    Deps,
    lake_store::{LakeStore, LakeStoreError},
    manifest::Compaction,
};

/// Advances every due day of `table` by one phase. Returns the days by month, as they were listed.
pub(super) async fn compact_days(
    deps: &Deps,
    table: &Table,
    begin_until: Instant,
    report: &mut Report,
) -> Result<BTreeMap<Date, DaysOfMonth>, CompactionError> {
    let store = &LakeStore::new(deps, table);
    let versions = read_manifest(deps, store).await?;
    let sizes = store.list_files().await?;
    let files: Vec<LakeFile> = sizes.keys().copied().collect();
    let compacted_at = read_compaction_times(store, &files, report).await?;
    let mut due = due_days(
        &store.table,
        &versions.latest,
        &files,
        &compacted_at,
        (deps.clock)(),
        deps.config.policy,
    );
    due.retain(|day, _| !report.failed.contains(day));
    let run = Run {
        deps,
        store,
        begin_until,
    };
    let writer = DayWriter {
        deps,
        table,
        store,
        files: &files,
    };
    let (manifest, merged) = run.advance(versions, &files, due, report, writer).await?;
    report.merged.extend(merged);
    Ok(days_by_month(&sizes, &manifest, deps.config.first_day))
}

/// Merges the parts of days.
struct DayWriter<'a> {
    deps: &'a Deps,
    table: &'a Table,
    store: &'a LakeStore,
    /// All files of the table.
    files: &'a [LakeFile],
}

impl Writer for DayWriter<'_> {
    type Written = Merged;

    async fn write(
        &self,
        day: Date,
        compaction: &Compaction,
    ) -> Result<Compacted<Merged>, CompactionError> {
        let is_known = |file: &&LakeFile| {
            file.day == day && file.kind == FileKind::CompactedDay && file.id != compaction.output
        };
        let known: Vec<LakeFile> = self.files.iter().filter(is_known).copied().collect();
        DayMerge::new(self.deps, self.table, self.store)?
            .run(day, compaction, &known)
            .await
    }
}

/// When the days with parts were last compacted. A day whose state cannot be read is reported as failed; other days continue.
async fn read_compaction_times(
    store: &LakeStore,
    files: &[LakeFile],
    report: &mut Report,
) -> Result<BTreeMap<Date, OffsetDateTime>, LakeStoreError> {
    let is_part = |file: &&LakeFile| matches!(file.kind, FileKind::Part { .. });
    let days: BTreeSet<Date> = files.iter().filter(is_part).map(|file| file.day).collect();
    let mut compacted_at = BTreeMap::new();
    for day in days {
        match store.read_day(day).await {
            Ok((state, _)) => compacted_at.extend(state.map(|state| (day, state.compacted_at))),
            Err(error @ LakeStoreError::DayState { .. }) => {
                let error = function_kit::chain(&error);
                error!(day = %day, error = %error, "day cannot be compacted until its state can be read");
                report.failed.push(day);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(compacted_at)
}
