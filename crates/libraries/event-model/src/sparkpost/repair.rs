//! Replaces characters that JSON and Rust can represent and Postgres cannot store.

use std::borrow::Cow;

/// The replacement: U+FFFD, the replacement character.
const REPLACEMENT: &str = "\\ufffd";

/// The length of `\u` and its four digits.
const ESCAPE_LENGTH: usize = 6;

/// The element as text that Postgres can store, borrowed if nothing is replaced.
///
/// `element` must be valid JSON, except inside its strings, where bytes that are not UTF-8, the escape of U+0000 and
/// lone surrogates are replaced by U+FFFD.
pub(super) fn to_storable(element: &[u8]) -> Cow<'_, str> {
    // Not by `from_utf8_lossy` alone, which checks one byte at a time where this checks many.
    if let Ok(text) = std::str::from_utf8(element) {
        return replace_escapes(text);
    }
    let text = String::from_utf8_lossy(element);
    Cow::Owned(replace_escapes(&text).into_owned())
}

fn replace_escapes(text: &str) -> Cow<'_, str> {
    let Some(mut at) = find_unstorable_escape(text) else {
        return Cow::Borrowed(text);
    };
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let (storable, unstorable) = rest.split_at(at);
        repaired.push_str(storable);
        repaired.push_str(REPLACEMENT);
        rest = &unstorable[ESCAPE_LENGTH..];
        match find_unstorable_escape(rest) {
            Some(next) => at = next,
            None => break,
        }
    }
    repaired.push_str(rest);
    Cow::Owned(repaired)
}

/// The position of the first escape of U+0000 or of a lone surrogate.
fn find_unstorable_escape(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let at = from + memchr::memchr(b'\\', rest)?;
        let escape = bytes.get(at..)?;
        from = match code_unit(escape) {
            // A short escape such as `\\` or `\n`. Its second byte is skipped too: `\\u0000` is harmless text.
            None => at + 2,
            Some(0x0000 | 0xdc00..=0xdfff) => return Some(at),
            Some(0xd800..=0xdbff) => match escape.get(ESCAPE_LENGTH..).and_then(code_unit) {
                Some(0xdc00..=0xdfff) => at + 2 * ESCAPE_LENGTH,
                _ => return Some(at),
            },
            Some(_) => at + ESCAPE_LENGTH,
        };
    }
}

/// The UTF-16 code unit of the `\u` with four digits at the start of `bytes`.
fn code_unit(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| {
        Some(unit << 4 | char::from(*digit).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_only_what_cannot_be_stored() {
        for (sent, stored) in [
            (r"a\u0000b", r"a\ufffdb"),
            (r"\u0000\u0000", r"\ufffd\ufffd"),
            (r"\ud83d", r"\ufffd"),
            (r"\ud83dx", r"\ufffdx"),
            (r"\uDE00\uD83D", r"\ufffd\ufffd"),
            (r"\ud83d\ud83d\ude00", r"\ufffd\ud83d\ude00"),
            (r"\ud83d\n", r"\ufffd\n"),
            (r"\\\u0000", r"\\\ufffd"),
        ] {
            assert_eq!(to_storable(sent.as_bytes()), stored, "{sent}");
        }
    }

    #[test]
    fn leaves_the_rest_as_it_is() {
        for text in [
            r"\\u0000",
            r"\\\\ud83d",
            r"\ud83d\ude00",
            r"\uD83D\uDE00",
            r"\u0001\u00e9\uffff",
            r#"\"\/\b"#,
            "é",
        ] {
            assert!(
                matches!(to_storable(text.as_bytes()), Cow::Borrowed(same) if same == text),
                "{text}"
            );
        }
    }

    #[test]
    fn broken_utf_8_loses_only_the_broken_bytes() {
        assert_eq!(
            to_storable(b"a\xffb \xc3\xa9 \xe2\x82"),
            "a\u{fffd}b é \u{fffd}"
        );
        assert_eq!(to_storable(b"\xff\\u0000"), "\u{fffd}\\ufffd");
    }
}
