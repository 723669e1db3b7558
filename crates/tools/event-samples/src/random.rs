//! Pseudo-random numbers: the same for the same seed.

/// `SplitMix64`: small, good enough for generated data, and its sequence will never change.
/// <https://prng.di.unimi.it/splitmix64.c>
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;

impl Random {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let bits = scramble(self.state);
        self.state = self.state.wrapping_add(GOLDEN_RATIO);
        bits
    }

    /// A number from 0 to `limit` - 1; 0 if `limit` is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(limit);
        // The upper half of a product of two u64.
        (product >> 64) as u64
    }

    /// A number from 0 up to, but not including, 1.
    pub fn share(&mut self) -> f64 {
        const STEPS: u32 = 1 << 30;
        let step = u32::try_from(self.below(STEPS.into())).unwrap_or(0);
        f64::from(step) / f64::from(STEPS)
    }

    /// True with this probability, from 0 to 1.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.share() < probability
    }
}

/// Hashes a number to another one, always the same.
pub(crate) const fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(GOLDEN_RATIO);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The entry at a number's index, modulo the number of entries.
///
/// # Panics
/// If there are none.
pub(crate) fn choose<T: Copy>(entries: &[T], number: u64) -> T {
    let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    let index = usize::try_from(number % count).unwrap_or(0);
    entries[index]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_is_that_of_splitmix64() {
        let mut random = Random::new(0);

        assert_eq!(random.bits(), 0xE220_A839_7B1D_CDAF);
        assert_eq!(random.bits(), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn numbers_stay_below_their_limit() {
        let mut random = Random::new(7);
        for _ in 0..1_000 {
            assert!(random.below(3) < 3);
            assert!((0.0..1.0).contains(&random.share()));
        }
        assert_eq!(random.below(0), 0);
    }
}
