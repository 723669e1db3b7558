//! The `Content-Encoding` of a request.

use axum::http::{HeaderMap, header};

/// The encodings that a request declares for its body (<https://www.rfc-editor.org/rfc/rfc9110#name-content-encoding>).
///
/// Only the declaration: proxies decode bodies and keep the header, and clients compress bodies without it. A caller
/// that recognises the body's form has to decide which of the two to trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentEncoding {
    /// Not encoded: no header, or `identity`.
    Identity,
    /// Compressed by gzip once: `gzip`, or its old name `x-gzip`.
    Gzip,
    /// Compressed by gzip more than once.
    RepeatedGzip,
    /// Another encoding, or several of them.
    Other,
}

impl ContentEncoding {
    /// Reads all `Content-Encoding` headers, which count as one list. Letter case, white space, empty elements and `identity` do not
    /// matter.
    pub fn of(headers: &HeaderMap) -> Self {
        headers
            .get_all(header::CONTENT_ENCODING)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
            .fold(Self::Identity, |before, coding| {
                let is_gzip =
                    coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip");
                match before {
                    _ if !is_gzip => Self::Other,
                    Self::Identity => Self::Gzip,
                    Self::Gzip | Self::RepeatedGzip => Self::RepeatedGzip,
                    Self::Other => Self::Other,
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn all_headers_are_read_as_one_list() {
        let table: &[(&[&'static str], ContentEncoding)] = &[
            (&[], ContentEncoding::Identity),
            (&[""], ContentEncoding::Identity),
            (&["identity"], ContentEncoding::Identity),
            (&["Identity, ,"], ContentEncoding::Identity),
            (&["gzip"], ContentEncoding::Gzip),
            (&[" GZIP "], ContentEncoding::Gzip),
            (&["x-gzip"], ContentEncoding::Gzip),
            (&["identity, gzip"], ContentEncoding::Gzip),
            (&["identity", "X-Gzip"], ContentEncoding::Gzip),
            (&["gzip, gzip"], ContentEncoding::RepeatedGzip),
            (&["gzip", "x-gzip"], ContentEncoding::RepeatedGzip),
            (&["br"], ContentEncoding::Other),
            (&["gzipped"], ContentEncoding::Other),
            (&["gzip;q=1"], ContentEncoding::Other),
            (&["gzip, br"], ContentEncoding::Other),
            (&["br, gzip"], ContentEncoding::Other),
            (&["br", "gzip", "gzip"], ContentEncoding::Other),
        ];

        for (values, expected) in table {
            let values = values.iter().map(|value| HeaderValue::from_static(value));
            let headers: HeaderMap = values
                .map(|value| (header::CONTENT_ENCODING, value))
                .collect();
            assert_eq!(ContentEncoding::of(&headers), *expected, "{headers:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_another_encoding() {
        let value = HeaderValue::from_bytes(b"\xff").unwrap();
        let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, value)]);

        assert_eq!(ContentEncoding::of(&headers), ContentEncoding::Other);
    }
}
