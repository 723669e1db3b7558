//! Events by time and type, as a plot and its table need them.

use std::collections::BTreeMap;

use maud::Markup;

use super::plot;
use crate::{
    answer::Group,
    api::{ApiFailure, Asking, Groups},
    buckets::{Bucket, Buckets, Unit},
    chart::Series,
    family::Family,
    range::Range,
    search::Search,
};

/// More colours than this are not told apart; the smallest become one.
const MOST_SERIES: usize = 8;
/// How many days of hours and types the API counts in one request: it answers 10,000 groups at most.
const DAYS_AT_ONCE: i64 = 10;

/// Counts of each type in each piece of time.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) buckets: Buckets,
    pub(crate) by_kind: BTreeMap<String, Vec<u64>>,
}

impl Tally {
    /// Asks the API, in parts where one answer would be too long.
    pub(crate) async fn of(
        asking: Asking<'_>,
        search: &Search,
        unit: Unit,
    ) -> Result<Self, ApiFailure> {
        let ranges = match unit {
            Unit::Hour | Unit::SixHours => parts(&search.range),
            Unit::Day | Unit::Month => vec![search.range.clone()],
        };
        let asked = ranges.into_iter().map(async |range| {
            asking
                .counts(
                    &[unit.dimension(), "type"],
                    &search.within(range).params(),
                    Groups::All,
                )
                .await
        });
        let groups = futures::future::try_join_all(asked).await?;
        Ok(Self::from_groups(
            Buckets::of(&search.range, unit),
            groups.iter().flatten(),
        ))
    }

    /// Puts groups of a label and a type where they belong.
    pub(crate) fn from_groups<'a>(
        buckets: Buckets,
        groups: impl Iterator<Item = &'a Group>,
    ) -> Self {
        let mut by_kind: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for group in groups {
            let kind = group.key(1).unwrap_or("unknown").to_owned();
            let counts = by_kind
                .entry(kind)
                .or_insert_with(|| vec![0; buckets.list.len()]);
            if let Some(slot) = group
                .key(0)
                .and_then(|label| buckets.index(label))
                .and_then(|index| counts.get_mut(index))
            {
                *slot = slot.saturating_add(group.count);
            }
        }
        Self { buckets, by_kind }
    }

    /// All events.
    pub(crate) fn total(&self) -> u64 {
        self.totals()
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The last piece of time in which anything happened.
    pub(crate) fn last_busy(&self) -> Option<&Bucket> {
        let is_busy = |index: &usize| {
            let mut counts = self
                .by_kind
                .values()
                .filter_map(|counts| counts.get(*index));
            counts.any(|count| *count > 0)
        };
        let last = (0..self.buckets.list.len()).rev().find(is_busy)?;
        self.buckets.list.get(last)
    }

    /// Events by type.
    pub(crate) fn totals(&self) -> BTreeMap<&str, u64> {
        let sum = |counts: &Vec<u64>| {
            counts
                .iter()
                .fold(0_u64, |sum, count| sum.saturating_add(*count))
        };
        self.by_kind
            .iter()
            .map(|(kind, counts)| (kind.as_str(), sum(counts)))
            .collect()
    }

    /// Counts by family, of those that happened; what exceeds the colours is together in [`Family::Other`].
    fn families(&self) -> Vec<(Family, Vec<u64>)> {
        let mut families: Vec<(Family, Vec<u64>)> = Family::ALL
            .into_iter()
            .map(|family| (family, vec![0; self.buckets.list.len()]))
            .collect();
        for (kind, counts) in &self.by_kind {
            add(&mut families, Family::of(kind), counts);
        }
        families.retain(|(_, counts)| counts.iter().any(|count| *count > 0));
        while families.len() > MOST_SERIES {
            let size = |counts: &[u64]| {
                counts
                    .iter()
                    .fold(0_u64, |sum, count| sum.saturating_add(*count))
            };
            let candidates = families
                .iter()
                .enumerate()
                .filter(|(_, (family, _))| *family != Family::Other);
            let Some(smallest) = candidates
                .min_by_key(|(_, (_, counts))| size(counts))
                .map(|(index, _)| index)
            else {
                break;
            };
            let (_, counts) = families.remove(smallest);
            if !families.iter().any(|(family, _)| *family == Family::Other) {
                families.push((Family::Other, vec![0; self.buckets.list.len()]));
            }
            add(&mut families, Family::Other, &counts);
        }
        families
    }

    /// The plot. Its legend narrows the search by type, its pieces by time.
    pub(crate) fn chart(&self, id: &'static str, title: &str, search: &Search) -> Markup {
        let families = self.families();
        let is_linked = search.is_short();
        let of_all_types = search.clone().without_types();
        // The types that were counted: the search may leave out others of the family.
        let link = |family: Family| {
            self.by_kind
                .keys()
                .filter(|kind| Family::of(kind) == family)
                .fold(of_all_types.clone(), |search, kind| {
                    search.with("events", kind)
                })
                .link("/console/events")
        };
        let series: Vec<_> = families
            .iter()
            .map(|(family, counts)| Series {
                class: family.class(),
                label: family.label(),
                counts,
                href: (is_linked && *family != Family::Other).then(|| link(*family)),
            })
            .collect();
        plot::over_time(id, title, &self.buckets, &series, search)
    }
}

fn add(families: &mut [(Family, Vec<u64>)], family: Family, counts: &[u64]) {
    if let Some((_, sums)) = families.iter_mut().find(|(other, _)| *other == family) {
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum = sum.saturating_add(*count);
        }
    }
}

/// A range in pieces of whole hours of universal time. Where clocks are half an hour off, the hour of a cut is counted in two parts,
/// which are put together again.
fn parts(range: &Range) -> Vec<Range> {
    let mut parts = Vec::new();
    let mut from = range.from;
    while from < range.to && parts.len() < 20 {
        let cut = (from.as_second() / 3_600 + DAYS_AT_ONCE * 24) * 3_600;
        let to = jiff::Timestamp::from_second(cut).map_or(range.to, |cut| cut.min(range.to));
        parts.push(range.other(from, to));
        from = to;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(from: &str, zone: &str) -> Range {
        Range::parse(from, "", zone, "2026-11-21T12:20:00Z".parse().unwrap()).0
    }

    fn group(label: &str, kind: &str, count: u64) -> Group {
        Group {
            keys: vec![Some(label.to_owned()), Some(kind.to_owned())],
            count,
        }
    }

    #[test]
    fn parts_meet_and_are_few() {
        for from in ["-1h", "-7d", "-8d", "-30d", "-31d"] {
            let range = range(from, "UTC");
            let parts = parts(&range);
            assert_eq!(
                (parts[0].from, parts[parts.len() - 1].to),
                (range.from, range.to)
            );
            assert!(parts.windows(2).all(|pair| pair[0].to == pair[1].from));
            assert!(parts.len() <= 4, "{from}");
        }
    }

    proptest! {
        /// What is counted is drawn: nothing is lost between the groups, the types and the families.
        #[test]
        fn sums_come_out(counts in prop::collection::vec((0_i64..30 * 24, 0_usize..30, 1_u64..1_000), 0..60), zone in prop::sample::select(vec!["UTC", "Asia/Kathmandu", "Europe/Berlin"])) {
            let kinds: Vec<_> = Family::ALL.into_iter().flat_map(Family::kinds).copied().chain(["new_1", "new_2", "new_3"]).collect();
            let range = range("-30d", zone);
            let groups: Vec<_> = counts.iter().map(|(hour, kind, count)| {
                let time = jiff::Timestamp::from_second(range.from.as_second() + hour * 3_600).unwrap().to_zoned(range.zone.zone.clone());
                group(&time.strftime("%Y-%m-%dT%H:00").to_string(), kinds[kind % kinds.len()], *count)
            }).collect();
            let sum: u64 = counts.iter().map(|(_, _, count)| count).sum();

            let tally = Tally::from_groups(Buckets::of(&range, Unit::of(&range)), groups.iter());

            prop_assert_eq!(tally.total(), sum);
            let families = tally.families();
            prop_assert_eq!(families.iter().flat_map(|(_, counts)| counts).sum::<u64>(), sum);
            prop_assert!(families.len() <= MOST_SERIES);
        }
    }
}
