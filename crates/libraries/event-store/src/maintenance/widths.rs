//! The widths of partitions by age.
//!
//! Weeks where loading happens, so that their indexes stay in memory: the last 13 and those ahead. Blocks of 13 weeks
//! before them, and ISO years once the following year is over, because every statement that cannot prune pays for each
//! partition. With a retention nothing is wider than an eighth of it: a partition is kept until all of it has expired.

use std::{ops::Range, time::Duration};

use time::OffsetDateTime;

use crate::week::{QUARTER, Week, YEAR};

/// How many weeks before the current one have their own partition. `ensure_partition_at` uses the same number.
const RECENT_WEEKS: i64 = 13;
/// Up to this retention the number of weeks is small enough to keep them.
const WEEKS_ONLY_DAYS: u64 = 365;

/// The widths at a time and with a retention.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Widths {
    now: Week,
    widest: u32,
}

impl Widths {
    pub(crate) fn at(now: OffsetDateTime, retention: Option<Duration>) -> Self {
        Self {
            now: Week::of_time(now),
            widest: widest(retention),
        }
    }

    /// The most weeks that a partition may have: 52 for ISO years.
    pub(crate) fn widest_weeks(self) -> u32 {
        self.widest
    }

    /// The range with which a week shares its final partition, once hardly any events arrive for it; `None` before
    /// that.
    pub(crate) fn settled_range(self, week: Week) -> Option<Range<Week>> {
        if self.widest >= YEAR {
            let year = week.range(YEAR);
            if year.end.range(YEAR).end <= self.now {
                return Some(year);
            }
        }
        let block = week.range(self.widest.min(QUARTER));
        (self.widest > 1 && block.end <= self.now.plus(-RECENT_WEEKS)).then_some(block)
    }
}

fn widest(retention: Option<Duration>) -> u32 {
    let Some(retention) = retention else {
        return YEAR;
    };
    let days = retention.as_secs() / (24 * 60 * 60);
    if days <= WEEKS_ONLY_DAYS {
        return 1;
    }
    // An ISO year may have 53 weeks, and the last quarter of one 14.
    match u32::try_from(days / 8 / 7).unwrap_or(u32::MAX) {
        weeks if weeks > YEAR => YEAR,
        weeks if weeks > QUARTER => QUARTER,
        weeks => weeks.clamp(1, QUARTER - 1),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn days(days: u64) -> Duration {
        Duration::from_hours(24 * days)
    }

    #[test]
    fn nothing_is_wider_than_an_eighth_of_the_retention() {
        for retention_days in 1..5_000 {
            let widths = Widths::at(datetime!(2046-01-01 0:00 UTC), Some(days(retention_days)));
            if retention_days <= WEEKS_ONLY_DAYS {
                assert_eq!(widths.widest_weeks(), 1);
                continue;
            }
            let mut week = Week::of_time(datetime!(2030-01-01 0:00 UTC));
            for _ in 0..520 {
                if let Some(range) = widths.settled_range(week) {
                    let width = range.end.start() - range.start.start();
                    assert!(
                        width.whole_days() * 8 <= i64::try_from(retention_days).unwrap(),
                        "{retention_days} {width}"
                    );
                }
                week = week.next();
            }
        }
        assert_eq!(widest(Some(days(366))), 6);
        assert_eq!(widest(Some(days(784))), 13);
        assert_eq!(widest(Some(days(2_968))), YEAR);
        assert_eq!(widest(None), YEAR);
    }

    #[test]
    fn blocks_settle_13_weeks_after_their_end_and_years_when_the_next_is_over() {
        // A Thursday; the week began on 2026-11-23.
        let widths = Widths::at(datetime!(2026-11-26 12:00 UTC), None);
        let range_of = |time| {
            let range = widths.settled_range(Week::of_time(time))?;
            Some((range.start.start().date(), range.end.start().date()))
        };

        // The third quarter ends on 2026-09-28.
        assert_eq!(range_of(datetime!(2026-07-01 0:00 UTC)), None);
        let second_quarter = (
            datetime!(2026-03-30 0:00 UTC).date(),
            datetime!(2026-06-29 0:00 UTC).date(),
        );
        assert_eq!(
            range_of(datetime!(2026-06-28 0:00 UTC)),
            Some(second_quarter)
        );
        let last_of_2025 = (
            datetime!(2025-09-29 0:00 UTC).date(),
            datetime!(2025-12-29 0:00 UTC).date(),
        );
        assert_eq!(range_of(datetime!(2025-12-01 0:00 UTC)), Some(last_of_2025));
        let year_2024 = (
            datetime!(2024-01-01 0:00 UTC).date(),
            datetime!(2024-12-30 0:00 UTC).date(),
        );
        assert_eq!(range_of(datetime!(2024-05-01 0:00 UTC)), Some(year_2024));
    }
}
