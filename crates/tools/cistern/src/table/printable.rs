//! Text of unknown origin, made safe to be shown on a terminal.

use unicode_width::UnicodeWidthChar as _;

/// Follows truncated text.
const ELLIPSIS: char = '…';
/// Marks and joiners have no width; at most this number of them is shown for each character that has.
const MARKS_EACH: usize = 8;

/// One line without anything that a terminal would interpret: no escape sequences, which could write anywhere and rename the
/// window, and no overrides of direction, which would reorder the adjacent cells (Unicode's UTS #55, UTR #36). White space becomes a
/// blank, and each other control character its Unicode picture.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(shown).collect()
}

/// Like [`printable`], but keeps line breaks.
pub(crate) fn printable_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(printable).collect();
    lines.join("\n")
}

fn shown(letter: char) -> char {
    match letter {
        '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        // The pictures are in the order of the characters.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(letter)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        // Marks, overrides and isolates of direction.
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
        // Without width and meaning here: a byte order mark, interlinear annotations, tags.
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

/// How many columns of a terminal the text occupies.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

fn width_of(letter: char) -> usize {
    letter.width().unwrap_or(0)
}

/// The text, truncated to `room` columns with an ellipsis if it is longer.
pub(super) fn cut(text: &str, room: usize) -> String {
    let mut kept = String::new();
    let mut columns = 0;
    let mut marks = 0;
    // Where to truncate the text if it does not fit, with room for the ellipsis.
    let mut end = 0;
    for letter in text.chars() {
        let width = width_of(letter);
        marks = if width == 0 { marks + 1 } else { 0 };
        if columns + width > room || marks > MARKS_EACH {
            kept.truncate(end);
            if room > 0 {
                kept.push(ELLIPSIS);
            }
            return kept;
        }
        columns += width;
        kept.push(letter);
        if columns < room {
            end = kept.len();
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_shown_and_not_obeyed() {
        for (text, expected) in [
            ("\u{1b}[2J\u{1b}]0;title\u{7}", "␛[2J␛]0;title␇"),
            ("\u{9b}31m", "�31m"),
            ("a\u{202e}b\u{2066}c", "a�b�c"),
            ("one\ntwo\r\n\tthree\u{2028}", "one two   three "),
            ("\0\u{7f}", "␀␡"),
            ("größer 日本 שלום", "größer 日本 שלום"),
        ] {
            assert_eq!(printable(text), expected);
        }
        assert_eq!(printable_lines("a\u{1b}\nb"), "a␛\nb");
    }

    #[test]
    fn what_is_cut_says_so() {
        for (text, room, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(cut(text, room), expected, "{text} in {room}");
        }
        assert!(cut(&format!("e{}", "\u{301}".repeat(100_000)), 10).len() < 100);
    }
}
