//! Weeks, and the ranges of weeks in partitions.

use std::ops::Range;

use event_model::Timestamp;
use time::{Date, OffsetDateTime, Weekday};

/// A week from Monday to Monday in UTC, counted from the one that began on 1970-01-05.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Week(i64);

const WEEK_MICROS: i64 = 7 * 24 * 60 * 60 * 1_000_000;
/// 1970-01-05, the first Monday after the Unix epoch.
const FIRST_MONDAY_MICROS: i64 = 4 * 24 * 60 * 60 * 1_000_000;

/// The weeks of an ISO year, as a width. A few years have 53.
pub(crate) const YEAR: u32 = 52;
/// The weeks of a quarter of an ISO year, the last of which may have 14.
pub(crate) const QUARTER: u32 = 13;

impl Week {
    pub(crate) fn of(timestamp: Timestamp) -> Self {
        Self((timestamp.unix_micros() - FIRST_MONDAY_MICROS).div_euclid(WEEK_MICROS))
    }

    pub(crate) fn of_time(time: OffsetDateTime) -> Self {
        Self::of(Timestamp::from_time(time))
    }

    /// The week after.
    pub(crate) fn next(self) -> Self {
        self.plus(1)
    }

    /// The week this many weeks later, or earlier if negative.
    pub(crate) fn plus(self, weeks: i64) -> Self {
        Self(self.0.saturating_add(weeks))
    }

    /// Its Monday at midnight.
    pub(crate) fn start(self) -> OffsetDateTime {
        self.at(0)
    }

    /// A time within the week: its Thursday noon, far from both ends, and in the ISO year of the week.
    pub(crate) fn middle(self) -> OffsetDateTime {
        self.at(WEEK_MICROS / 2)
    }

    /// The range of a partition of this width around this week: a week, an ISO year, or a block of weeks within one.
    /// The database has the same rule in `partition_range`, for partitions that are created during loads.
    pub(crate) fn range(self, weeks: u32) -> Range<Self> {
        if weeks <= 1 {
            return self..self.next();
        }
        let year = self.iso_year();
        if weeks >= YEAR {
            return year;
        }
        let weeks = i64::from(weeks);
        let mut block = (self.0 - year.start.0) / weeks;
        if weeks == i64::from(QUARTER) {
            block = block.min(3);
            if block == 3 {
                return year.start.plus(3 * weeks)..year.end;
            }
        }
        let start = year.start.plus(block * weeks);
        start..start.plus(weeks).min(year.end)
    }

    /// The weeks of its ISO year.
    fn iso_year(self) -> Range<Self> {
        let (year, ..) = self.middle().date().to_iso_week_date();
        first_week(year)..first_week(year.saturating_add(1))
    }

    fn at(self, micros: i64) -> OffsetDateTime {
        let micros = self
            .0
            .saturating_mul(WEEK_MICROS)
            .saturating_add(FIRST_MONDAY_MICROS + micros);
        Timestamp::from_unix_micros(micros)
            .unwrap_or(Timestamp::MAX)
            .to_time()
    }
}

fn first_week(iso_year: i32) -> Week {
    let monday = Date::from_iso_week_date(iso_year, 1, Weekday::Monday);
    Week::of_time(monday.unwrap_or(Date::MAX).midnight().assume_utc())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn weeks_turn_at_monday_midnight_also_before_1970() {
        for monday in [
            datetime!(1969-12-22 0:00 UTC),
            datetime!(1970-01-05 0:00 UTC),
            datetime!(2016-02-01 0:00 UTC),
            datetime!(2026-11-16 0:00 UTC),
        ] {
            let before = Week::of_time(monday - time::Duration::MICROSECOND);
            let last =
                Week::of_time(monday + time::Duration::days(7) - time::Duration::MICROSECOND);

            assert_eq!(before.next(), Week::of_time(monday), "{monday}");
            assert_eq!(last, Week::of_time(monday), "{monday}");
            assert_eq!(last.start(), monday);
        }
    }

    #[test]
    fn middle_of_a_week_is_within_it() {
        let week = Week::of_time(datetime!(2024-12-30 0:00 UTC));

        assert_eq!(Week::of_time(week.middle()), week);
        assert_eq!(week.middle(), datetime!(2025-01-02 12:00 UTC));
    }

    #[test]
    fn ranges_of_a_width_follow_each_other_without_a_gap_and_end_with_the_iso_year() {
        for weeks in 1..=YEAR {
            let mut week = Week::of_time(datetime!(2009-12-28 0:00 UTC));
            while week.start() < datetime!(2051-01-01 0:00 UTC) {
                let range = week.range(weeks);

                assert!(range.contains(&week) && range.end <= week.iso_year().end);
                for inner in 0..range.end.0 - range.start.0 {
                    assert_eq!(range.start.plus(inner).range(weeks), range);
                }
                assert!(
                    range.end.0 - range.start.0 <= i64::from(weeks) + 1,
                    "{weeks} {range:?}"
                );
                week = range.end;
            }
        }
    }

    #[sqlx::test(migrations = "../../../migrations")]
    async fn database_has_the_same_ranges(pool: sqlx::PgPool) {
        let first = Week::of_time(datetime!(2009-12-28 0:00 UTC));
        let weeks: Vec<_> = (0..2_200).map(|number| first.plus(number)).collect();
        let middles: Vec<_> = weeks.iter().map(|week| week.middle()).collect();
        for width in (1..=13).chain([YEAR]) {
            let found: Vec<(OffsetDateTime, OffsetDateTime)> = sqlx::query_as(
                "select lo, hi
                 from unnest($1) with ordinality as week (at, place), partition_range(at, $2)
                 order by place",
            )
            .bind(&middles)
            .bind(i32::try_from(width).unwrap())
            .fetch_all(&pool)
            .await
            .unwrap();

            let expected: Vec<_> = weeks
                .iter()
                .map(|week| week.range(width))
                .map(|range| (range.start.start(), range.end.start()))
                .collect();
            assert_eq!(found, expected, "{width}");
        }
    }
}
