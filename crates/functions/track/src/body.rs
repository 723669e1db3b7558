//! Parses the events of a request's body. Pure.

use aws_io::gzip::{self, GunzipError};
use axum::http::HeaderMap;
use bytes::Bytes;
use event_model::ByteForm;
use function_kit::ContentEncoding;

use crate::{
    body_error::BodyError,
    collected::Collected,
    envelope::Shared,
    position::{Outer, Position},
    walk::{self, spaces},
};

/// The most bytes that a body may expand to: the gateway's limit for bodies without an encoding.
const MAX_EXPANDED_BYTES: usize = 10 << 20;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Expands gzip, which is recognised by the first bytes: proxies expand bodies and keep the header, and trackers
/// compress bodies without it.
pub(crate) fn expand(headers: &HeaderMap, body: Bytes) -> Result<Bytes, BodyError> {
    if body.starts_with(&GZIP_MAGIC) {
        return match gzip::decode_capped(&body, MAX_EXPANDED_BYTES) {
            Ok(expanded) => match ByteForm::of(&expanded) {
                Some(form) => Err(BodyError::Form(form)),
                None => Ok(expanded.into()),
            },
            Err(GunzipError::TooLarge { .. }) => Err(BodyError::ExpandsTooFar),
            Err(GunzipError::Corrupt(_)) => Err(BodyError::NotGzip),
        };
    }
    if let Some(form) = ByteForm::of(&body) {
        return Err(BodyError::Form(form));
    }
    match ContentEncoding::of(headers) {
        ContentEncoding::Identity | ContentEncoding::Gzip | ContentEncoding::RepeatedGzip => {
            Ok(body)
        }
        ContentEncoding::Other => Err(BodyError::UnknownEncoding),
    }
}

/// The events of an expanded body: an array of objects, or a sequence of objects. The members `shared` belong to all of them.
pub(crate) fn events<'a>(
    body: &'a [u8],
    shared: Option<Shared<'a>>,
) -> Result<Collected<'a>, BodyError> {
    let mut collected = Collected::new(shared);
    match body.get(spaces(body)) {
        None => {}
        Some(b'[') => {
            let position = |number| Position::of(Outer::Item(number));
            walk::each_element(body, position, |value, position| {
                collected.take(value, position)
            })?;
        }
        Some(_) => walk::each_in_sequence(body, |value, position| collected.take(value, position))?,
    }
    if collected.events.is_empty() {
        return Err(BodyError::Empty);
    }
    Ok(collected)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};
    use proptest::prelude::*;

    use super::*;
    use crate::{body_error::MAX_EVENTS, event::InvalidEvent};

    const EVENT: &str = r#"{"event":"a"}"#;

    fn count(body: &str) -> Result<usize, BodyError> {
        events(body.as_bytes(), None).map(|collected| collected.events.len())
    }

    fn invalid_event(position: Position, reason: InvalidEvent) -> Result<usize, BodyError> {
        Err(BodyError::InvalidEvent { position, reason })
    }

    #[expect(non_snake_case, reason = "as the enum's variants")]
    fn Line(number: usize) -> Position {
        Position::of(Outer::Line(number))
    }

    #[expect(non_snake_case, reason = "as the enum's variants")]
    fn Item(number: usize) -> Position {
        Position::of(Outer::Item(number))
    }

    #[test]
    fn every_form_is_accepted() {
        for (body, expected) in [
            (EVENT.to_owned(), 1),
            (format!(" {EVENT}\r\n"), 1),
            (format!("{EVENT}\n\n{EVENT}\n"), 2),
            (format!("{EVENT}{EVENT}"), 2),
            (format!("[{EVENT}]"), 1),
            (format!("\n[ {EVENT} ,{EVENT}\n]\n"), 2),
            (format!("\u{feff}{EVENT}"), 1),
            (format!("\n\u{feff}{EVENT}\n\u{feff}{EVENT}"), 2),
            (format!("\u{feff}\u{feff}[{EVENT}]"), 1),
            ("{\n \"a\": 1\n}\n{\n \"a\": 2\n}".to_owned(), 2),
        ] {
            assert_eq!(count(&body), Ok(expected), "{body}");
        }
    }

    #[test]
    fn errors_name_the_position() {
        use BodyError::{Empty, NotJson};
        for (body, expected) in [
            (String::new(), Err(Empty)),
            (" \n".to_owned(), Err(Empty)),
            ("[]".to_owned(), Err(Empty)),
            ("hello".to_owned(), Err(NotJson { position: Line(1) })),
            (
                format!("{EVENT}\n\n{EVENT}\nhello\n"),
                Err(NotJson { position: Line(4) }),
            ),
            (
                format!("{EVENT}\n{{\"a\":"),
                Err(NotJson { position: Line(2) }),
            ),
            (
                format!("{EVENT}\n7"),
                invalid_event(Line(2), InvalidEvent::NotAnObject),
            ),
            (
                format!("{EVENT}\n[{EVENT}]"),
                invalid_event(Line(2), InvalidEvent::NotAnObject),
            ),
            (
                format!("{EVENT}\n{{}}"),
                invalid_event(Line(2), InvalidEvent::Empty),
            ),
            (
                format!("[{EVENT},7]"),
                invalid_event(Item(2), InvalidEvent::NotAnObject),
            ),
            (format!("[{EVENT},]"), Err(NotJson { position: Item(2) })),
            (
                format!("[{EVENT} {EVENT}]"),
                Err(NotJson { position: Item(2) }),
            ),
            (format!("[{EVENT}"), Err(NotJson { position: Item(2) })),
            (
                format!("[{EVENT}] {EVENT}"),
                Err(NotJson { position: Item(2) }),
            ),
            ("[".to_owned(), Err(NotJson { position: Item(1) })),
            (
                "{\"a\":\"x\ny\"}".to_owned(),
                Err(NotJson { position: Line(1) }),
            ),
        ] {
            assert_eq!(count(&body), expected, "{body}");
        }
        let latin = [EVENT.as_bytes(), b"\n{\"a\":\"\xe9\"}"].concat();
        assert_eq!(
            events(&latin, None).unwrap_err(),
            NotJson { position: Line(2) }
        );
    }

    #[test]
    fn gzip_is_recognized_by_its_first_bytes() {
        let zipped = Bytes::from(gzip::encode(EVENT.as_bytes()));
        let plain = Bytes::from_static(EVENT.as_bytes());
        let headers = |encoding| {
            HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static(encoding))])
        };

        for headers in [HeaderMap::new(), headers("gzip"), headers("br")] {
            assert_eq!(expand(&headers, zipped.clone()), Ok(plain.clone()));
        }
        for known in ["", "gzip", "X-GZIP", "identity, gzip"] {
            assert_eq!(expand(&headers(known), plain.clone()), Ok(plain.clone()));
        }
        assert_eq!(
            expand(&headers("br"), plain),
            Err(BodyError::UnknownEncoding)
        );
        assert_eq!(
            expand(&headers("gzip"), zipped.slice(..zipped.len() - 1)),
            Err(BodyError::NotGzip)
        );
        let bomb = gzip::encode(&vec![b' '; MAX_EXPANDED_BYTES + 1]);
        assert_eq!(
            expand(&headers("gzip"), bomb.into()),
            Err(BodyError::ExpandsTooFar)
        );
    }

    #[test]
    fn other_forms_of_bytes_are_named() {
        let twice = gzip::encode(&gzip::encode(EVENT.as_bytes()));
        for (body, form) in [
            (&twice[..], ByteForm::Gzip),
            (b"\x28\xb5\x2f\xfd\x20", ByteForm::Zstandard),
            (b"PK\x03\x04", ByteForm::Zip),
            (b"\xff\xfe{\0\"\0", ByteForm::Utf16),
        ] {
            let body = Bytes::copy_from_slice(body);
            let error = expand(&HeaderMap::new(), body).unwrap_err();
            assert_eq!(error, BodyError::Form(form));
            assert!(error.to_string().contains(form.as_str()), "{error}");
        }
    }

    #[test]
    fn the_number_of_events_is_limited() {
        let lines = EVENT.repeat(MAX_EVENTS);
        let array = |count| format!("[{}]", vec![EVENT; count].join(","));

        assert_eq!(count(&lines), Ok(MAX_EVENTS));
        assert_eq!(count(&(lines + EVENT)), Err(BodyError::TooManyEvents));
        assert_eq!(count(&array(MAX_EVENTS)), Ok(MAX_EVENTS));
        assert_eq!(count(&array(MAX_EVENTS + 1)), Err(BodyError::TooManyEvents));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = events(&bytes, None);
        }

        #[test]
        fn any_mixture_of_json_is_parsed_without_panic(text in r#"([\[\]{},: \n]|"a"|1|null|\{"a":1\}){0,20}"#) {
            let _ = events(text.as_bytes(), None);
        }
    }
}
