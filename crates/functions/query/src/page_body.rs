//! The body of a page, limited to what a Lambda function may return.
//!
//! A synchronous invocation returns at most 6 MB
//! (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>), and that is measured after the body has
//! become a string of the invocation's JSON: text with a backslash before each quote, anything else as base64. A
//! thousand events are about 1.5 MB, so plain pages end near 3,500 events; compressed, 10,000 fit.

use std::io::Write;

use axum::{
    http::{
        HeaderMap, HeaderValue,
        header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
};
use event_query::Format;
use flate2::{Compression, write::GzEncoder};

/// What the body may take of the invocation's response. The rest of the 6 MB is for headers and the page's footer: each of its links
/// has at most 4 KB of the caller's parameters, as they are encoded, and a cursor.
const BUDGET_BYTES: usize = 6_000_000;

/// The most bytes that the compressor buffers: its window, its pending block and its trailer.
const COMPRESSOR_BYTES: usize = 256 * 1024;

/// A shorter body is sent uncompressed.
const COMPRESS_FROM_BYTES: usize = 8 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    /// Gzip if the client accepts it; a quality of 0 means that it does not.
    pub(crate) fn wanted_by(headers: &HeaderMap) -> Self {
        let is_accepted = headers
            .get_all(ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|choice| {
                let (coding, quality) = choice.split_once(';').unwrap_or((choice, "q=1"));
                let is_refused = quality.trim().trim_start_matches("q=").parse() == Ok(0.0_f32);
                coding.trim().eq_ignore_ascii_case("gzip") && !is_refused
            });
        if is_accepted { Self::Gzip } else { Self::Plain }
    }
}

pub(crate) struct PageBody {
    format: Format,
    content: Content,
    /// The length of `content` as a JSON string, while it is uncompressed.
    escaped_bytes: usize,
    is_empty: bool,
}

enum Content {
    /// Remains uncompressed.
    Plain(Vec<u8>),
    /// Still short; is compressed if it grows.
    Compressible(Vec<u8>),
    Compressed(Box<GzEncoder<Vec<u8>>>),
}

/// A complete body with the headers that describe it.
pub(crate) struct FinishedBody {
    pub(crate) bytes: Vec<u8>,
    is_gzip: bool,
    format: Format,
}

impl IntoResponse for FinishedBody {
    fn into_response(self) -> Response {
        let mut response = self.bytes.into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(self.format.content_type()),
        );
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if self.is_gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

impl FinishedBody {
    /// An answer in JSON that is not a page.
    pub(crate) fn of_json(json: Vec<u8>) -> Self {
        Self {
            bytes: json,
            is_gzip: false,
            format: Format::Json,
        }
    }

    /// Whether a response has room for it.
    pub(crate) fn fits(&self) -> bool {
        let length = if self.is_gzip {
            base64_len(self.bytes.len())
        } else {
            plain_len(self.format, escaped_len(&self.bytes), self.bytes.len())
        };
        length < BUDGET_BYTES
    }
}

impl PageBody {
    /// Creates a body that starts with `opening`.
    pub(crate) fn begin(format: Format, opening: &str, encoding: Encoding) -> Self {
        let content = match encoding {
            Encoding::Plain => Content::Plain(Vec::new()),
            Encoding::Gzip => Content::Compressible(Vec::new()),
        };
        let mut body = Self {
            format,
            content,
            escaped_bytes: 0,
            is_empty: true,
        };
        body.write(opening.as_bytes());
        body
    }

    /// Whether nothing was added yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Adds an event if it fits; `false` when the page is full. An empty page has no room for an event only if no page has: a page
    /// without events would end the walk of a client, so the caller has to shorten or refuse it.
    #[must_use]
    pub(crate) fn push(&mut self, event: &[u8]) -> bool {
        let fits = self.has_room_for(event) || (self.is_empty && self.has_room_compressed(event));
        if !fits {
            return false;
        }
        if !self.is_empty {
            self.write(self.format.separator().as_bytes());
        }
        self.write(event);
        self.is_empty = false;
        true
    }

    /// Ends the body with `footer`, which follows the last event.
    pub(crate) fn finish(mut self, footer: &str) -> FinishedBody {
        self.write(footer.as_bytes());
        let (bytes, is_gzip) = match self.content {
            Content::Plain(bytes) | Content::Compressible(bytes) => (bytes, false),
            Content::Compressed(encoder) => {
                let bytes = encoder.finish().expect("memory takes every byte");
                (bytes, true)
            }
        };
        FinishedBody {
            bytes,
            is_gzip,
            format: self.format,
        }
    }

    fn has_room_for(&self, event: &[u8]) -> bool {
        match &self.content {
            Content::Plain(bytes) => {
                let escaped = self.escaped_bytes + escaped_len(event);
                plain_len(self.format, escaped, bytes.len() + event.len()) < BUDGET_BYTES
            }
            Content::Compressible(bytes) => base64_len(bytes.len() + event.len()) < BUDGET_BYTES,
            Content::Compressed(encoder) => {
                // Compressed output is never much longer than its input, so this holds for any event.
                base64_len(encoder.get_ref().len() + COMPRESSOR_BYTES + event.len()) < BUDGET_BYTES
            }
        }
    }

    /// Tries how short an event becomes: most that are too long for a page become much shorter.
    fn has_room_compressed(&self, event: &[u8]) -> bool {
        let begun = match &self.content {
            Content::Plain(_) => return false,
            Content::Compressible(bytes) => bytes.len(),
            Content::Compressed(encoder) => encoder.get_ref().len() + COMPRESSOR_BYTES,
        };
        let mut trial = GzEncoder::new(Vec::new(), Compression::fast());
        trial.write_all(event).expect("memory takes every byte");
        let compressed = trial.finish().expect("memory takes every byte");
        base64_len(begun + compressed.len() + COMPRESSOR_BYTES) < BUDGET_BYTES
    }

    fn write(&mut self, bytes: &[u8]) {
        match &mut self.content {
            Content::Plain(content) => {
                self.escaped_bytes += escaped_len(bytes);
                content.extend_from_slice(bytes);
            }
            Content::Compressible(content) => {
                content.extend_from_slice(bytes);
                if content.len() >= COMPRESS_FROM_BYTES {
                    let begun = std::mem::take(content);
                    // Fast: a stronger level costs the caller more time than the bytes it saves.
                    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
                    self.content = Content::Compressed(Box::new(encoder));
                    self.write(&begun);
                }
            }
            Content::Compressed(encoder) => {
                encoder.write_all(bytes).expect("memory takes every byte");
            }
        }
    }
}

/// What an uncompressed body takes of the invocation's response, by its length inside a JSON string and in bytes.
fn plain_len(format: Format, escaped_bytes: usize, bytes: usize) -> usize {
    match format {
        Format::Json => escaped_bytes,
        // The gateway adapter decides whether it is sent as text or base64.
        Format::Ndjson | Format::Csv => escaped_bytes.max(base64_len(bytes)),
    }
}

/// The length inside a JSON string.
fn escaped_len(text: &[u8]) -> usize {
    text.iter()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
            0..0x20 => 6,
            _ => 1,
        })
        .sum()
}

fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_ask_for_it() {
        let wanted = |value| {
            let headers =
                HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            Encoding::wanted_by(&headers)
        };

        for value in [
            "gzip",
            "gzip,deflate",
            "deflate, GZIP;q=0.5",
            "br;q=1.0, gzip;q=0.001",
        ] {
            assert_eq!(wanted(value), Encoding::Gzip, "{value}");
        }
        for value in ["", "identity", "gzip;q=0", "gzip; q=0.0, br", "gzipped"] {
            assert_eq!(wanted(value), Encoding::Plain, "{value}");
        }
        assert_eq!(Encoding::wanted_by(&HeaderMap::new()), Encoding::Plain);
    }

    #[test]
    fn event_longer_than_a_page_is_taken_only_alone_and_compressed() {
        for (encoding, is_taken) in [(Encoding::Plain, false), (Encoding::Gzip, true)] {
            let mut body = PageBody::begin(Format::Json, "", encoding);

            assert_eq!(body.push(&vec![b'1'; 2 * BUDGET_BYTES]), is_taken);
            assert!(!body.push(&vec![b'1'; 2 * BUDGET_BYTES]));
            assert_eq!(body.is_empty(), !is_taken);
            assert!(body.finish("").fits(), "{encoding:?}");
        }
    }

    #[test]
    fn event_that_does_not_become_shorter_is_not_taken() {
        // Bytes in which a compressor finds nothing to leave out.
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .take(BUDGET_BYTES)
        .collect();
        let mut body = PageBody::begin(Format::Json, "", Encoding::Gzip);

        assert!(!body.push(&noise));
    }

    #[test]
    fn length_is_that_inside_the_invocations_json() {
        let quotes = |count| FinishedBody::of_json(vec![b'"'; count]);

        assert!(quotes(BUDGET_BYTES / 2 - 1).fits());
        assert!(!quotes(BUDGET_BYTES / 2).fits());
    }
}
