//! Time cut into pieces for a plot: every piece is there, also those in which nothing happened.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use crate::range::{Range, Zone};

/// How long a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Hour,
    /// Six hours, counted by the API as hours: thirty days of hours are more than a screen has room for.
    SixHours,
    Day,
    Month,
}

impl Unit {
    /// For a plot of this range: at most 200 pieces.
    pub(crate) fn of(range: &Range) -> Self {
        match range.seconds() / 86_400 {
            0..=7 => Self::Hour,
            8..=31 => Self::SixHours,
            32..=180 => Self::Day,
            _ => Self::Month,
        }
    }

    /// As [`Self::of`], with pieces that the API can count in one request however many types there are.
    pub(crate) fn plain_of(range: &Range) -> Self {
        match Self::of(range) {
            Self::SixHours => Self::Day,
            unit @ (Self::Hour | Self::Day | Self::Month) => unit,
        }
    }

    /// What the API groups by.
    pub(crate) const fn dimension(self) -> &'static str {
        match self {
            Self::Hour | Self::SixHours => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// In a heading: events by …
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::SixHours => "six hours",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// Where the API's label of a moment is cut to get the label of its piece.
    fn label(self, time: &Zoned) -> String {
        let form = match self {
            Self::Hour | Self::SixHours => "%Y-%m-%dT%H:00",
            Self::Day => "%Y-%m-%d",
            Self::Month => "%Y-%m",
        };
        time.strftime(form).to_string()
    }
}

/// One piece: from inclusive, to exclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

/// Neighbouring pieces that a pointer takes as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) pieces: std::ops::Range<usize>,
    pub(crate) time: Bucket,
    /// When that is.
    pub(crate) words: String,
}

/// Narrower pieces are not hit by a pointer.
const MOST_POINTED_AT: usize = 62;

/// The pieces of a range, in their order, and which of the API's labels belongs to which.
#[derive(Debug)]
pub(crate) struct Buckets {
    pub(crate) unit: Unit,
    pub(crate) zone: Zone,
    pub(crate) list: Vec<Bucket>,
    by_label: HashMap<String, usize>,
}

/// A bound for the loop; the longest range has 120 months, 180 days or 192 hours.
const MOST_STEPS: usize = 2_000;

impl Buckets {
    /// Cuts a range. Pieces begin where the clocks of its zone do, so the first and the last may be partly outside.
    pub(crate) fn of(range: &Range, unit: Unit) -> Self {
        let mut buckets = Self {
            unit,
            zone: range.zone.clone(),
            list: Vec::new(),
            by_label: HashMap::new(),
        };
        let mut time = first(range, unit);
        for _ in 0..MOST_STEPS {
            let Some(start) = time.take().filter(|time| time.timestamp() < range.to) else {
                break;
            };
            let next = next(&start, unit);
            let to = next.as_ref().map_or(range.to, Zoned::timestamp);
            buckets.push(&start, to, range);
            time = next;
        }
        buckets
    }

    fn push(&mut self, start: &Zoned, to: Timestamp, range: &Range) {
        let label = self.unit.label(start);
        // When clocks go back, two hours have one label, and the API counts them together.
        if let Some(bucket) = self
            .by_label
            .get(&label)
            .and_then(|index| self.list.get_mut(*index))
        {
            bucket.to = to.min(range.to);
            return;
        }
        let joins = self.unit == Unit::SixHours && start.hour() % 6 != 0 && !self.list.is_empty();
        if joins {
            if let Some(bucket) = self.list.last_mut() {
                bucket.to = to.min(range.to);
            }
        } else {
            self.list.push(Bucket {
                from: start.timestamp().max(range.from),
                to: to.min(range.to),
            });
        }
        self.by_label.insert(label, self.list.len() - 1);
    }

    /// The piece of one of the API's labels.
    pub(crate) fn index(&self, label: &str) -> Option<usize> {
        self.by_label.get(label).copied()
    }

    /// What stands below a piece, and whether it may be left out on a narrow screen; none for most.
    pub(crate) fn ticks(&self) -> Vec<(usize, String, bool)> {
        let count = self.list.len();
        let local = |bucket: &Bucket| bucket.from.to_zoned(self.zone.zone.clone());
        let starts_day = |time: &Zoned| time.hour() == 0;
        let is_days = matches!(self.unit, Unit::Hour | Unit::SixHours) && count > 30;
        let mut marks: Vec<(usize, String)> = Vec::new();
        for (index, bucket) in self.list.iter().enumerate() {
            let time = local(bucket);
            let text = match self.unit {
                Unit::Hour | Unit::SixHours if is_days => starts_day(&time).then_some("%-d %b"),
                Unit::Hour | Unit::SixHours => Some("%H:%M"),
                Unit::Day => Some("%-d %b"),
                Unit::Month => Some("%b %Y"),
            };
            if let Some(form) = text {
                marks.push((index, time.strftime(form).to_string()));
            }
        }
        let every = marks.len().div_ceil(10).max(1);
        let kept = marks.into_iter().step_by(every).enumerate();
        kept.map(|(place, (index, text))| (index, text, place % 2 == 1))
            .collect()
    }

    /// What a pointer takes as one: a piece, or a day or month of pieces that are too narrow for it.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let is_whole = self.list.len() <= MOST_POINTED_AT;
        let unit = match self.unit {
            unit if is_whole => unit,
            Unit::Hour | Unit::SixHours => Unit::Day,
            Unit::Day | Unit::Month => Unit::Month,
        };
        let mut spans: Vec<(String, Span)> = Vec::new();
        for (index, bucket) in self.list.iter().enumerate() {
            let label = unit.label(&bucket.from.to_zoned(self.zone.zone.clone()));
            let joined = spans
                .last_mut()
                .filter(|(last, _)| !is_whole && *last == label);
            if let Some((_, span)) = joined {
                span.pieces.end = index + 1;
                span.time.to = bucket.to;
            } else {
                let span = Span {
                    pieces: index..index + 1,
                    time: bucket.clone(),
                    words: self.words(bucket, unit),
                };
                spans.push((label, span));
            }
        }
        spans.into_iter().map(|(_, span)| span).collect()
    }

    /// In words: `2026-11-21 09:00 to 10:00`.
    fn words(&self, bucket: &Bucket, unit: Unit) -> String {
        let end = bucket.to.to_zoned(self.zone.zone.clone());
        match unit {
            Unit::Hour | Unit::SixHours => format!(
                "{} to {}",
                self.zone.minute(bucket.from),
                end.strftime("%H:%M")
            ),
            Unit::Day => bucket
                .from
                .to_zoned(self.zone.zone.clone())
                .strftime("%a %Y-%m-%d")
                .to_string(),
            Unit::Month => bucket
                .from
                .to_zoned(self.zone.zone.clone())
                .strftime("%B %Y")
                .to_string(),
        }
    }
}

fn first(range: &Range, unit: Unit) -> Option<Zoned> {
    let time = range.from.to_zoned(range.zone.zone.clone());
    match unit {
        Unit::Hour | Unit::SixHours => {
            let past = i64::from(time.minute()) * 60 + i64::from(time.second());
            time.checked_sub(SignedDuration::from_secs(past)).ok()
        }
        Unit::Day => time.start_of_day().ok(),
        Unit::Month => time.first_of_month().ok()?.start_of_day().ok(),
    }
}

fn next(start: &Zoned, unit: Unit) -> Option<Zoned> {
    match unit {
        Unit::Hour | Unit::SixHours => start.checked_add(SignedDuration::from_hours(1)).ok(),
        Unit::Day => start.tomorrow().ok()?.start_of_day().ok(),
        Unit::Month => start
            .checked_add(1.month())
            .ok()?
            .first_of_month()
            .ok()?
            .start_of_day()
            .ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn buckets(from: &str, to: &str, zone: &str, unit: Unit) -> Buckets {
        let (range, problems) =
            Range::parse(from, to, zone, "2026-11-21T12:00:00Z".parse().unwrap());
        assert!(problems.is_empty());
        Buckets::of(&range, unit)
    }

    #[test]
    fn days_on_which_clocks_change_have_all_their_hours() {
        // In Berlin 25 October 2026 has 25 hours, of which two have one name, and 29 March has 23.
        let table = [
            ("2026-10-25", "2026-10-26", 24, 25 * 3_600),
            ("2026-03-29", "2026-03-30", 23, 23 * 3_600),
            ("2026-05-01", "2026-05-02", 24, 24 * 3_600),
        ];
        for (from, to, count, seconds) in table {
            let hours = buckets(from, to, "Europe/Berlin", Unit::Hour);
            let length: i64 = hours
                .list
                .iter()
                .map(|bucket| bucket.to.as_second() - bucket.from.as_second())
                .sum();
            assert_eq!((hours.list.len(), length), (count, seconds), "{from}");
            assert_eq!(
                buckets(from, to, "Europe/Berlin", Unit::SixHours)
                    .list
                    .len(),
                4
            );
            assert_eq!(buckets(from, to, "Europe/Berlin", Unit::Day).list.len(), 1);
        }
    }

    #[test]
    fn ticks_are_few_and_in_order() {
        for (from, unit) in [
            ("-1h", Unit::Hour),
            ("-24h", Unit::Hour),
            ("-7d", Unit::Hour),
            ("-30d", Unit::SixHours),
            ("-100d", Unit::Day),
            ("-3000d", Unit::Month),
        ] {
            let ticks = buckets(from, "", "", unit).ticks();
            assert!((1..=11).contains(&ticks.len()), "{from}: {ticks:?}");
            assert!(ticks.is_sorted_by_key(|tick| tick.0));
        }
    }

    proptest! {
        /// What the API counts as of some hour, day or month of the range has a piece, and the pieces fill the range.
        #[test]
        fn every_moment_has_a_piece_and_pieces_meet(
            begin in 0_i64..100_000_000, length in 1_i64..20_000_000, part in 0.0..1.0_f64,
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana", "+05:30"]),
        ) {
            let from = Timestamp::from_second(1_700_000_000 + begin).unwrap();
            let to = Timestamp::from_second(1_700_000_000 + begin + length).unwrap();
            let (range, problems) = Range::parse(&from.to_string(), &to.to_string(), zone, to);
            prop_assert!(problems.is_empty());
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any moment will do")]
            let moment = Timestamp::from_second(from.as_second() + (length as f64 * part) as i64).unwrap();

            let unit = Unit::of(&range);
            let buckets = Buckets::of(&range, unit);
            let index = buckets.index(&unit.label(&moment.to_zoned(range.zone.zone)));
            prop_assert!(index.is_some_and(|index| index < buckets.list.len()));
            prop_assert!(buckets.list.len() <= 200);
            let ends = (buckets.list.first().map(|bucket| bucket.from), buckets.list.last().map(|bucket| bucket.to));
            prop_assert_eq!(ends, (Some(from), Some(to)));
            let spans = buckets.spans();
            prop_assert!(spans.len() <= MOST_POINTED_AT);
            prop_assert_eq!(spans.iter().flat_map(|span| span.pieces.clone()).collect::<Vec<_>>(), (0..buckets.list.len()).collect::<Vec<_>>());
            prop_assert!(spans.windows(2).all(|pair| pair[0].time.to == pair[1].time.from));
            prop_assert!(buckets.list.is_sorted_by_key(|bucket| bucket.from));
        }
    }
}
