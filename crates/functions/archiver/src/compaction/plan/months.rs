//! Which months are to be closed.

use std::collections::{BTreeMap, BTreeSet};

use lake_schema::{
    FileId,
    layout::{FileKind, LakeFile, first_of_month},
};
use time::{Date, Duration, OffsetDateTime};

use super::{Due, Policy};
use crate::compaction::manifest::Manifest;

/// S3 takes a file in one piece up to 5 GB. A month whose days are larger stays as it is.
const MAX_MONTH_BYTES: u64 = 4_000_000_000;

/// The days of a month, as they were listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DaysOfMonth {
    /// The files that days are closed as, in the order of the days, and their sizes.
    pub(crate) closed: BTreeMap<LakeFile, u64>,
    /// Whether a day has parts that are in no closed file, or is being closed.
    is_busy: bool,
}

/// The months that are to be closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DueMonths {
    /// Each with the days that are to be copied, oldest first.
    pub(crate) months: BTreeMap<Date, Due>,
    /// Those that would be, if they were not too large for one file.
    pub(crate) too_large: Vec<Date>,
}

/// The files of a table's days with their sizes, by the first day of their month. `manifest` is the days' own; what lies before
/// `first_day` is in no month, as no query finds it among the days.
pub(crate) fn days_by_month(
    files: &BTreeMap<LakeFile, u64>,
    manifest: &Manifest,
    first_day: Date,
) -> BTreeMap<Date, DaysOfMonth> {
    let mut months: BTreeMap<Date, DaysOfMonth> = BTreeMap::new();
    for (file, size_bytes) in files.iter().filter(|(file, _)| file.day >= first_day) {
        let month = months.entry(first_of_month(file.day)).or_default();
        match file.kind {
            FileKind::ClosedDay => {
                month.closed.insert(*file, *size_bytes);
            }
            FileKind::Part { .. } => month.is_busy |= !manifest.merged.contains(file),
            FileKind::ClosedMonth => {}
        }
    }
    for day in manifest.days.keys() {
        if let Some(month) = months.get_mut(&first_of_month(*day)) {
            month.is_busy = true;
        }
    }
    months
}

/// The months whose days are all closed, and of which a closed day is not `copied` yet, with those days. `manifest` is that of the
/// table `months`.
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
        let is_over = now - end.midnight().assume_utc() >= policy.close_month_after;
        if !is_over || days.is_busy || manifest.days.contains_key(month) {
            continue;
        }
        let copied = copied.get(month);
        let is_new =
            |(file, _): &(&LakeFile, &u64)| copied.is_none_or(|copied| !copied.contains(&file.id));
        let (inputs, sizes): (Vec<LakeFile>, Vec<u64>) = days.closed.iter().filter(is_new).unzip();
        if inputs.is_empty() {
            continue;
        }
        if sizes.iter().sum::<u64>() > MAX_MONTH_BYTES {
            due.too_large.push(*month);
            continue;
        }
        let ids: Vec<FileId> = inputs.iter().map(|file| file.id).collect();
        let output = FileId::of_closed_month(months, *month, &ids);
        due.months.insert(*month, Due { output, inputs });
    }
    due
}

#[cfg(test)]
mod tests;
