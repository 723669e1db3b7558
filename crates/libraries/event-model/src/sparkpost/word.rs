//! The words of a text, as searches match them.

use std::borrow::Cow;

/// Of a longer word in `subject` and `reason`, this many bytes of UTF-8 are stored in the column and searched for.
///
/// The index of words refuses entries of more than about 2,700 bytes, which would fail the event. Such words are keys
/// and encoded bytes, which differ well before this length.
pub const MAX_WORD_BYTES: usize = 1_024;

/// Whether a character of a normalized text separates words, as in the index. In domains, periods do too.
pub fn is_word_delimiter(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '-' | '_')
}

/// The beginning of a word that is longer than [`MAX_WORD_BYTES`]; other words are unchanged.
pub fn clip_word(word: &str) -> &str {
    &word[..word.floor_char_boundary(MAX_WORD_BYTES)]
}

/// The text with every word truncated.
pub(super) fn clip_words(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_short = |word: &str| word.len() <= MAX_WORD_BYTES;
    if is_short(&text) || text.split(is_word_delimiter).all(is_short) {
        return text;
    }
    let clipped = text.split_inclusive(is_word_delimiter).flat_map(|piece| {
        let word = piece.trim_end_matches(is_word_delimiter);
        [clip_word(word), &piece[word.len()..]]
    });
    Cow::Owned(clipped.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_overlong_words_are_clipped_and_never_within_a_character() {
        let longest = "x".repeat(MAX_WORD_BYTES);
        let overlong = format!("{longest}yz");
        let accented = format!("a{}", "é".repeat(MAX_WORD_BYTES));
        let clipped = &accented[..MAX_WORD_BYTES - 1];

        assert_eq!(
            clip_words(format!("-- {overlong}_{accented}\tß {longest} ").into()),
            format!("-- {longest}_{clipped}\tß {longest} ")
        );
        let ordinary = "a few words ".repeat(500);
        assert!(
            matches!(clip_words(ordinary.as_str().into()), Cow::Borrowed(same) if same == ordinary)
        );
    }
}
