//! Which months are to be copied.

use std::collections::{BTreeMap, BTreeSet};

use lake_schema::{
    FileId,
    layout::{FileKind, LakeFile, first_of_month},
};
use time::{Date, Duration, OffsetDateTime};

use super::{Due, Policy};
use crate::manifest::Manifest;

/// S3 accepts up to 5 GB in one request. A month whose days are larger is not copied.
const MAX_MONTH_BYTES: u64 = 4_000_000_000;

/// The days of a month, as they were listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DaysOfMonth {
    /// The compacted files with their sizes, in the order of the days.
    pub(crate) compacted: BTreeMap<LakeFile, u64>,
    /// Whether a day has parts that are in no compacted file, or is being compacted.
    is_busy: bool,
}

/// The months that are due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DueMonths {
    /// Each with the days to copy, oldest first.
    pub(crate) months: BTreeMap<Date, Due>,
    /// Those that are not copied because they are too large for one file.
    pub(crate) too_large: Vec<Date>,
}

/// The files of a table's days with their sizes, by the first day of their month. `manifest` is that of the days. Days before
/// `first_day` are left out, because no query reads them.
pub(crate) fn days_by_month(
    files: &BTreeMap<LakeFile, u64>,
    manifest: &Manifest,
    first_day: Date,
) -> BTreeMap<Date, DaysOfMonth> {
    let mut months: BTreeMap<Date, DaysOfMonth> = BTreeMap::new();
    for (file, size_bytes) in files.iter().filter(|(file, _)| file.day >= first_day) {
        let month = months.entry(first_of_month(file.day)).or_default();
        match file.kind {
            FileKind::CompactedDay => {
                month.compacted.insert(*file, *size_bytes);
            }
            FileKind::Part { .. } => month.is_busy |= !manifest.merged.contains(file),
            FileKind::MonthlyCopy => {}
        }
    }
    for day in manifest.days.keys() {
        if let Some(month) = months.get_mut(&first_of_month(*day)) {
            month.is_busy = true;
        }
    }
    months
}

/// The months whose days are all compacted, with those of their days that are not `copied` yet. `manifest` is that of the table
/// `months`.
pub(crate) fn due_months(
    months: &str,
    manifest: &Manifest,
    copied: &BTreeMap<Date, BTreeSet<FileId>>,
    days: &BTreeMap<Date, DaysOfMonth>,
    now: OffsetDateTime,
    policy: Policy,
) -> DueMonths {
    let mut due = DueMonths::default();
    for (month, days) in days {
        let end = *month + Duration::days(month.month().length(month.year()).into());
        let is_over = now - end.midnight().assume_utc() >= policy.copy_month_after;
        if !is_over || days.is_busy || manifest.days.contains_key(month) {
            continue;
        }
        let copied = copied.get(month);
        let is_new =
            |(file, _): &(&LakeFile, &u64)| copied.is_none_or(|copied| !copied.contains(&file.id));
        let (inputs, sizes): (Vec<LakeFile>, Vec<u64>) =
            days.compacted.iter().filter(is_new).unzip();
        if inputs.is_empty() {
            continue;
        }
        if sizes.iter().sum::<u64>() > MAX_MONTH_BYTES {
            due.too_large.push(*month);
            continue;
        }
        let ids: Vec<FileId> = inputs.iter().map(|file| file.id).collect();
        let output = FileId::of_monthly_copy(months, *month, &ids);
        due.months.insert(*month, Due { output, inputs });
    }
    due
}

#[cfg(test)]
mod tests;
