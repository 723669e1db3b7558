//! The person in a text that is not the name of its owner.

use std::borrow::Cow;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use event_model::{json::unescape, sparkpost::fold};
use percent_encoding::percent_decode_str;

use crate::{Names as _, Person};

/// Shorter ids occur in texts by chance.
pub(crate) const MIN_ID_CHARS: usize = 6;
/// A shorter word in base64 has fewer than seven bytes.
const MIN_BASE64_CHARS: usize = 10;
/// How often a text is decoded. Links within links are percent-encoded twice, and JSON within JSON has its escapes escaped.
const MAX_DECODED: usize = 3;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Whether the text has one of the person's names: plain, percent-encoded, with the escapes of JSON or in base64.
pub(crate) fn is_mentioned(person: &Person, text: &str) -> bool {
    if person.has_name(text) {
        return true;
    }
    let mut text = Cow::Borrowed(text);
    for _ in 0..=MAX_DECODED {
        if has_name(person, &text) || has_encoded_name(person, &text) {
            return true;
        }
        match decode(&text) {
            Some(decoded) => text = Cow::Owned(decoded),
            None => return false,
        }
    }
    false
}

/// The text without one level of escapes; `None` if it has none.
fn decode(text: &str) -> Option<String> {
    let unescaped = text.contains('\\').then(|| unescape(text).into_owned());
    let encoded = unescaped.as_deref().unwrap_or(text);
    let decoded = encoded
        .contains('%')
        .then(|| percent_decode_str(encoded).decode_utf8_lossy().into_owned())
        .filter(|decoded| decoded != encoded);
    decoded.or(unescaped)
}

fn has_name(person: &Person, text: &str) -> bool {
    let folded = fold(Cow::Borrowed(text));
    let mut ids = person.ids().filter(|id| id.chars().count() >= MIN_ID_CHARS);
    person.addresses().any(|address| has_word(&folded, address))
        || ids.any(|id| has_word(&folded, &fold(Cow::Borrowed(id))))
}

fn has_encoded_name(person: &Person, text: &str) -> bool {
    let is_of_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
    text.split(|c| !is_of_base64(c))
        // `key=value` is two words, and padding belongs to none.
        .flat_map(|word| word.split('='))
        .filter(|word| word.len() >= MIN_BASE64_CHARS)
        .any(|word| {
            [&STANDARD, &URL_SAFE].into_iter().any(|engine| {
                engine
                    .decode(word)
                    .is_ok_and(|bytes| has_name(person, &String::from_utf8_lossy(&bytes)))
            })
        })
}

/// Whether the name stands in the text by itself, and not as a part of a longer name.
fn has_word(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(start, _)| {
        let (before, rest) = text.split_at(start);
        let mut after = rest.chars().skip(name.chars().count());
        let is_start = !before
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || "._+-".contains(c));
        let is_end = match after.next() {
            Some('.') => !after.next().is_some_and(char::is_alphanumeric),
            Some(c) => !c.is_alphanumeric() && !"_-".contains(c),
            None => true,
        };
        is_start && is_end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_texts_and_not_in_longer_names() {
        let person = Person::new(&["jane@example.com"], &["user-42", "7"]).unwrap();
        for (text, expected) in [
            ("Jane, confirm JANE@Example.com.", true),
            ("mailto:jane@example.com?subject=x", true),
            ("https://x.example/u?e=jane%40example.com&n=1", true),
            (
                "https://x.example/r?to=https%3A%2F%2Fy%2F%3Fe%3Djane%2540example.com",
                true,
            ),
            ("https://x.example/u?e=amFuZUBleGFtcGxlLmNvbQ==", true),
            (
                "https://x.example/u?e=eyJlIjoiamFuZUBleGFtcGxlLmNvbSJ9&x",
                true,
            ),
            (r"Jane \u003cjane@example.com\u003e", true),
            (r"jane\u0040example.com", true),
            (r"j\u0061ne@example.com", true),
            (r#"{\"to\":\"x\\njane@example.com\"}"#, true),
            (r"C:\jane@example.com", true),
            (r"\u0061jane@example.com", false),
            ("hello user-42!", true),
            ("7", true),
            ("7 days left", false),
            ("hello user-421", false),
            ("new-user-42", false),
            ("mary.jane@example.com", false),
            ("jane@example.com.br", false),
            ("jane@example.community", false),
            ("jane+x@example.com", false),
            ("100 % of it", false),
            ("", false),
        ] {
            assert_eq!(is_mentioned(&person, text), expected, "{text}");
        }
    }
}
