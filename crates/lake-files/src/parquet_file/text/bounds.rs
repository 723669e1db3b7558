//! What statistics say of a chunk of strings.

use parquet::{data_type::ByteArray, file::statistics::Statistics};

use crate::short::is_less;

/// Statistics with longer strings would be longer than what they spare.
const MAX_STATISTIC_BYTES: usize = 64;

/// The least and the greatest of some strings.
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
        let short = self
            .0
            .filter(|(min, max)| min.len().max(max.len()) <= MAX_STATISTIC_BYTES);
        let (min, max) = short
            .map(|(min, max)| (ByteArray::from(min), ByteArray::from(max)))
            .unzip();
        Statistics::byte_array(min, max, None, Some(null_count), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(texts: &[&str]) -> (Option<String>, Option<String>) {
        let mut bounds = Bounds::default();
        for text in texts {
            bounds.widen(text.as_bytes());
        }
        let Statistics::ByteArray(statistics) = bounds.statistics(1) else {
            panic!("strings are byte arrays");
        };
        assert_eq!(statistics.null_count_opt(), Some(1));
        let text =
            |bound: Option<&ByteArray>| bound.map(|bound| bound.as_utf8().unwrap().to_owned());
        (text(statistics.min_opt()), text(statistics.max_opt()))
    }

    #[test]
    fn least_and_greatest_are_kept() {
        let (min, max) = bounds(&["identifier-2", "identifier-10", "id", "identifier-2"]);

        assert_eq!(min.as_deref(), Some("id"));
        assert_eq!(max.as_deref(), Some("identifier-2"));
        assert_eq!(bounds(&[]), (None, None));
    }

    #[test]
    fn long_strings_are_left_out() {
        assert_eq!(
            bounds(&["a", &"b".repeat(MAX_STATISTIC_BYTES + 1)]),
            (None, None)
        );
    }
}
