//! Escapes for half a character.
//!
//! JavaScript counts characters beyond 16 bits as two, and escapes one half alone when it cuts a string between them:
//! `"\ud83d"`. JSON allows the text, UTF-8 has no bytes for it.

/// The same bytes with each lone half replaced by the replacement character, `\ufffd`. All of it stays where it was.
pub(crate) fn replace_lone(bytes: &[u8]) -> Vec<u8> {
    let mut sanitized = bytes.to_vec();
    let mut at = 0;
    // A backslash makes the byte after it part of an escape, so pairs of them must be passed as pairs.
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        at += found;
        at += match Escape::at(&bytes[at..]) {
            Escape::Low => {
                replace(&mut sanitized, at);
                6
            }
            Escape::High => {
                if matches!(bytes.get(at + 6..).map(Escape::at), Some(Escape::Low)) {
                    12
                } else {
                    replace(&mut sanitized, at);
                    6
                }
            }
            Escape::Other { len } => len.min(bytes.len() - at),
        };
    }
    sanitized
}

enum Escape {
    High,
    Low,
    Other { len: usize },
}

impl Escape {
    fn at(bytes: &[u8]) -> Self {
        let unit = bytes
            .get(..6)
            .and_then(|escape| escape.strip_prefix(b"\\u"))
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u16::from_str_radix(digits, 16).ok());
        match unit {
            Some(0xd800..=0xdbff) => Self::High,
            Some(0xdc00..=0xdfff) => Self::Low,
            Some(_) => Self::Other { len: 6 },
            None => Self::Other { len: 2 },
        }
    }
}

fn replace(sanitized: &mut [u8], at: usize) {
    sanitized[at..at + 6].copy_from_slice(b"\\ufffd");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_lone_halves_are_replaced() {
        for (text, expected) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\uD83D\uD83D\uDE00""#, r#""\ufffd\uD83D\uDE00""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\u0041\n\ud83""#, r#""\u0041\n\ud83""#),
            ("\\", "\\"),
        ] {
            assert_eq!(replace_lone(text.as_bytes()), expected.as_bytes(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_comes_out_has_no_lone_half_and_no_other_change(
            units in proptest::collection::vec(any::<u16>(), 0..20),
        ) {
            let escaped = units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();

            let sanitized = format!("\"{}\"", String::from_utf8(replace_lone(escaped.as_bytes())).unwrap());

            let text: String = serde_json::from_str(&sanitized).unwrap();
            prop_assert_eq!(text, String::from_utf16_lossy(&units));
        }

        #[test]
        fn any_bytes_keep_their_length(bytes in proptest::collection::vec(prop_oneof![Just(b'\\'), Just(b'u'), Just(b'd'), Just(b'8'), any::<u8>()], 0..40)) {
            prop_assert_eq!(replace_lone(&bytes).len(), bytes.len());
        }
    }
}
