//! What to do next about the days and the months that are to be closed. Pure: the clock, the listing and the manifest are given.
//!
//! S3 cannot change two objects at once, and a query lists files at one moment, reads the manifest at another, and opens what it has
//! listed, hidden or not, at a third. No query takes longer than [`Policy::query_grace_period`] for all of that. So
//!
//! * files that stay are only ever added. Parts, and versions of the manifest, lie under the day of their coming, of which the
//!   tables' projections list today and yesterday ([`layout::listed_until`]);
//! * a day is closed in steps, and each begins only after every query is over that began before the step before it:
//!   1. planned: the output's name is hidden before there is such a file. A query that reads an older manifest lists an older day.
//!   2. written: the output is there. A query that lists it reads a manifest that hides it.
//!   3. shown: one version of the manifest hides the inputs and shows the output. A query that reads it lists the output, and one
//!      that does not still sees the inputs;
//! * what is hidden goes when every query is over that can have listed it: a settling time after queries stopped to list it. So no
//!   query finds a file gone. Another settling time later the manifest forgets it, too.
//!
//! So each query sees each event in exactly one file, whatever the order in which it looks, and finds each file that it lists. For
//! that everything is planned some hours into the day after its coming, long before queries stop to list it. Were the compactor away
//! for so long that this passes, parts would be left out of queries until it is back, and nothing would be seen twice: the manifest
//! that hides a part is listed as long as the part is.
//!
//! A month goes through the same steps in a manifest of its own. Its inputs, which are closed days, stay; so nothing of it goes.

mod months;

use std::collections::{BTreeMap, BTreeSet};

use lake_schema::{
    FileId,
    layout::{FileKind, LakeFile},
};
use time::{Date, Duration, OffsetDateTime};

use super::manifest::{Compaction, Manifest, Phase, version_after, version_day};

pub(crate) use self::months::{DaysOfMonth, days_by_month, due_months};

/// How many days, or months, are closed at once. Their files are the manifest's lines, which every query reads; but all parts that came
/// on a day have to be planned on the next, and may be of any days.
const MAX_CLOSING: usize = 1000;

/// When things are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// A day is closed so long after its end: most of what is late has come by then.
    pub close_after: Duration,
    /// A day to which events were added is closed again so long after it was closed. If they came on another day than today it does
    /// not rest: so long as `close_after` into this day it is closed again.
    pub reopen_after: Duration,
    /// A month is closed so long after its end.
    pub close_month_after: Duration,
    /// No query takes longer, from its first look at the lake to its last, and no converter longer to store what it read.
    ///
    /// Athena ends queries after 30 minutes, unless the account's quota "DML query timeout" was raised, to 240 at most
    /// (<https://docs.aws.amazon.com/athena/latest/ug/service-limits.html>). Half as much again is left for clocks that differ and
    /// for queries that are told to end and go on a little.
    pub query_grace_period: Duration,
}

/// What to do, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Files that no query needs any more.
    pub(crate) remove: Vec<LakeFile>,
    /// The manifest that is to be written, if it differs from the one that was read.
    pub(crate) manifest: Option<Manifest>,
    /// Days, or months, of which the output is to be written; each is then [`Phase::Written`].
    pub(crate) write: Vec<Date>,
}

/// Files of a day or a month that are to become one more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) output: FileId,
    pub(crate) inputs: Vec<LakeFile>,
}

/// Decides what to do at `now`: what was begun goes on, and of what is due as much is begun as may be. `files` are those that there
/// are.
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
    for (day, closing) in &manifest.days {
        let is_settled = now - closing.since >= query_grace_period;
        match closing.phase {
            Phase::Written if is_settled => {
                let goes = |file: &&LakeFile| file.listed_until().is_some();
                next.merged.extend(closing.inputs.iter().filter(goes));
                continue;
            }
            Phase::Planned if is_settled => steps.write.push(*day),
            Phase::Planned | Phase::Written => {}
        }
        next.days.insert(*day, closing.clone());
    }
    for (day, Due { output, inputs }) in due {
        if next.days.len() == MAX_CLOSING {
            break;
        }
        // A day that has just been shown may have more already.
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

/// The days with parts that are to be closed, oldest first, with all parts that are in no closed file yet nor on their way into one.
/// `closed_at` says when a day was closed last.
pub(crate) fn due_days(
    table: &str,
    manifest: &Manifest,
    files: &[LakeFile],
    closed_at: &BTreeMap<Date, OffsetDateTime>,
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
        now - end >= policy.close_after
    };
    days.retain(|day, parts| {
        parts.sort_unstable();
        let is_rested = closed_at
            .get(day)
            .is_none_or(|closed| now - *closed >= policy.reopen_after);
        // What came on a day that is over is listed for less than another.
        let is_urgent = |part: &LakeFile| matches!(part.kind, FileKind::Part { at } if is_over(at));
        let is_due = (is_over(*day) && is_rested) || parts.iter().any(is_urgent);
        is_due && !manifest.days.contains_key(day)
    });
    let due = |(day, inputs): (Date, Vec<LakeFile>)| {
        let ids: Vec<FileId> = inputs.iter().map(|input| input.id).collect();
        let output = FileId::of_closed_day(table, day, &ids);
        (day, Due { output, inputs })
    };
    days.into_iter().map(due).collect()
}

#[cfg(test)]
mod tests;
