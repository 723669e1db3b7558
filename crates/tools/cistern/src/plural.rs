//! Counts with their nouns.

use std::fmt::Display;

/// `1 event`, `2 events`, `2 batches`. The noun must form its plural as [`plural`] does.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    if count == N::from(1) {
        format!("{count} {noun}")
    } else {
        format!("{count} {}", plural(noun))
    }
}

/// `events` of `event`, `batches` of `batch`.
pub(crate) fn plural(noun: &str) -> String {
    let ending = if noun.ends_with("ch") { "es" } else { "s" };
    format!("{noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_is_singular() {
        for (count, expected) in [(0_u64, "0 events"), (1, "1 event"), (2, "2 events")] {
            assert_eq!(counted(count, "event"), expected);
        }
        assert_eq!(counted(1_usize, "batch"), "1 batch");
        assert_eq!(counted(2_u32, "batch"), "2 batches");
    }
}
