//! Text that strangers wrote, made fit to be shown, and text of ours that holds it.
//!
//! The templates escape what HTML understands. What is left is what people and shells understand: characters that turn the
//! direction of a line, texts without an end, quotes, formulas.

use std::borrow::Cow;

use maud::{Markup, html};

/// How much of a value stands in a cell. The rest is on the event's own page.
const CELL_CHARS: usize = 80;
/// How many bytes the cell may take when it is escaped: a text of quotes grows sixfold.
const CELL_BYTES: usize = 200;

/// Replaces what cannot be seen and changes what can: controls, and the marks and overrides that turn the direction of text
/// (<https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>). Line breaks and tabs stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_hidden) {
        let shown = text
            .chars()
            .map(|c| if is_hidden(c) { '\u{fffd}' } else { c });
        Cow::Owned(shown.collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Without what cannot be seen: marks of direction come along when an address is copied, and are not meant.
pub(crate) fn without_hidden(text: &str) -> String {
    text.chars().filter(|c| !is_hidden(*c)).collect()
}

/// Whether a text holds what cannot be seen.
pub(crate) fn has_hidden(text: &str) -> bool {
    text.contains(is_hidden)
}

fn is_hidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
        )
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The beginning of a text, of at most so many characters that take at most so many bytes once they are escaped; and whether
/// something is missing.
pub(crate) fn beginning(text: &str, most_chars: usize, most_bytes: usize) -> (&str, bool) {
    let mut bytes = 0;
    for (count, (at, c)) in text.char_indices().enumerate() {
        bytes += escaped_bytes(c);
        if count == most_chars || bytes > most_bytes {
            return (&text[..at], true);
        }
    }
    (text, false)
}

/// How many bytes a text takes once it is escaped.
pub(crate) fn escaped_len(text: &str) -> usize {
    text.chars().map(escaped_bytes).sum()
}

/// As the templates escape; a hidden character becomes one of three bytes.
fn escaped_bytes(c: char) -> usize {
    match c {
        '"' => 6,
        '&' => 5,
        '<' | '>' => 4,
        c if is_hidden(c) => 3,
        c => c.len_utf8(),
    }
}

/// A stranger's text in a cell: its beginning, isolated, so that its direction ends where it does.
pub(crate) fn cell(text: &str) -> Markup {
    piece(text, CELL_CHARS, CELL_BYTES)
}

/// A stranger's text, up to a length.
pub(crate) fn piece(text: &str, most_chars: usize, most_bytes: usize) -> Markup {
    let (beginning, is_cut) = beginning(text, most_chars, most_bytes);
    html! { bdi { (visible(beginning)) @if is_cut { "…" } } }
}

/// A word of POSIX's shell, whatever it holds.
pub(crate) fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A cell of a table that is opened with a spreadsheet: quoted by RFC 4180, and with an apostrophe before what would be
/// executed, as the API does it
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
pub(crate) fn csv_cell(text: &str) -> String {
    let guard = if begins_like_formula(text) { "'" } else { "" };
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

/// Whether a spreadsheet may read the text as a formula or a command, by the rules of the API's tables: a test compares them. The
/// crate that has those is too large to be linked for this.
fn begins_like_formula(text: &str) -> bool {
    let begins = |c: char| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '−'
        )
    };
    text.starts_with(char::is_control) || text.trim_start_matches(is_stripped).starts_with(begins)
}

/// What a spreadsheet may skip before a formula: white space, controls, and what cannot be seen.
fn is_stripped(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

/// With a thin space between thousands, which needs no language.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod csv_tests;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a browser makes of text and of a quoted attribute: the five references that our templates write.
    fn unescaped(html: &str) -> String {
        html.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&amp;", "&")
    }

    proptest! {
        #[test]
        fn any_text_comes_back_as_text_and_never_as_markup(text in "\\PC{0,60}|[<>\"'&;/=a-z ]{0,60}") {
            let shown = visible(&text).into_owned();
            let html = html! { p title=(shown) { (shown) } }.into_string();

            let inner = html.strip_prefix("<p title=\"").and_then(|html| html.strip_suffix("</p>")).unwrap();
            let (attribute, content) = inner.split_once("\">").unwrap();
            prop_assert!(!attribute.contains(['"', '<', '>']) && !content.contains(['<', '>']));
            prop_assert_eq!(unescaped(attribute), shown.as_str());
            prop_assert_eq!(unescaped(content), shown);
        }

        #[test]
        fn what_is_shown_has_no_hidden_characters_and_its_size_is_bounded(
            text in "[\u{0}-\u{ff}\u{200e}\u{202e}\u{2066}<\"&]{0,400}", chars in 0_usize..300, bytes in 0_usize..600,
        ) {
            let (begin, is_cut) = beginning(&text, chars, bytes);
            let html = html! { (visible(begin)) }.into_string();

            prop_assert!(text.starts_with(begin) && is_cut == (begin.len() < text.len()));
            prop_assert!(begin.chars().count() <= chars && html.len() <= bytes);
            prop_assert!(!html.chars().any(is_hidden));
        }

        #[test]
        fn shell_word_is_one_word(text in "['\"$`\\\\!a-z \n]{0,30}") {
            // POSIX: between single quotes everything stands for itself, and nothing can quote a quote there.
            let word = shell_word(&text);
            let mut read = String::new();
            let mut rest = word.as_str();
            while !rest.is_empty() {
                if let Some(after) = rest.strip_prefix(r"\'") {
                    read.push('\'');
                    rest = after;
                } else {
                    let (inside, after) = rest.strip_prefix('\'').unwrap().split_once('\'').unwrap();
                    read.push_str(inside);
                    rest = after;
                }
            }
            prop_assert_eq!(read, text);
        }

        #[test]
        fn cells_start_no_formula(text in "[ \t\u{0}\u{feff}=+@＝a-c,\"-]{0,8}") {
            let cell = csv_cell(&text);
            let value = cell.strip_prefix('"').map_or(cell.clone(), |cell| {
                cell.strip_suffix('"').unwrap().replace("\"\"", "\"")
            });

            prop_assert_eq!(value.strip_prefix('\'').unwrap_or(&value), text.as_str());
            let first = value.trim_start_matches(|c: char| c.is_whitespace() || is_hidden(c)).chars().next();
            prop_assert!(!matches!(first, Some('=' | '+' | '-' | '@' | '＝')), "{:?}", value);
        }
    }

    #[test]
    fn thousands_are_apart() {
        let table = [
            (0, "0"),
            (999, "999"),
            (1_000, "1\u{202f}000"),
            (1_234_567, "1\u{202f}234\u{202f}567"),
        ];
        for (number, text) in table {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(
            grouped(u64::MAX).replace('\u{202f}', ""),
            u64::MAX.to_string()
        );
    }
}
