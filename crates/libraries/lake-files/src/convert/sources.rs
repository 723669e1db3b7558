//! Which of several values a column gets.
//!
//! A column may have several sources, as `dateTime`, `ts` and `timestamp` are of the time. The first in the table's definition that
//! has a usable value counts, wherever it stands in the event. NULL, a value of another type and an unreadable time
//! are not usable; a blank text, and a time that the clock does not believe, are so only when no source has better.
//!
//! Values are put into columns as they are read. When a better one comes later, the event is read once more, with the winners known:
//! few events have several sources, and fewer in another order than the definition's.

use lake_schema::Table;

use super::clock::{Clock, EventTime};

/// The columns with several sources, and what the event that is being read has for them.
#[derive(Debug)]
pub(crate) struct Contests {
    /// By column index; `None` for a column with one source.
    columns: Vec<Option<Contest>>,
    event_time: usize,
    clock: Clock,
    /// Whether the winners are known.
    is_decided: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Contest {
    taken: Option<Candidate>,
    best: Option<Candidate>,
}

/// A value for a column. The better one is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    is_doubtful: bool,
    source: usize,
}

impl Contests {
    pub(crate) fn of(table: &Table, clock: Clock) -> Self {
        let columns = table.columns().iter();
        Self {
            columns: columns
                .map(|column| (column.from.len() > 1).then(Contest::default))
                .collect(),
            event_time: table.event_time(),
            clock,
            is_decided: false,
        }
    }

    /// Whether the column has several sources.
    pub(crate) fn has(&self, column_index: usize) -> bool {
        matches!(self.columns.get(column_index), Some(Some(_)))
    }

    /// Begins an event.
    pub(crate) fn begin(&mut self) {
        self.is_decided = false;
        for contest in self.columns.iter_mut().flatten() {
            *contest = Contest::default();
        }
    }

    /// Whether a column with several sources is done with this text; always true for one with a single source.
    pub(crate) fn is_text_sure(&self, column_index: usize, text: &str) -> bool {
        !self.has(column_index) || !text.trim().is_empty()
    }

    /// Whether a column with several sources is done with this time.
    pub(crate) fn is_instant_sure(&self, column_index: usize, ms: i64) -> bool {
        column_index != self.event_time
            || !self.has(column_index)
            || self.clock.judge(Some(ms), None) == EventTime::Sent(ms)
    }

    /// Whether the column is to take this value of that source, as far as is known yet.
    pub(crate) fn offer(&mut self, column_index: usize, source: usize, is_sure: bool) -> bool {
        let Some(Some(contest)) = self.columns.get_mut(column_index) else {
            return true;
        };
        let candidate = Candidate {
            is_doubtful: !is_sure,
            source,
        };
        if self.is_decided {
            return contest.best == Some(candidate);
        }
        if contest.best.is_none_or(|best| candidate < best) {
            contest.best = Some(candidate);
        }
        let is_first = contest.taken.is_none();
        contest.taken.get_or_insert(candidate);
        is_first
    }

    /// Ends the first reading. True when another value won than was taken, so that the event is to be read again.
    pub(crate) fn decide(&mut self) -> bool {
        let mut contests = self.columns.iter().flatten();
        let is_settled = contests.all(|contest| contest.taken == contest.best);
        self.is_decided = !is_settled;
        !is_settled
    }
}
