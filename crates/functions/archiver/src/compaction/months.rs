//! Monthly copies: the compacted days of a month in one file of a separate table, and one more file for days that come late.

mod copying;

use std::collections::{BTreeMap, BTreeSet};

use lake_schema::{FileId, Period, Table, layout::format_partition};
use time::Date;
use tokio::time::Instant;
use tracing::info;

use self::copying::MonthCopy;
use super::{
    advance::{Compacted, Run, Writer},
    error::CompactionError,
    plan::{DaysOfMonth, due_months},
    rebuild::read_manifest,
    report::Report,
};
use crate::{
    Deps,
    lake_store::{LakeStore, LakeStoreError},
    manifest::Compaction,
};

/// Advances every due month of `table` by one phase, and starts no file after `begin_until`.
pub(super) async fn compact_months(
    deps: &Deps,
    table: &Table,
    days: &BTreeMap<Date, DaysOfMonth>,
    begin_until: Instant,
    report: &mut Report,
) -> Result<(), CompactionError> {
    let store = &LakeStore::new(deps, &table.monthly_copies());
    let versions = read_manifest(deps, store).await?;
    let copied = read_copied(store, days).await?;
    let due = due_months(
        &store.table,
        &versions.latest,
        &copied,
        days,
        (deps.clock)(),
        deps.config.policy,
    );
    for month in due.too_large {
        let month = format_partition(Period::Month, month);
        info!(
            month,
            "month is not copied, because it is too large for one file"
        );
    }
    let run = Run {
        deps,
        store,
        begin_until,
    };
    let writer = MonthWriter { deps, table, store };
    // Nothing of a month is ever deleted.
    let (_, written) = run
        .advance(versions, &[], due.months, report, writer)
        .await?;
    let months = written.into_iter().map(|(month, ())| month);
    report.months.extend(months);
    Ok(())
}

/// Copies the days of months.
struct MonthWriter<'a> {
    deps: &'a Deps,
    table: &'a Table,
    store: &'a LakeStore,
}

impl Writer for MonthWriter<'_> {
    type Written = ();

    async fn write(
        &self,
        month: Date,
        compaction: &Compaction,
    ) -> Result<Compacted<()>, CompactionError> {
        MonthCopy::new(self.deps, self.table, self.store)?
            .run(month, compaction)
            .await
    }
}

/// The compacted days that the files of their month contain already.
async fn read_copied(
    store: &LakeStore,
    days: &BTreeMap<Date, DaysOfMonth>,
) -> Result<BTreeMap<Date, BTreeSet<FileId>>, LakeStoreError> {
    let mut copied = BTreeMap::new();
    for month in days.keys() {
        if let (Some(state), _) = store.read_day(*month).await? {
            copied.insert(*month, state.parts.into_keys().collect());
        }
    }
    Ok(copied)
}
