//! Normalization of texts for comparison, of stored and of requested values.
//!
//! Names (campaigns, templates) are displayed as stored, and the index of words lower-cases ASCII itself. So
//! [`fold_beyond_ascii`] applies to all texts, and texts that are never displayed, or have no case, are folded
//! completely.

use std::borrow::Cow;

/// A text with its letters beyond ASCII in lower case, and with the ASCII character for each Unicode white space, dash
/// and underscore. The length in bytes may change; folding is idempotent.
///
/// Letters are folded individually, so a final sigma is a sigma. Letters whose upper case is an ASCII letter or two
/// letters (dotless i, sharp s) are unchanged.
pub fn fold_beyond_ascii(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.chars().all(is_folded_beyond_ascii) {
        return text;
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && is_folded_beyond_ascii(c) {
            folded.push(c);
        } else if let Some(sign) = ascii_sign(c) {
            folded.push(sign);
        } else {
            folded.extend(fold_letter(c).to_lowercase());
        }
    }
    Cow::Owned(folded)
}

/// A text completely in lower case, as it is compared.
pub fn fold(text: Cow<'_, str>) -> Cow<'_, str> {
    to_ascii_lowercase(fold_beyond_ascii(text))
}

/// The address in a header or an envelope, folded: the text in the last `<…>`, or the whole text.
pub fn fold_address(text: Cow<'_, str>) -> Cow<'_, str> {
    // Folding comes first, because it also converts Unicode white space.
    match fold(text) {
        Cow::Borrowed(folded) => Cow::Borrowed(inner_address(folded)),
        Cow::Owned(folded) => {
            let address = inner_address(&folded);
            if address.len() == folded.len() {
                Cow::Owned(folded)
            } else {
                Cow::Owned(address.to_owned())
            }
        }
    }
}

/// The address in `Name <user@host>`, or the text itself if it has no such brackets; without surrounding white space.
pub(super) fn inner_address(text: &str) -> &str {
    let bracketed = text.rsplit_once('<').map(|(_, rest)| {
        rest.split_once('>')
            .map_or(rest, |(address, _)| address)
            .trim()
    });
    bracketed
        .filter(|address| !address.is_empty())
        .unwrap_or_else(|| text.trim())
}

/// A domain, folded; the full stops of other alphabets (RFC 3490, 3.1) become periods.
pub fn fold_domain(text: Cow<'_, str>) -> Cow<'_, str> {
    const FULL_STOPS: [char; 3] = ['\u{3002}', '\u{ff0e}', '\u{ff61}'];
    let folded = fold(text);
    if folded.contains(FULL_STOPS) {
        Cow::Owned(folded.replace(FULL_STOPS, "."))
    } else {
        folded
    }
}

fn to_ascii_lowercase(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        text
    }
}

/// Cheap for ASCII, which nearly every text is.
fn is_folded_beyond_ascii(c: char) -> bool {
    if c.is_ascii() {
        // A vertical tab and a form feed are not delimiters of the index.
        !matches!(c, '\u{b}' | '\u{c}')
    } else {
        ascii_sign(c).is_none() && fold_letter(c).to_lowercase().eq([c])
    }
}

/// The letter whose lower case is `c`: its upper case, if that is one letter beyond ASCII.
fn fold_letter(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) if !upper.is_ascii() => upper,
        _ => c,
    }
}

/// The ASCII delimiter for a character: for Unicode's properties `White_Space` and `Dash`
/// (<https://www.unicode.org/Public/UCD/latest/ucd/PropList.txt>), the zero width space, which marks the end of a word,
/// and the full-width underscore.
pub(super) fn ascii_sign(c: char) -> Option<char> {
    match c {
        '\u{58a}'
        | '\u{5be}'
        | '\u{1400}'
        | '\u{1806}'
        | '\u{2010}'..='\u{2015}'
        | '\u{2053}'
        | '\u{207b}'
        | '\u{208b}'
        | '\u{2212}'
        | '\u{2e17}'
        | '\u{2e1a}'
        | '\u{2e3a}'
        | '\u{2e3b}'
        | '\u{2e40}'
        | '\u{2e5d}'
        | '\u{301c}'
        | '\u{3030}'
        | '\u{30a0}'
        | '\u{fe31}'
        | '\u{fe32}'
        | '\u{fe58}'
        | '\u{fe63}'
        | '\u{ff0d}'
        | '\u{10d6e}'
        | '\u{10ead}' => Some('-'),
        '\u{ff3f}' => Some('_'),
        '\u{200b}' | '\u{b}' | '\u{c}' => Some(' '),
        _ if !c.is_ascii() && c.is_whitespace() => Some(' '),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(text: &str) -> String {
        fold(Cow::Borrowed(text)).into_owned()
    }

    #[test]
    fn letters_of_every_alphabet_are_lower_case_and_delimiters_are_those_of_ascii() {
        for (text, expected) in [
            ("ÉTÉ, c'est là!", "été, c'est là!"),
            ("ΟΔΟΣ ΟΔΌΣ οδός", "οδοσ οδόσ οδόσ"),
            ("ПРИВЕТ", "привет"),
            ("İstanbul", "i\u{307}stanbul"),
            ("Straße ẞ", "straße ß"),
            ("ȺB", "ⱥb"),
            (
                "a\u{a0}b\u{202f}c\u{3000}d\u{2003}e\u{200b}f",
                "a b c d e f",
            ),
            ("a\u{2013}b\u{2014}c\u{2212}d\u{ff0d}e＿f", "a-b-c-d-e_f"),
            ("a\tb\u{b}c\u{c}d\u{85}e", "a\tb c d e"),
            ("カード", "カード"),
        ] {
            assert_eq!(folded(text), expected, "{text}");
        }
        let beyond = |text| fold_beyond_ascii(Cow::Borrowed(text));
        assert_eq!(beyond("Black Friday – ÉTÉ"), "Black Friday - éTé");
        assert!(matches!(beyond("Black-Friday été"), Cow::Borrowed(_)));
    }

    #[test]
    fn addresses_are_found_however_they_are_dressed() {
        for (text, address) in [
            ("User@Example.COM", "user@example.com"),
            (" user@example.com ", "user@example.com"),
            ("\"Sales <x>\" <News@É.example>", "news@é.example"),
            ("News <NEWS@example.com", "news@example.com"),
            ("<>", "<>"),
            ("Name <> ", "name <>"),
            ("", ""),
        ] {
            assert_eq!(fold_address(text.into()), address, "{text}");
            assert_eq!(fold_address(text.to_owned().into()), address, "{text}");
        }
        assert_eq!(
            fold_domain("Bücher。Example．com".into()),
            "bücher.example.com"
        );
    }

    /// Without the letters whose upper case has another number of letters, or is ASCII.
    fn cased_texts() -> impl Strategy<Value = String> {
        let kept =
            |c: &char| c.is_ascii() || (fold_letter(*c) == c.to_uppercase().next().unwrap_or(*c));
        prop::collection::vec(
            prop_oneof![
                any::<char>(),
                prop::char::range('\u{c0}', '\u{58f}'),
                prop::char::range('\u{1e00}', '\u{1fff}'),
                prop::char::range(' ', '~'),
            ]
            .prop_filter("one letter has one upper case", move |c| {
                kept(c) && c.to_uppercase().count() == 1 && c.to_lowercase().count() == 1
            }),
            0..12,
        )
        .prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn case_makes_no_difference(text in cased_texts()) {
            prop_assert_eq!(folded(&text.to_uppercase()), folded(&text));
            prop_assert_eq!(folded(&text.to_lowercase()), folded(&text));
        }

        #[test]
        fn folding_twice_is_folding_once(text in "\\PC*") {
            let once = folded(&text);
            prop_assert_eq!(folded(&once), once.as_str());
            let beyond = fold_beyond_ascii(Cow::Borrowed(&text)).into_owned();
            prop_assert_eq!(beyond.to_ascii_lowercase(), once);
            prop_assert!(matches!(fold_beyond_ascii(Cow::Borrowed(&beyond)), Cow::Borrowed(_)));
        }

        #[test]
        fn folded_address_is_folded(text in "\\PC{0,4}<?\\PC{0,8}>?\\PC{0,3}") {
            let once = fold_address(Cow::Borrowed(&text)).into_owned();
            prop_assert!(folded(&once) == once);
        }
    }
}
