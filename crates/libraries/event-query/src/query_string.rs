//! The query string of a URI: parsed as leniently as clients write it, and written as strictly as
//! `application/x-www-form-urlencoded` requires.

use std::borrow::Cow;

use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode, utf8_percent_encode,
};

/// One `name=value` from the query string, still encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawPair<'a> {
    name: &'a str,
    value: &'a str,
}

impl<'a> RawPair<'a> {
    /// The name, decoded. Bytes that are not UTF-8 become U+FFFD, which is in no parameter's name.
    pub(crate) fn name(self) -> Cow<'a, str> {
        match decode(self.name) {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// The decoded value, or why Postgres cannot store it as text, worded to follow the parameter's name.
    pub(crate) fn value(self) -> Result<String, &'static str> {
        let value = String::from_utf8(decode(self.value).into_owned())
            .map_err(|_| "is not valid UTF-8 after percent-decoding")?;

        if value.contains('\0') {
            Err("must not hold a NUL character")
        } else {
            Ok(value)
        }
    }
}

impl RawPair<'_> {
    /// How long the name and the value are as links write them.
    pub(crate) fn encoded_len(self) -> usize {
        reencoded_len(&decode(self.name)) + reencoded_len(&decode(self.value))
    }
}

/// How long a segment of a path is when a link has it as a value. A plus in it is a plus.
pub(crate) fn encoded_len(segment: &str) -> usize {
    let decoded: Cow<'_, [u8]> = percent_decode(segment.as_bytes()).into();
    reencoded_len(&decoded)
}

fn reencoded_len(bytes: &[u8]) -> usize {
    percent_encode(bytes, ENCODED).map(str::len).sum()
}

/// Splits at `&` and at the first `=`. Nothing is an error: clients without an encoder send raw spaces, stray percent
/// signs and pairs without a name (php-sparkpost concatenates its URL).
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = RawPair<'_>> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            RawPair { name, value }
        })
}

/// `+` is a space, `%XX` a byte; a percent sign without two hex digits is kept.
fn decode(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('+') {
        return percent_decode(text.as_bytes()).into();
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode(spaced.as_bytes()).collect())
}

/// RFC 3986's unreserved characters stay readable; commas, colons, pluses and all else are encoded, because some
/// clients decode and re-encode a link before they follow it.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Appends `name=value`, encoded, with an `&` unless it is the first pair after the `?`.
pub(crate) fn push_pair(link: &mut String, name: &str, value: &str) {
    if !link.ends_with('?') {
        link.push('&');
    }
    link.extend(utf8_percent_encode(name, ENCODED));
    link.push('=');
    link.extend(utf8_percent_encode(value, ENCODED));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(query: &str) -> Vec<(String, Result<String, &'static str>)> {
        pairs(query)
            .map(|pair| (pair.name().into_owned(), pair.value()))
            .collect()
    }

    #[test]
    fn takes_apart_what_sloppy_clients_send() {
        let query =
            "events=bounce%2Cdelay&subjects=Summer deals&reason=a+b&x=100%&&flag&=nameless&eq=a=b";

        let expected = [
            ("events", "bounce,delay"),
            ("subjects", "Summer deals"),
            ("reason", "a b"),
            ("x", "100%"),
            ("flag", ""),
            ("", "nameless"),
            ("eq", "a=b"),
        ];
        assert_eq!(
            decoded(query),
            expected.map(|(name, value)| (name.to_owned(), Ok(value.to_owned())))
        );
    }

    #[test]
    fn text_that_postgres_cannot_hold_is_refused() {
        assert!(decoded("recipients=a%00b")[0].1.is_err());
        assert!(decoded("recipients=%ff%fe")[0].1.is_err());
    }

    #[test]
    fn name_that_is_not_utf8_matches_nothing() {
        assert_eq!(decoded("%ff=1")[0].0, "\u{fffd}");
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(pairs in prop::collection::vec((".+", "[^\0]*"), 0..5)) {
            let mut link = String::from("?");
            for (name, value) in &pairs {
                push_pair(&mut link, name, value);
            }

            let expected: Vec<_> = pairs.into_iter().map(|(name, value)| (name, Ok(value))).collect();
            prop_assert_eq!(decoded(&link[1..]), expected);
        }

        #[test]
        fn no_query_string_panics(query in "\\PC*") {
            let _ = decoded(&query);
        }
    }
}
