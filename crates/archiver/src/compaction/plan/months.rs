//! Which months are to be closed.

use std::collections::BTreeMap;

use lake_schema::{
    FileId,
    layout::{FileKind, LakeFile, first_of_month},
};
use time::{Date, Duration, OffsetDateTime};

use super::{Due, Policy};
use crate::compaction::ledger::Ledger;

/// S3 takes a file in one piece up to 5 GB. A month whose days are larger stays as it is.
const MAX_MONTH_BYTES: u64 = 4_000_000_000;

/// The days of a month, as they were listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DaysOfMonth {
    /// The files that days are closed as, in the order of the days.
    pub(crate) closed: Vec<LakeFile>,
    pub(crate) size_bytes: u64,
    /// Whether a day has parts, or is being closed.
    is_busy: bool,
}

/// The months that are to be closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DueMonths {
    /// Each with the files that it was closed as before, oldest first.
    pub(crate) months: BTreeMap<Date, Due>,
    /// Those that would be, if they were not too large for one file.
    pub(crate) too_large: Vec<Date>,
}

impl DaysOfMonth {
    /// The name of the file that these days become.
    pub(crate) fn output(&self, months: &str, month: Date) -> FileId {
        let ids: Vec<FileId> = self.closed.iter().map(|file| file.id).collect();
        FileId::of_closed_month(months, month, &ids)
    }
}

/// The files of a table's days with their sizes, by the first day of their month. `ledger` is the days' own; what lies before
/// `first_day` is in no month, as no query finds it among the days.
pub(crate) fn days_by_month(
    files: &BTreeMap<LakeFile, u64>,
    ledger: &Ledger,
    first_day: Date,
) -> BTreeMap<Date, DaysOfMonth> {
    let mut months: BTreeMap<Date, DaysOfMonth> = BTreeMap::new();
    for (file, size_bytes) in files.iter().filter(|(file, _)| file.day >= first_day) {
        let month = months.entry(first_of_month(file.day)).or_default();
        match file.kind {
            FileKind::ClosedDay => {
                month.closed.push(*file);
                month.size_bytes += size_bytes;
            }
            FileKind::Part => month.is_busy = true,
            FileKind::ClosedMonth => {}
        }
    }
    for day in ledger.days.keys() {
        if let Some(month) = months.get_mut(&first_of_month(*day)) {
            month.is_busy = true;
        }
    }
    months
}

/// The months whose days are all closed and are not what the month was closed as. `ledger` and `files` are those of the table
/// `months`.
pub(crate) fn due_months(
    months: &str,
    ledger: &Ledger,
    files: &[LakeFile],
    days: &BTreeMap<Date, DaysOfMonth>,
    now: OffsetDateTime,
    policy: Policy,
) -> DueMonths {
    let mut due = DueMonths::default();
    for (month, days) in days {
        let inputs: Vec<LakeFile> = files
            .iter()
            .filter(|file| file.day == *month)
            .copied()
            .collect();
        let output = days.output(months, *month);
        let end = *month + Duration::days(month.month().length(month.year()).into());
        let is_over = now - end.midnight().assume_utc() >= policy.close_month_after;
        let is_new = !days.closed.is_empty() && inputs.iter().all(|file| file.id != output);
        if !is_over || !is_new || days.is_busy || ledger.days.contains_key(month) {
            continue;
        }
        if days.size_bytes > MAX_MONTH_BYTES {
            due.too_large.push(*month);
        } else {
            due.months.insert(*month, Due { output, inputs });
        }
    }
    due
}

#[cfg(test)]
mod tests;
