//! Decodes JSON strings, including those that are not Unicode text.

use std::borrow::Cow;

/// The text of a JSON string literal, which includes its quotes. A lone surrogate, which JavaScript clients may send,
/// becomes U+FFFD; everything else is exact.
///
/// `literal` has been read by a JSON parser. A text that is not a string literal is returned unchanged.
pub(crate) fn unescape_literal(literal: &str) -> Cow<'_, str> {
    let inner = literal
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    unescape(inner.unwrap_or(literal))
}

/// A text without the escapes of JSON, also where they are not what a parser accepts. A lone surrogate becomes U+FFFD.
pub fn unescape(escaped: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', escaped.as_bytes()).is_none() {
        return Cow::Borrowed(escaped);
    }
    let mut text = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        rest = push_escape(&mut text, escaped);
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Appends the character of the escape sequence at the start of `escaped`, the text after a backslash, and returns the
/// remaining text.
fn push_escape<'a>(text: &mut String, escaped: &'a str) -> &'a str {
    let mut chars = escaped.chars();
    let decoded = match chars.next() {
        Some('u') => return push_code_unit(text, chars.as_str()),
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some(itself) => itself,
        None => return "",
    };
    text.push(decoded);
    chars.as_str()
}

fn push_code_unit<'a>(text: &mut String, digits: &'a str) -> &'a str {
    let Some((unit, rest)) = code_unit(digits) else {
        text.push(char::REPLACEMENT_CHARACTER);
        return digits;
    };
    let low = rest.strip_prefix("\\u").and_then(code_unit);
    if let (0xd800..=0xdbff, Some((low @ 0xdc00..=0xdfff, after_low))) = (unit, low) {
        let code_point = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        text.push(char::from_u32(code_point).unwrap_or(char::REPLACEMENT_CHARACTER));
        return after_low;
    }
    text.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}

fn code_unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_without_escapes_is_borrowed() {
        assert!(matches!(
            unescape_literal(r#""Zürich""#),
            Cow::Borrowed("Zürich")
        ));
    }

    #[test]
    fn escapes_are_decoded() {
        assert_eq!(
            unescape_literal(r#""\"a\\b\/c\b\f\n\r\t\u0000\u00e9""#),
            "\"a\\b/c\u{8}\u{c}\n\r\t\0é"
        );
        assert_eq!(unescape_literal(r#""x\ud83d\ude00y""#), "x😀y");
    }

    #[test]
    fn lone_surrogates_become_replacement_characters() {
        assert_eq!(unescape_literal(r#""\ud83d""#), "\u{fffd}");
        assert_eq!(unescape_literal(r#""\ude00\ud83dx""#), "\u{fffd}\u{fffd}x");
        assert_eq!(unescape_literal(r#""\ud83d\u0041""#), "\u{fffd}A");
    }

    proptest! {
        #[test]
        fn agrees_with_a_json_parser(text: String) {
            let literal = serde_json::to_string(&text).unwrap();

            prop_assert_eq!(unescape_literal(&literal), text);
        }

        #[test]
        fn never_panics(text: String) {
            let _ = unescape_literal(&format!("\"{text}\\u12"));
        }
    }
}
