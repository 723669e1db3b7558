//! The normalized path of a request, with which routes are compared.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// Characters that have to be encoded in a path (<https://www.rfc-editor.org/rfc/rfc3986#section-3.3>), apart from the percent sign.
const NOT_IN_A_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// How many times a character may be percent-encoded. No client sends more on purpose.
const MOST_ESCAPES: usize = 4;

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// A `.` or `..` segment, in any encoding.
    #[error("the path has a dot segment")]
    DotSegment,
    /// A control character, which no route and no id has.
    #[error("the path has a control character")]
    Control,
}

/// The path with single slashes and none at its end, encoded as in a URI; `/` for an empty path.
///
/// An HTTP API decodes the path, a Function URL does not, and their events do not say which
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>). So characters
/// that an encoded path cannot have are encoded, and escapes are kept. Slashes are merged: senders put one too many between a base
/// address and a path, and SparkPost ignores one at the end.
///
/// # Errors
/// Dot segments are refused rather than resolved, since the gateway and the function might resolve them differently.
pub fn normal_path(raw_path: &str) -> Result<String, BadPath> {
    let mut path = String::with_capacity(raw_path.len() + 1);
    for segment in raw_path.split('/').filter(|segment| !segment.is_empty()) {
        check(segment)?;
        path.push('/');
        encode(segment, &mut path);
    }
    if path.is_empty() {
        path.push('/');
    }
    Ok(path)
}

/// Checks a segment at each level of decoding.
fn check(segment: &str) -> Result<(), BadPath> {
    let mut text = segment.to_owned();
    for _ in 0..=MOST_ESCAPES {
        if text.chars().any(char::is_control) {
            return Err(BadPath::Control);
        }
        // Some servers treat a backslash as a slash, and the text after a semicolon as a parameter.
        if text
            .split(['/', '\\', ';'])
            .any(|part| matches!(part.trim(), "." | ".."))
        {
            return Err(BadPath::DotSegment);
        }
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if decoded == text {
            return Ok(());
        }
        text = decoded;
    }
    Err(BadPath::DotSegment)
}

fn encode(segment: &str, path: &mut String) {
    let mut rest = segment;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        path.extend(utf8_percent_encode(before, NOT_IN_A_PATH));
        let is_escape = escape
            .as_bytes()
            .get(1..3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        path.push_str(if is_escape { "%" } else { "%25" });
        rest = &escape[1..];
    }
    path.extend(utf8_percent_encode(rest, NOT_IN_A_PATH));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slashes_are_merged_and_text_is_encoded_once() {
        let table = [
            ("", "/"),
            ("/", "/"),
            ("///", "/"),
            ("/a/b", "/a/b"),
            ("//a///b//", "/a/b"),
            ("a", "/a"),
            ("/a b", "/a%20b"),
            ("/a%20b", "/a%20b"),
            ("/a?b=c#d", "/a%3Fb=c%23d"),
            ("/50%", "/50%25"),
            ("/50%2", "/50%252"),
            ("/\u{e9}%\u{e9}", "/%C3%A9%25%C3%A9"),
            ("/...", "/..."),
            ("/.hidden/a..b/a.", "/.hidden/a..b/a."),
            ("/a;b,c=d@e:f!$&'()*+~-_", "/a;b,c=d@e:f!$&'()*+~-_"),
        ];

        for (raw, normal) in table {
            assert_eq!(normal_path(raw).as_deref(), Ok(normal), "{raw:?}");
        }
    }

    #[test]
    fn dot_segments_are_refused_in_every_spelling() {
        for dots in [
            ".",
            "..",
            "%2e",
            "%2E%2e",
            ".%2e",
            "%2e.",
            "%252e%252e",
            "%25252e.",
            "..;",
            ";..",
            "..;a=b",
            "..%3b",
            "%2e%2e%2f",
            "..%2f..",
            "..%5c",
            "..\\",
            "\\..\\",
            ".. ",
            "%20..",
            "a%2f..",
            "a%5c%2e%2e",
            "%2525252525252e",
        ] {
            for path in [
                format!("/{dots}"),
                format!("/a/{dots}/b"),
                format!("//{dots}//"),
            ] {
                assert_eq!(normal_path(&path), Err(BadPath::DotSegment), "{path}");
            }
        }
    }

    #[test]
    fn control_characters_are_refused_decoded_or_not() {
        for control in ["\0", "%00", "\n", "%0d%0a", "\t", "\u{7f}", "%2500"] {
            assert_eq!(
                normal_path(&format!("/a/{control}")),
                Err(BadPath::Control),
                "{control:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn normal_path_is_a_fixed_point_and_a_uri(raw in ".{0,30}") {
            if let Ok(normal) = normal_path(&raw) {
                prop_assert_eq!(normal_path(&normal), Ok(normal.clone()));
                prop_assert!(normal.is_ascii() && normal.starts_with('/') && !normal.contains("//"));
                let uri: axum::http::Uri = normal.parse().unwrap();
                prop_assert_eq!(uri.path(), normal.as_str());
                prop_assert_eq!(uri.query(), None);
            }
        }
    }
}
