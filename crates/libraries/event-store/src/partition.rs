//! The partitions of `email_events`, as seen by a loader.

use std::sync::{Mutex, MutexGuard, PoisonError};

use event_model::Timestamp;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{StoreError, error::Step};

/// A range of time with its beginning and without its end, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    start: i64,
    end: i64,
}

impl Span {
    /// From the beginning of time, or to the end of it, where there is none.
    fn new(start: Option<OffsetDateTime>, end: Option<OffsetDateTime>) -> Self {
        let micros = |time| Timestamp::from_time(time).unix_micros();
        Self {
            start: start.map_or(i64::MIN, micros),
            end: end.map_or(i64::MAX, micros),
        }
    }

    pub(crate) fn contains(&self, timestamp: Timestamp) -> bool {
        (self.start..self.end).contains(&timestamp.unix_micros())
    }

    pub(crate) fn end(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.end).unwrap_or(Timestamp::MAX)
    }
}

/// The times for which this process has seen a partition, so that asking for them costs nothing from then on.
///
/// Partitions that are merged leave their times covered; only retention takes some away.
#[derive(Debug, Default)]
pub(crate) struct KnownPartitions(Mutex<Vec<Span>>);

impl KnownPartitions {
    /// Those of the times for which no partition is known.
    pub(crate) fn missing(&self, times: impl Iterator<Item = Timestamp>) -> Vec<Timestamp> {
        let known = self.spans();
        // Times come in order, so the last answer is mostly the next.
        let mut last: Option<Span> = None;
        let mut missing = Vec::new();
        for time in times {
            if last.is_some_and(|span| span.contains(time)) {
                continue;
            }
            match known.iter().find(|span| span.contains(time)) {
                Some(span) => last = Some(*span),
                None => missing.push(time),
            }
        }
        missing
    }

    pub(crate) fn add(&self, span: Span) {
        self.spans().push(span);
    }

    /// Knows these and no others.
    pub(crate) fn replace(&self, spans: Vec<Span>) {
        *self.spans() = spans;
    }

    /// Forgets them all, when one turned out to be gone.
    pub(crate) fn clear(&self) {
        self.spans().clear();
    }

    fn spans(&self) -> MutexGuard<'_, Vec<Span>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there is a partition for a time, and for which times the answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Partition {
    /// There is, and it was this call that made it.
    Created(Span),
    /// There was one already.
    Exists(Span),
    /// There is none, and none can be.
    Refused(Span, Refusal),
}

/// Why there can be no partition for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No event is of such a time.
    OutOfRange,
    /// Retention has dropped it, and it does not come back.
    PastRetention,
}

/// Makes the partition for a time if it is missing. Must not be called within a transaction: the partition is to be there
/// for everyone at once.
pub(crate) async fn ensure_partition(
    connection: &mut PgConnection,
    at: OffsetDateTime,
) -> Result<Partition, StoreError> {
    let answer = sqlx::query!(
        r#"
        select
            state as "state!",
            nullif(lo, '-infinity') as "lo?",
            nullif(hi, 'infinity') as "hi?"
        from ensure_partition_at($1)
        "#,
        at,
    )
    .fetch_one(connection)
    .await
    .step("making a partition")?;
    let span = Span::new(answer.lo, answer.hi);
    match answer.state.as_str() {
        "created" => Ok(Partition::Created(span)),
        "exists" => Ok(Partition::Exists(span)),
        "past_retention" => Ok(Partition::Refused(span, Refusal::PastRetention)),
        "out_of_range" => Ok(Partition::Refused(span, Refusal::OutOfRange)),
        _ => Err(StoreError::Row {
            what: "the state of a partition",
        }),
    }
}

/// The times that have a partition.
pub(crate) async fn list_partitions(
    connection: &mut PgConnection,
) -> Result<Vec<Span>, StoreError> {
    let found = sqlx::query!(
        r#"
        select
            nullif(lo, '-infinity') as "lo?",
            nullif(hi, 'infinity') as "hi?"
        from event_partitions()
        where is_attached and not is_detaching
        "#,
    )
    .fetch_all(connection)
    .await
    .step("listing the partitions")?;
    Ok(found
        .iter()
        .map(|part| Span::new(part.lo, part.hi))
        .collect())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_that_no_known_partition_holds_are_missing() {
        let at = |time| Timestamp::from_time(time);
        let [a, b, c] = [
            datetime!(2024-01-01 0:00 UTC),
            datetime!(2024-01-08 0:00 UTC),
            datetime!(2024-01-15 0:00 UTC),
        ];
        let known = KnownPartitions::default();
        known.add(Span::new(Some(b), Some(c)));

        let last = Timestamp::from_time(c - time::Duration::MICROSECOND);
        let missing = known.missing([at(a), at(b), last, at(c), at(c)].into_iter());

        assert_eq!(missing, [at(a), at(c), at(c)]);
        let endless = Span::new(None, None);
        assert!(endless.contains(Timestamp::MIN) && endless.contains(Timestamp::MAX));
        known.clear();
        assert_eq!(known.missing([at(b)].into_iter()), [at(b)]);
    }
}
