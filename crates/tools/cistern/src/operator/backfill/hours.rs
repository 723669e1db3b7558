//! A range of time, cut at full hours: an interrupted backfill repeats an hour at most.

use time::{Duration, OffsetDateTime};

/// A part of the range, of an hour or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hour {
    /// The first moment of it.
    pub(super) from: OffsetDateTime,
    /// The first moment after it.
    pub(super) to: OffsetDateTime,
}

/// The hours of a range, the earliest first. SparkPost takes minutes, so its ends are moved outwards to full ones.
pub(super) fn hours(from: OffsetDateTime, to: OffsetDateTime) -> Vec<Hour> {
    let from = minute(from);
    let end = minute(to + Duration::MINUTE - Duration::NANOSECOND);
    let starts = std::iter::successors(Some(from), |start| {
        let full = start.replace_minute(0).ok()?;
        Some(full + Duration::HOUR)
    });
    starts
        .take_while(|start| *start < end)
        .map(|start| {
            let full = start.replace_minute(0).unwrap_or(start);
            Hour {
                from: start,
                to: (full + Duration::HOUR).min(end),
            }
        })
        .collect()
}

/// The minute of a time, in UTC.
fn minute(at: OffsetDateTime) -> OffsetDateTime {
    let seconds = at.unix_timestamp();
    OffsetDateTime::from_unix_timestamp(seconds - seconds.rem_euclid(60)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn ends_are_minutes_and_the_rest_full_hours() {
        let hours = hours(
            datetime!(2026-01-31 22:59:30 UTC),
            datetime!(2026-02-01 01:00:01 +00:00),
        );

        let expected = [
            (
                datetime!(2026-01-31 22:59 UTC),
                datetime!(2026-01-31 23:00 UTC),
            ),
            (
                datetime!(2026-01-31 23:00 UTC),
                datetime!(2026-02-01 00:00 UTC),
            ),
            (
                datetime!(2026-02-01 00:00 UTC),
                datetime!(2026-02-01 01:00 UTC),
            ),
            (
                datetime!(2026-02-01 01:00 UTC),
                datetime!(2026-02-01 01:01 UTC),
            ),
        ];
        assert_eq!(hours, expected.map(|(from, to)| Hour { from, to }));
    }

    proptest! {
        #[test]
        fn hours_cover_the_range_without_a_gap(start in 0_i64..2_000_000_000, length in 1_i64..1_000_000) {
            let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let hours = hours(at(start), at(start + length));

            prop_assert!(hours[0].from <= at(start) && at(start) - hours[0].from < Duration::MINUTE);
            let last = hours[hours.len() - 1].to;
            prop_assert!(last >= at(start + length) && last - at(start + length) < Duration::MINUTE);
            for pair in hours.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from);
            }
            prop_assert!(hours.iter().all(|hour| hour.from < hour.to && hour.to - hour.from <= Duration::HOUR));
        }
    }
}
