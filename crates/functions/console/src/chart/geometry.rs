//! Numbers of charts: scales that are read at a glance, and paths of whole numbers.

use std::fmt::{self, Write as _};

use maud::Render;

/// How many units the height has: a thousandth is a fifth of a pixel, and whole numbers are short.
pub(super) const UNITS: u64 = 1_000;

/// `part` of `whole` in units, rounded, and never more than all of them.
pub(super) fn share(part: u64, whole: u64, units: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    let (part, whole, units) = (
        u128::from(part.min(whole)),
        u128::from(whole),
        u128::from(units),
    );
    u64::try_from((part * units + whole / 2) / whole).unwrap_or(0)
}

/// An axis from 0, with one to five steps of 1, 2 or 5 times a power of ten.
#[derive(Debug)]
pub(super) struct Scale {
    step: u64,
    count: u64,
}

impl Scale {
    /// The axis on which this number has room.
    pub(super) fn to(most: u64) -> Self {
        let most = most.max(1);
        let powers = (0..20).filter_map(|power| 10_u64.checked_pow(power));
        let steps = powers.flat_map(|power| {
            [1, 2, 5]
                .into_iter()
                .filter_map(move |factor| power.checked_mul(factor))
        });
        let wanted = steps.into_iter().find(|step| most.div_ceil(*step) <= 5);
        let step = wanted.unwrap_or(most);
        Self {
            step,
            count: most.div_ceil(step),
        }
    }

    /// The grid's lines: their values, and how high they are in thousandths.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u64, u32)> {
        let height = |index| u32::try_from(index * 1_000 / self.count).unwrap_or(1_000);
        (0..=self.count).map(move |index| (self.step.saturating_mul(index), height(index)))
    }

    /// How high a number is, in [`UNITS`].
    pub(super) fn height(&self, value: u64) -> u64 {
        let full = u128::from(self.step) * u128::from(self.count);
        let units = (u128::from(value) * u128::from(UNITS) + full / 2) / full.max(1);
        u64::try_from(units).map_or(UNITS, |units| units.min(UNITS))
    }
}

/// The path of bars from the ground to these values: apart with gaps between them, or as one outline.
pub(super) fn steps(values: &[u64], scale: &Scale, is_apart: bool) -> String {
    let mut path = String::new();
    if is_apart {
        for (index, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
            // What happened once is to be seen.
            let height = scale.height(*value).max(4);
            let _ = write!(path, "M{index}.1 {UNITS}v-{height}h.8V{UNITS}z");
        }
        return path;
    }
    let _ = write!(path, "M0 {UNITS}");
    let (mut last, mut flat) = (0, 0_usize);
    for value in values {
        let next = scale.height(*value);
        if next != last {
            if flat > 0 {
                let _ = write!(path, "h{flat}");
            }
            let _ = if next > last {
                write!(path, "v-{}", next - last)
            } else {
                write!(path, "v{}", last - next)
            };
            (last, flat) = (next, 0);
        }
        flat += 1;
    }
    let _ = write!(path, "h{flat}V{UNITS}z");
    path
}

/// A place along the width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Percent(pub(super) usize, pub(super) usize);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = self.0.saturating_mul(10_000) / self.1.max(1);
        write!(f, "{}.{:02}%", hundredths / 100, hundredths % 100)
    }
}

impl Render for Percent {
    fn render_to(&self, buffer: &mut String) {
        let _ = write!(buffer, "{self}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Follows an outline, and tells the height above the ground over each piece.
    fn followed(path: &str, pieces: usize) -> Vec<u64> {
        let body = path
            .strip_prefix("M0 1000")
            .unwrap()
            .strip_suffix("V1000z")
            .unwrap();
        let (mut heights, mut height) = (Vec::new(), 0_i64);
        let mut rest = body;
        while let Some(command) = rest.chars().next() {
            let end = rest[1..].find(['h', 'v']).map_or(rest.len(), |at| at + 1);
            let number: i64 = rest[1..end].parse().unwrap();
            if command == 'v' {
                height -= number;
            } else {
                heights.extend(std::iter::repeat_n(
                    u64::try_from(height).unwrap(),
                    usize::try_from(number).unwrap(),
                ));
            }
            rest = &rest[end..];
        }
        assert_eq!(heights.len(), pieces);
        heights
    }

    proptest! {
        #[test]
        fn axis_has_room_few_lines_and_round_steps(most in any::<u64>()) {
            let scale = Scale::to(most);
            let lines: Vec<_> = scale.lines().collect();

            prop_assert!((2..=6).contains(&lines.len()));
            prop_assert!(lines.last().unwrap().0 >= most);
            prop_assert_eq!((lines[0], lines.last().unwrap().1), ((0, 0), 1_000));
            let first = scale.step.to_string();
            prop_assert!(matches!(first.trim_end_matches('0'), "1" | "2" | "5") || most > 10_u64.pow(19), "{}", first);
        }

        #[test]
        fn outline_is_as_high_as_its_values(values in prop::collection::vec(prop_oneof![0_u64..50, any::<u64>()], 1..100)) {
            let scale = Scale::to(values.iter().copied().max().unwrap());

            let heights = followed(&steps(&values, &scale, false), values.len());

            for (value, height) in values.iter().zip(&heights) {
                prop_assert_eq!(scale.height(*value), *height);
            }
            let mut pairs: Vec<_> = values.iter().zip(heights).collect();
            pairs.sort_unstable();
            prop_assert!(pairs.is_sorted_by_key(|pair| pair.1));
        }

        #[test]
        fn bars_apart_are_as_many_as_there_is_something(values in prop::collection::vec(0_u64..3, 0..60)) {
            let path = steps(&values, &Scale::to(3), true);
            prop_assert_eq!(path.matches('M').count(), values.iter().filter(|value| **value > 0).count());
        }

        #[test]
        fn share_is_a_part_of_the_whole(part in any::<u64>(), whole in any::<u64>(), units in 0_u64..2_000) {
            prop_assert!(share(part, whole, units) <= units);
            prop_assert_eq!(share(whole, whole, units), if whole == 0 { 0 } else { units });
        }
    }

    #[test]
    fn places_are_percents() {
        assert_eq!(
            (
                Percent(1, 3).to_string(),
                Percent(0, 0).to_string(),
                Percent(2, 2).to_string()
            ),
            ("33.33%".into(), "0.00%".into(), "100.00%".into())
        );
    }
}
