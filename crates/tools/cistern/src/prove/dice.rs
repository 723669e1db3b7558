//! Pseudo-random numbers, the same for the same seed on every machine.

/// A sequence of numbers (`SplitMix64`, <https://prng.di.unimi.it/splitmix64.c>).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// A sequence of its own for each `seed` and `purpose`, so that one part of a plan does not shift another.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0xd129_0dd4_53c1_a7b9) ^ purpose);
        dice.roll();
        dice
    }

    /// The next number.
    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.roll().checked_rem(bound).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// Whether something happens that happens so often in a hundred.
    pub(super) fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`; `None` if there is none.
    pub(super) fn choose<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        let index = self.below(u64::try_from(choices.len()).unwrap_or(u64::MAX));
        choices.get(usize::try_from(index).unwrap_or(0)).copied()
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1));
            items.swap(last, usize::try_from(other).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_repeat_for_a_seed_and_differ_for_another_seed_or_purpose() {
        let numbers = |seed, purpose| -> Vec<u64> {
            let mut dice = Dice::new(seed, purpose);
            (0..8).map(|_| dice.roll()).collect()
        };

        assert_eq!(numbers(1, 1), numbers(1, 1));
        assert_ne!(numbers(1, 1), numbers(2, 1));
        assert_ne!(numbers(1, 1), numbers(1, 2));
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();

        Dice::new(1, 1).shuffle(&mut items);

        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn bounds_hold_even_when_they_are_empty() {
        let mut dice = Dice::new(3, 3);

        assert!((0..1000).all(|_| (5..=7).contains(&dice.within(5, 7))));
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.choose::<u8>(&[]), None);
    }
}
