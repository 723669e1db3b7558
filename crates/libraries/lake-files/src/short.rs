//! Comparing short strings without a call.

/// Whether two strings are equal. Keys and values are short, and then calling `memcmp` takes longer than comparing.
#[inline]
pub(crate) fn fast_eq(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // The first and the last word, which overlap when the string is shorter than both. A longer string that differs mostly
    // does so at its end.
    match (words(a), words(b)) {
        (Some(words_a), Some(words_b)) => words_a == words_b && (a.len() <= 16 || a == b),
        _ => match (half_words(a), half_words(b)) {
            (Some(halves_a), Some(halves_b)) => halves_a == halves_b,
            _ => a == b,
        },
    }
}

/// Whether a string comes before another.
#[inline]
pub(crate) fn is_less(a: &[u8], b: &[u8]) -> bool {
    match (a.first_chunk(), b.first_chunk()) {
        (Some(first_a), Some(first_b)) if first_a != first_b => {
            u64::from_be_bytes(*first_a) < u64::from_be_bytes(*first_b)
        }
        _ => a < b,
    }
}

/// The first and the last eight bytes.
#[inline]
fn words(bytes: &[u8]) -> Option<(u64, u64)> {
    let first = u64::from_le_bytes(*bytes.first_chunk()?);
    let last = u64::from_le_bytes(*bytes.last_chunk()?);
    Some((first, last))
}

/// The first and the last four bytes.
#[inline]
fn half_words(bytes: &[u8]) -> Option<(u32, u32)> {
    let first = u32::from_le_bytes(*bytes.first_chunk()?);
    let last = u32::from_le_bytes(*bytes.last_chunk()?);
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn same_is_equal(a in "[ab]{0,20}", b in "[ab]{0,20}", index in 0_usize..40) {
            prop_assert_eq!(fast_eq(a.as_bytes(), b.as_bytes()), a == b);
            prop_assert!(fast_eq(a.as_bytes(), a.clone().as_bytes()));
            prop_assert_eq!(is_less(a.as_bytes(), b.as_bytes()), a < b);

            let mut changed = a.clone().into_bytes();
            if let Some(byte) = changed.get_mut(index) {
                *byte = b'c';
                prop_assert!(!fast_eq(a.as_bytes(), &changed));
            }
        }
    }
}
