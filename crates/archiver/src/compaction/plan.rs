//! What to do next about the days and the months that are to be closed. Pure: the clock, the listing and the ledger are given.
//!
//! S3 cannot change two objects at once, and a query lists the day's files at one moment and reads the ledger at another. So
//! a day goes through four phases, and each begins only after every query is over that began before the one before it:
//!
//! 1. planned: the output's name is hidden before there is such a file. A query that reads an older ledger lists an older day.
//! 2. written: the output is there. A query that lists it reads a ledger that hides it.
//! 3. shown: one version of the ledger hides the inputs and shows the output. A query that reads it lists the output, and
//!    one that does not still finds the inputs.
//! 4. removed: the inputs are gone. Nobody reads a ledger that shows them. After that the ledger forgets the day.
//!
//! So each query sees each event in exactly one file, whatever the order in which it looks. And whoever opens only files that its
//! ledger shows, and only the latest ledger, finds all of them until [`Policy::settle`] is over. Athena opens what it has listed,
//! hidden or not: a query that is under way while files are removed may fail, and has to be run again. It never answers wrongly.
//!
//! A month goes through the same phases in a ledger of its own. What is replaced there is the file that it was closed as before;
//! the days that it is made of stay where they are.

mod months;

use std::collections::BTreeMap;

use lake_schema::{
    FileId,
    layout::{FileKind, LakeFile},
};
use time::{Date, Duration, OffsetDateTime};

use super::ledger::{Closing, Ledger, Phase};

pub(crate) use self::months::{DaysOfMonth, days_by_month, due_months};

/// How many days, or months, are closed at once. Their files are the ledger's lines, which every query reads.
const MAX_CLOSING: usize = 32;

/// When things are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// A day is closed so long after its end: most of what is late has come by then.
    pub close_after: Duration,
    /// A day to which events were added is closed again so long after it was closed.
    pub reopen_after: Duration,
    /// A month is closed so long after its end.
    pub close_month_after: Duration,
    /// No query takes longer, from its first look at the lake to its last, and no converter longer to store what it read.
    ///
    /// Athena ends queries after 30 minutes, unless the account's quota "DML query timeout" was raised, to 240 at most
    /// (<https://docs.aws.amazon.com/athena/latest/ug/service-limits.html>). Half as much again is left for clocks that differ and
    /// for queries that are told to end and go on a little.
    pub settle: Duration,
}

/// What to do, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Files that no query needs any more.
    pub(crate) remove: Vec<LakeFile>,
    /// The ledger that is to be written, if it differs from the one that was read.
    pub(crate) ledger: Option<Ledger>,
    /// Days, or months, of which the output is to be written; each is then [`Phase::Written`].
    pub(crate) write: Vec<Date>,
}

/// Files of a day or a month that another is to take the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) output: FileId,
    pub(crate) inputs: Vec<LakeFile>,
}

/// Decides what to do at `now`: what was begun goes on, and of what is due as much is begun as may be.
pub(crate) fn next_steps(
    ledger: &Ledger,
    due: BTreeMap<Date, Due>,
    now: OffsetDateTime,
    settle: Duration,
) -> Steps {
    let mut steps = Steps::default();
    let mut next = Ledger {
        version: ledger.version + 1,
        days: BTreeMap::new(),
    };
    for (day, closing) in &ledger.days {
        let is_settled = now - closing.since >= settle;
        let phase = match closing.phase {
            Phase::Planned => {
                if is_settled {
                    steps.write.push(*day);
                }
                Phase::Planned
            }
            Phase::Written if is_settled => Phase::Shown,
            Phase::Shown if is_settled => {
                steps.remove.extend(&closing.inputs);
                Phase::Removed
            }
            Phase::Removed if is_settled => continue,
            phase @ (Phase::Written | Phase::Shown | Phase::Removed) => phase,
        };
        let since = if phase == closing.phase {
            closing.since
        } else {
            now
        };
        let closing = Closing {
            phase,
            since,
            ..closing.clone()
        };
        next.days.insert(*day, closing);
    }
    for (day, Due { output, inputs }) in due {
        if next.days.len() == MAX_CLOSING {
            break;
        }
        next.days.insert(
            day,
            Closing {
                phase: Phase::Planned,
                since: now,
                output,
                inputs,
            },
        );
    }
    if next.days != ledger.days {
        steps.ledger = Some(next);
    }
    steps
}

/// The days with parts that are to be closed, oldest first, and all files of each. `closed_at` says when a day was closed last.
pub(crate) fn due_days(
    table: &str,
    ledger: &Ledger,
    files: &[LakeFile],
    closed_at: &BTreeMap<Date, OffsetDateTime>,
    now: OffsetDateTime,
    policy: Policy,
) -> BTreeMap<Date, Due> {
    let mut days: BTreeMap<Date, Vec<LakeFile>> = BTreeMap::new();
    for file in files {
        days.entry(file.day).or_default().push(*file);
    }
    days.retain(|day, files| {
        files.sort_unstable();
        let end = day.midnight().assume_utc() + Duration::DAY;
        let is_over = now - end >= policy.close_after;
        let is_rested = closed_at
            .get(day)
            .is_none_or(|closed| now - *closed >= policy.reopen_after);
        let has_parts = files.iter().any(|file| file.kind == FileKind::Part);
        is_over && is_rested && has_parts && !ledger.days.contains_key(day)
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
