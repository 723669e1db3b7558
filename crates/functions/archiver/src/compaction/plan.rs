//! Decides the next steps of days and months that are due. Pure: the clock, the listing and the manifest are arguments.
//!
//! S3 cannot change two objects atomically, and a query lists files at one moment, reads the manifest at another, and opens what it
//! has listed, hidden or not, at a third. No query takes longer than [`Policy::query_grace_period`] for all of that. Therefore:
//!
//! * Compacted files are only added. Parts, and versions of the manifest, are stored under the day of their arrival, of which the
//!   tables' projections list today and yesterday ([`layout::listed_until`]).
//! * A day is compacted in phases, and each starts only after all queries that began before the previous phase have ended:
//!   1. planned: the output's name is hidden before the file exists. A query that reads an older manifest has an older listing.
//!   2. written: the output exists. A query that lists it reads a manifest that hides it.
//!   3. shown: one version of the manifest hides the inputs and shows the output. A query that reads it lists the output, and one
//!      that does not still sees the inputs.
//! * A hidden file is deleted when all queries that can have listed it have ended: a grace period after queries stopped listing it.
//!   So no query finds a file missing. After another grace period the manifest forgets it.
//!
//! So each query sees each event in exactly one file, in whatever order it reads, and finds each file that it lists. This requires
//! that parts are planned some hours into the day after their arrival, long before queries stop listing them. If the compactor does
//! not run for so long that they are no longer listed, queries miss these parts until it runs again, and never see an event twice:
//! the manifest that hides a part is listed as long as the part is.
//!
//! A month passes through the same phases in a manifest of its own. Its inputs, which are compacted days, are never deleted.

mod months;

use std::collections::{BTreeMap, BTreeSet};

use lake_schema::{
    FileId,
    layout::{FileKind, LakeFile},
};
use time::{Date, Duration, OffsetDateTime};

use crate::manifest::{Compaction, Manifest, Phase, version_after, version_day};

pub(crate) use self::months::{DaysOfMonth, days_by_month, due_months};

/// The largest number of days, or months, in progress. Their files are lines of the manifest, which every query reads; but all parts
/// that arrive on one day have to be planned on the next, and may belong to any days.
const MAX_IN_PROGRESS: usize = 1000;

/// When days and months are compacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// From the end of a day until it is compacted. Most late events have arrived by then.
    pub compact_after: Duration,
    /// From the last compaction of a day until it is compacted again, if more events have arrived. Events that arrived on an earlier
    /// day do not wait that long: they are compacted `compact_after` into the current day.
    pub recompact_after: Duration,
    /// From the end of a month until it is copied.
    pub copy_month_after: Duration,
    /// The longest time from a query's first listing to its last read, and from a converter's read of a day's state to its write.
    ///
    /// Athena ends queries after 30 minutes, unless the account's quota "DML query timeout" was raised, to 240 at most
    /// (<https://docs.aws.amazon.com/athena/latest/ug/service-limits.html>). Half of that is added for clocks that differ and for
    /// queries that run on for a while after they were told to end.
    pub query_grace_period: Duration,
}

/// The next steps, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Files to delete, because no query needs them any more.
    pub(crate) remove: Vec<LakeFile>,
    /// The manifest to write, if it differs from the one that was read.
    pub(crate) manifest: Option<Manifest>,
    /// Days, or months, whose output is to be written; each is then [`Phase::Written`].
    pub(crate) write: Vec<Date>,
}

/// Files of a day or a month to be compacted, and the file that they become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) output: FileId,
    pub(crate) inputs: Vec<LakeFile>,
}

/// Decides what to do at `now`: compactions in progress continue, and as many of those that are `due` start as are allowed. `files`
/// are all existing files.
pub(crate) fn next_steps(
    manifest: &Manifest,
    files: &[LakeFile],
    due: BTreeMap<Date, Due>,
    now: OffsetDateTime,
    query_grace_period: Duration,
) -> Steps {
    let mut steps = Steps::default();
    let mut next = Manifest {
        version: version_after(manifest.version, now.date()),
        ..Manifest::default()
    };
    let present: BTreeSet<&LakeFile> = files.iter().collect();
    for file in &manifest.merged {
        let is_present = present.contains(file);
        let unlisted_for = file.listed_until().map(|end| now - end);
        let is_over = |least: Duration| unlisted_for.is_some_and(|unlisted| unlisted >= least);
        if is_present && is_over(query_grace_period) {
            steps.remove.push(*file);
        }
        if is_present || !is_over(query_grace_period * 2) {
            next.merged.insert(*file);
        }
    }
    for (day, compaction) in &manifest.days {
        let is_settled = now - compaction.since >= query_grace_period;
        match compaction.phase {
            Phase::Written if is_settled => {
                let goes = |file: &&LakeFile| file.listed_until().is_some();
                next.merged.extend(compaction.inputs.iter().filter(goes));
                continue;
            }
            Phase::Planned if is_settled => steps.write.push(*day),
            Phase::Planned | Phase::Written => {}
        }
        next.days.insert(*day, compaction.clone());
    }
    for (day, Due { output, inputs }) in due {
        if next.days.len() == MAX_IN_PROGRESS {
            break;
        }
        // More may be due already for a day that has just been shown.
        next.days.entry(day).or_insert(Compaction {
            phase: Phase::Planned,
            since: now,
            output,
            inputs,
        });
    }
    let is_empty = next.days.is_empty() && next.merged.is_empty();
    // Queries list a version of the manifest on its day and on the next.
    let is_ending = !is_empty && version_day(manifest.version).is_none_or(|day| day < now.date());
    if is_ending || (&next.days, &next.merged) != (&manifest.days, &manifest.merged) {
        steps.manifest = Some(next);
    }
    steps
}

/// The days with parts that are due, oldest first, with all parts that are neither in a compacted file nor planned to be.
/// `compacted_at` says when each day was last compacted.
pub(crate) fn due_days(
    table: &str,
    manifest: &Manifest,
    files: &[LakeFile],
    compacted_at: &BTreeMap<Date, OffsetDateTime>,
    now: OffsetDateTime,
    policy: Policy,
) -> BTreeMap<Date, Due> {
    let mut days: BTreeMap<Date, Vec<LakeFile>> = BTreeMap::new();
    for file in files {
        let is_part = matches!(file.kind, FileKind::Part { .. });
        if is_part && !manifest.merged.contains(file) {
            days.entry(file.day).or_default().push(*file);
        }
    }
    let is_over = |day: Date| {
        let end = day.midnight().assume_utc() + Duration::DAY;
        now - end >= policy.compact_after
    };
    days.retain(|day, parts| {
        parts.sort_unstable();
        let is_rested = compacted_at
            .get(day)
            .is_none_or(|compacted_at| now - *compacted_at >= policy.recompact_after);
        // A part that arrived on a day that has ended is listed for less than one more day.
        let is_urgent = |part: &LakeFile| matches!(part.kind, FileKind::Part { at } if is_over(at));
        let is_due = (is_over(*day) && is_rested) || parts.iter().any(is_urgent);
        is_due && !manifest.days.contains_key(day)
    });
    let due = |(day, inputs): (Date, Vec<LakeFile>)| {
        let ids: Vec<FileId> = inputs.iter().map(|input| input.id).collect();
        let output = FileId::of_compacted_day(table, day, &ids);
        (day, Due { output, inputs })
    };
    days.into_iter().map(due).collect()
}

#[cfg(test)]
mod tests;
