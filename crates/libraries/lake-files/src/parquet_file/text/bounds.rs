//! The statistics of a chunk of strings.

use parquet::{
    data_type::ByteArray,
    file::statistics::{Statistics, ValueStatistics},
};

use crate::short::is_less;

/// Longer strings in statistics would cost more than they save. A prefix of a longer string is a bound too (`is_min_value_exact` and `is_max_value_exact` in
/// <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>).
const MAX_STATISTIC_BYTES: usize = 64;

/// The smallest and the greatest of some strings.
#[derive(Default)]
pub(super) struct Bounds(Option<(Vec<u8>, Vec<u8>)>);

impl Bounds {
    pub(super) fn widen(&mut self, text: &[u8]) {
        match &mut self.0 {
            None => self.0 = Some((text.to_vec(), text.to_vec())),
            Some((min, max)) => {
                let replaced = if is_less(text, min) {
                    min
                } else if is_less(max, text) {
                    max
                } else {
                    return;
                };
                replaced.clear();
                replaced.extend_from_slice(text);
            }
        }
    }

    pub(super) fn statistics(self, null_count: u64) -> Statistics {
        // Readers use both bounds or neither.
        let bounds = self
            .0
            .and_then(|(min, max)| Some((lower(min), upper(max)?)));
        let is_exact = bounds
            .as_ref()
            .map_or((false, false), |((_, min), (_, max))| (*min, *max));
        let (min, max) = bounds
            .map(|((min, _), (max, _))| (ByteArray::from(min), ByteArray::from(max)))
            .unzip();
        ValueStatistics::new(min, max, None, Some(null_count), false)
            .with_min_is_exact(is_exact.0)
            .with_max_is_exact(is_exact.1)
            .into()
    }
}

/// A lower bound of `text`, and whether it is `text` itself.
fn lower(mut text: Vec<u8>) -> (Vec<u8>, bool) {
    let is_exact = text.len() <= MAX_STATISTIC_BYTES;
    if !is_exact {
        let len = beginning(&text).len();
        text.truncate(len);
    }
    (text, is_exact)
}

/// An upper bound of `text`, and whether it is `text` itself. `None` when no short string is greater.
///
/// UTF-8 is in the order of code points, so a string is above all that begin as it does when its last character is the next one.
fn upper(text: Vec<u8>) -> Option<(Vec<u8>, bool)> {
    if text.len() <= MAX_STATISTIC_BYTES {
        return Some((text, true));
    }
    let mut kept = beginning(&text).to_owned();
    // The last code point has no next one: then the character before it is raised.
    while let Some(last) = kept.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            kept.push(next);
            return Some((kept.into_bytes(), false));
        }
    }
    None
}

/// The longest prefix of whole characters that fits.
fn beginning(text: &[u8]) -> &str {
    let text = std::str::from_utf8(text).unwrap_or_default();
    &text[..text.floor_char_boundary(MAX_STATISTIC_BYTES)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn statistics(texts: &[impl AsRef<str>]) -> ValueStatistics<ByteArray> {
        let mut bounds = Bounds::default();
        for text in texts {
            bounds.widen(text.as_ref().as_bytes());
        }
        let Statistics::ByteArray(statistics) = bounds.statistics(1) else {
            panic!("strings are byte arrays");
        };
        assert_eq!(statistics.null_count_opt(), Some(1));
        statistics
    }

    fn bounds(texts: &[&str]) -> (Option<String>, Option<String>) {
        let statistics = statistics(texts);
        let text =
            |bound: Option<&ByteArray>| bound.map(|bound| bound.as_utf8().unwrap().to_owned());
        (text(statistics.min_opt()), text(statistics.max_opt()))
    }

    #[test]
    fn least_and_greatest_are_kept() {
        let (min, max) = bounds(&["identifier-2", "identifier-10", "id", "identifier-2"]);

        assert_eq!(min.as_deref(), Some("id"));
        assert_eq!(max.as_deref(), Some("identifier-2"));
        assert_eq!(bounds(&[] as &[&str]), (None, None));
    }

    #[test]
    fn long_strings_are_cut_and_the_upper_bound_is_raised() {
        let long = |text: &str, last: &str| text.repeat(63) + last + "and more";
        for (text, upper) in [
            (long("b", "b"), "b".repeat(63) + "c"),
            // The character beyond does not fit.
            (long("b", "é"), "b".repeat(62) + "c"),
            // The next character takes a byte more, or lies behind those that stand for none.
            (long("b", "\u{7f}"), "b".repeat(63) + "\u{80}"),
            (
                "b".repeat(61) + "\u{d7ff}" + "more",
                "b".repeat(61) + "\u{e000}",
            ),
            // There is no next one.
            ("b".repeat(60) + "\u{10ffff}" + "more", "b".repeat(59) + "c"),
        ] {
            let (min, max) = bounds(&[&text]);

            assert!(text.starts_with(&min.unwrap()), "{text}");
            assert_eq!(max, Some(upper), "{text}");
        }
        assert_eq!(bounds(&[&"\u{10ffff}".repeat(20)]), (None, None));
    }

    proptest! {
        #[test]
        fn bounds_are_short_and_hold_for_every_string(
            texts in proptest::collection::vec("[a-c\u{7f}\u{d7ff}\u{10ffff}é]{0,80}", 1..20),
        ) {
            let statistics = statistics(&texts);

            let (Some(min), Some(max)) = (statistics.min_opt(), statistics.max_opt()) else {
                let greatest = texts.iter().max().unwrap();
                prop_assert!(greatest.chars().take(16).all(|letter| letter == char::MAX));
                return Ok(());
            };
            // The next character may take a byte more than the one that it replaces.
            prop_assert!(min.len().max(max.len()) <= MAX_STATISTIC_BYTES + 1);
            for text in &texts {
                prop_assert!(min.data() <= text.as_bytes() && text.as_bytes() <= max.data());
            }
            let least = texts.iter().min().unwrap().as_bytes();
            let greatest = texts.iter().max().unwrap().as_bytes();
            prop_assert_eq!(statistics.min_is_exact(), least == min.data());
            prop_assert_eq!(statistics.max_is_exact(), greatest == max.data());
        }
    }
}
