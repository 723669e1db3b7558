//! Stores one part of a converted object, exactly once.

use aws_io::s3::PutOutcome;
use lake_files::Part;
use lake_schema::layout::{self, FileKind, LakeFile};
use time::{Date, Duration, OffsetDateTime};

use crate::lake_store::{LakeStore, LakeStoreError};

/// Nothing more is filed under a day this long before queries stop listing it: the compactor needs the time to plan, write and show
/// the merged file.
const MERGING_TIME: Duration = Duration::hours(12);
/// The largest difference between S3's clock and this machine's; an arrival further ahead is not a time of arrival.
const CLOCK_DIFFERENCE: Duration = Duration::MINUTE;

/// Stores a part, unless it exists, or existed and is contained in a compacted file of its day now.
///
/// The day's state is read before the part is stored, and a part is deleted only long after it was recorded there
/// ([`Policy::query_grace_period`](crate::Policy::query_grace_period)). So a part that is not recorded yet still exists, under one of
/// the days that queries list.
pub(super) async fn store_part(
    store: &LakeStore,
    part: Part,
    arrival: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<PutOutcome, LakeStoreError> {
    let (day, _) = store.read_day(part.file.day).await?;
    if day.is_some_and(|day| day.parts.contains_key(&part.file.id)) {
        return Ok(PutOutcome::AlreadyThere);
    }
    let filed = |at| LakeFile {
        kind: FileKind::Part { at },
        ..part.file
    };
    let at = filing_day(arrival, now);
    if at != arrival.date() {
        for other in layout::listed_days(now).filter(|day| *day != at) {
            if store.has_part(filed(other)).await? {
                return Ok(PutOutcome::AlreadyThere);
            }
        }
    }
    store.put_file(filed(at), part.bytes.into()).await
}

/// The day under which a part is filed: the day of its source's arrival, which is the same each time, if the compactor has enough
/// time to merge the part before queries stop listing that day; else today.
fn filing_day(arrival: OffsetDateTime, now: OffsetDateTime) -> Date {
    let day = arrival.date();
    let is_early = now < layout::listed_until(day) - MERGING_TIME;
    if is_early && arrival - now <= CLOCK_DIFFERENCE {
        day
    } else {
        now.date()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn part_is_filed_under_a_day_that_queries_list_for_long_enough() {
        let arrival = datetime!(2026-03-01 00:00:00.5 UTC);
        for (now, expected) in [
            (datetime!(2026-03-01 12:00 UTC), date!(2026 - 03 - 01)),
            (datetime!(2026-03-02 11:59 UTC), date!(2026 - 03 - 01)),
            (datetime!(2026-03-02 12:00 UTC), date!(2026 - 03 - 02)),
            (datetime!(2026-05-07 00:00 UTC), date!(2026 - 05 - 07)),
            // This machine's clock is slightly behind S3's; and a name with a time in the future.
            (datetime!(2026-02-28 23:59:59 UTC), date!(2026 - 03 - 01)),
            (datetime!(2026-02-27 10:00 UTC), date!(2026 - 02 - 27)),
        ] {
            let at = filing_day(arrival, now);
            assert_eq!(at, expected, "{now}");
            assert!(layout::listed_until(at) - now >= MERGING_TIME);
        }
    }
}
