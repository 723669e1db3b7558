//! Chooses the next merge.

use std::ops::Range;

use time::OffsetDateTime;

use crate::{maintenance::widths::Widths, week::Week};

/// The largest merged partition, which needs as much free disk: some 8 million events. Building the inverted index of
/// more takes longer than a maintenance run.
const MOST_BYTES: u64 = 16 << 30;

/// A partition, or a table that prevents one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: OffsetDateTime,
    pub(super) end: OffsetDateTime,
    /// Including its indexes.
    pub(super) bytes: u64,
    /// Attached, and not being detached.
    pub(super) is_whole: bool,
}

/// The range of the next merge: adjacent partitions whose weeks belong to one settled range, as many as fit into one
/// partition. Of several, the one that merges the most partitions; of equal ones, the oldest.
pub(super) fn choose(parts: &[Part], widths: Widths) -> Option<Range<OffsetDateTime>> {
    let mut best: Option<&[Part]> = None;
    let mut rest = parts;
    while let Some(first) = rest.first() {
        let run = run_of(first, rest, widths);
        if run.len() > 1 && best.is_none_or(|best| run.len() > best.len()) {
            best = Some(run);
        }
        rest = rest.get(run.len().max(1)..).unwrap_or_default();
    }
    let (first, last) = (best?.first()?, best?.last()?);
    Some(first.start..last.end)
}

/// The leading parts that can be merged.
fn run_of<'a>(first: &Part, parts: &'a [Part], widths: Widths) -> &'a [Part] {
    let Some(range) = widths.settled_range(Week::of_time(first.start)) else {
        return &[];
    };
    let mut bytes = 0_u64;
    let fitting = parts.iter().take_while(|part| {
        bytes = bytes.saturating_add(part.bytes);
        part.is_whole
            && part.start >= range.start.start()
            && part.end <= range.end.start()
            && bytes <= MOST_BYTES
    });
    let count = fitting.count();
    parts.get(..count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-11-30 0:00 UTC);

    /// A calendar: weeks are created ahead of time, and one merge runs per night.
    struct Calendar {
        parts: Vec<Part>,
        retention: Option<Duration>,
        week_bytes: u64,
    }

    impl Calendar {
        fn new(retention: Option<Duration>, week_bytes: u64) -> Self {
            Self {
                parts: Vec::new(),
                retention,
                week_bytes,
            }
        }

        /// Like `ensure_partition_at`.
        fn ensure(&mut self, week: Week, now: OffsetDateTime) {
            let covers = |part: &Part| part.start <= week.start() && week.start() < part.end;
            if self.parts.iter().any(covers) {
                return;
            }
            let recent = Week::of_time(now).plus(-13);
            let widths = Widths::at(now, self.retention);
            let mut range = if week >= recent {
                week..week.next()
            } else {
                let range = week.range(widths.widest_weeks());
                range.start..range.end.min(recent)
            };
            for part in &self.parts {
                if part.end <= week.start() {
                    range.start = range.start.max(Week::of_time(part.end));
                } else {
                    range.end = range.end.min(Week::of_time(part.start));
                }
            }
            let weeks = (range.end.start() - range.start.start()).whole_weeks();
            self.parts.push(Part {
                start: range.start.start(),
                end: range.end.start(),
                bytes: self.week_bytes * u64::try_from(weeks).unwrap(),
                is_whole: true,
            });
            self.parts.sort_by_key(|part| part.start);
        }

        fn night(&mut self, now: OffsetDateTime) {
            let this_week = Week::of_time(now);
            for ahead in 0..=4 {
                self.ensure(this_week.plus(ahead), now);
            }
            let widths = Widths::at(now, self.retention);
            if let Some(range) = choose(&self.parts, widths) {
                let is_within = |part: &Part| part.start >= range.start && part.end <= range.end;
                let bytes = self.parts.iter().filter(|part| is_within(part));
                let bytes = bytes.map(|part| part.bytes).sum();
                self.parts.retain(|part| !is_within(part));
                self.parts.push(Part {
                    start: range.start,
                    end: range.end,
                    bytes,
                    is_whole: true,
                });
                self.parts.sort_by_key(|part| part.start);
            }
            if let Some(retention) = self.retention {
                self.parts.retain(|part| part.end > now - retention);
            }
        }

        /// The highest number of partitions in any of these years, with one merge per week.
        fn most_partitions(&mut self, years: i64) -> usize {
            let mut most = 0;
            for week in 0..years * 365 / 7 {
                self.night(START + time::Duration::weeks(week));
                most = most.max(self.parts.len());
            }
            most
        }
    }

    #[test]
    fn there_are_at_most_60_partitions_after_20_years() {
        for (years, limit) in [(1, 40), (10, 50), (20, 60)] {
            let most = Calendar::new(None, 1_000_000).most_partitions(years);
            assert!(most <= limit, "{most} after {years} years");
        }
    }

    #[test]
    fn there_are_at_most_76_partitions_if_there_are_events_of_each_week_since_2010_too() {
        let mut calendar = Calendar::new(None, 1_000_000);
        let mut week = Week::of_time(datetime!(2010-01-04 0:00 UTC));
        while week.start() < START {
            calendar.ensure(week, START);
            week = week.next();
        }

        let most = calendar.most_partitions(20);

        assert!(most <= 76, "{most}");
    }

    #[test]
    fn there_are_at_most_64_partitions_whatever_the_retention() {
        for days in [7, 30, 90, 180, 365, 366, 400, 730, 800, 1_500, 2_967, 3_650] {
            let retention = Some(Duration::from_hours(24 * days));
            let most = Calendar::new(retention, 1_000_000).most_partitions(12);
            assert!(most <= 64, "{most} with {days} days");
        }
    }

    #[test]
    fn weeks_of_an_earlier_release_are_merged_within_as_many_nights_as_there_are_ranges() {
        let mut calendar = Calendar::new(None, 1_000_000);
        let mut week = Week::of_time(START).plus(-520);
        while week <= Week::of_time(START) {
            calendar.parts.push(Part {
                start: week.start(),
                end: week.next().start(),
                bytes: 1_000_000,
                is_whole: true,
            });
            week = week.next();
        }

        for night in 0..20 {
            calendar.night(START + time::Duration::days(night));
        }

        assert!(calendar.parts.len() <= 50, "{}", calendar.parts.len());
    }

    #[test]
    fn what_is_large_is_merged_as_far_as_it_fits_and_then_left_alone() {
        let mut calendar = Calendar::new(None, MOST_BYTES / 5);
        calendar.most_partitions(5);

        let largest = calendar.parts.iter().map(|part| part.bytes).max();

        assert_eq!(largest, Some(MOST_BYTES / 5 * 5));
        // 39 weeks or fewer are left; the others are merged five at a time.
        assert!(calendar.parts.len() < 100, "{}", calendar.parts.len());
    }

    #[test]
    fn what_stands_in_the_way_is_not_merged_across() {
        let week = Week::of_time(datetime!(2024-06-03 0:00 UTC));
        let part = |number: i64, is_whole| Part {
            start: week.plus(number).start(),
            end: week.plus(number).next().start(),
            bytes: 1,
            is_whole,
        };
        let parts = [
            part(0, true),
            part(1, false),
            part(2, true),
            part(3, true),
            part(5, true),
        ];

        let range = choose(&parts, Widths::at(START, None)).unwrap();

        assert_eq!(range, week.plus(2).start()..week.plus(6).start());
        assert_eq!(choose(&parts[..2], Widths::at(START, None)), None);
    }
}
