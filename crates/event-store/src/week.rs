//! The weeks that `events` is partitioned by.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use event_model::Timestamp;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    StoreError,
    error::{Step, code, has_code},
};

/// A week from Monday to Monday in UTC, counted from the one that began on 1970-01-05.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Week(i64);

const WEEK_MICROS: i64 = 7 * 24 * 60 * 60 * 1_000_000;
/// 1970-01-05, the first Monday after the Unix epoch.
const FIRST_MONDAY_MICROS: i64 = 4 * 24 * 60 * 60 * 1_000_000;

impl Week {
    pub(crate) fn of(timestamp: Timestamp) -> Self {
        Self((timestamp.unix_micros() - FIRST_MONDAY_MICROS).div_euclid(WEEK_MICROS))
    }

    /// The week after.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// A time within the week: its Thursday noon, far from either edge.
    fn middle(self) -> OffsetDateTime {
        let micros = self
            .0
            .saturating_mul(WEEK_MICROS)
            .saturating_add(FIRST_MONDAY_MICROS + WEEK_MICROS / 2);
        Timestamp::from_unix_micros(micros)
            .unwrap_or(Timestamp::MAX)
            .to_time()
    }
}

/// The weeks whose partitions this process has seen, so that asking for them costs nothing from then on.
#[derive(Debug, Default)]
pub(crate) struct KnownWeeks(Mutex<HashSet<Week>>);

impl KnownWeeks {
    pub(crate) fn contains(&self, week: Week) -> bool {
        self.weeks().contains(&week)
    }

    pub(crate) fn add(&self, week: Week) {
        self.weeks().insert(week);
    }

    /// Forgets them all, when one turned out to be gone.
    pub(crate) fn clear(&self) {
        self.weeks().clear();
    }

    fn weeks(&self) -> MutexGuard<'_, HashSet<Week>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a week has a partition now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Partition {
    /// It has, and it was this call that made it.
    Created,
    /// It had one already.
    Exists,
    /// It lies outside of what `ensure_partition` takes.
    Refused,
}

/// Makes the partition of a week if it is missing. Must not be called within a transaction: the partition is to be
/// there for everyone at once.
pub(crate) async fn ensure_partition(
    connection: &mut PgConnection,
    week: Week,
) -> Result<Partition, StoreError> {
    let created = sqlx::query_scalar!(
        r#"select ensure_partition($1) as "created!""#,
        week.middle()
    )
    .fetch_one(connection)
    .await;
    match created {
        Ok(true) => Ok(Partition::Created),
        Ok(false) => Ok(Partition::Exists),
        Err(error) if has_code(&error, code::DATETIME_FIELD_OVERFLOW) => Ok(Partition::Refused),
        Err(error) => Err(error).step("making the partition of a week"),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn week_of(time: OffsetDateTime) -> Week {
        Week::of(Timestamp::from_time(time))
    }

    #[test]
    fn weeks_turn_at_monday_midnight_also_before_1970() {
        for monday in [
            datetime!(1969-12-22 0:00 UTC),
            datetime!(1970-01-05 0:00 UTC),
            datetime!(2016-02-01 0:00 UTC),
            datetime!(2026-11-16 0:00 UTC),
        ] {
            let before = week_of(monday - time::Duration::MICROSECOND);
            let last = week_of(monday + time::Duration::days(7) - time::Duration::MICROSECOND);

            assert_eq!(before.0 + 1, week_of(monday).0, "{monday}");
            assert_eq!(last, week_of(monday), "{monday}");
        }
    }

    #[test]
    fn middle_of_a_week_is_within_it() {
        let week = week_of(datetime!(2024-12-30 0:00 UTC));

        assert_eq!(week_of(week.middle()), week);
        assert_eq!(week.middle(), datetime!(2025-01-02 12:00 UTC));
    }
}
