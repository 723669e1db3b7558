//! The partitions of `email_events`, as seen by a loader.

use std::sync::{Mutex, MutexGuard, PoisonError};

use event_model::Timestamp;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{StoreError, error::Step};

/// A range of time, start included and end excluded, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    start: i64,
    end: i64,
}

impl Span {
    /// Unbounded where there is no start or end.
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

/// Cache of the times for which this process has seen a partition.
///
/// Merged partitions still cover their times; only retention removes some.
#[derive(Debug, Default)]
pub(crate) struct KnownPartitions(Mutex<Vec<Span>>);

impl KnownPartitions {
    /// Those of the times for which no partition is known.
    pub(crate) fn missing(&self, times: impl Iterator<Item = Timestamp>) -> Vec<Timestamp> {
        let known = self.spans();
        // Times are in order, so the last match is usually the next one.
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

    /// Adds these spans.
    pub(crate) fn replace(&self, spans: Vec<Span>) {
        *self.spans() = spans;
    }

    /// Clears the cache, when a partition turned out to be missing.
    pub(crate) fn clear(&self) {
        self.spans().clear();
    }

    fn spans(&self) -> MutexGuard<'_, Vec<Span>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a time has a partition, and the span for which the answer is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Partition {
    /// This call created it.
    Created(Span),
    /// It existed.
    Exists(Span),
    /// It has none, and cannot have one.
    Refused(Span, Refusal),
}

/// Why a time cannot have a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No event can have this time.
    OutOfRange,
    /// Retention has dropped it; it is not recreated.
    PastRetention,
}

/// Creates the partition of a time if it is missing. Must not be called within a transaction: the partition has to be
/// visible to all at once.
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

/// The times with a partition.
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
