//! What could not become a row, written down: one JSON object a line.

use std::io::{self, Write};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;

use super::records::{Reason, Rejected};

/// Writes rejected pieces of one raw object.
#[derive(Debug)]
pub(crate) struct Rejections<'a, W> {
    out: W,
    source_key: &'a str,
    count: u64,
    /// The first failure of `out`, kept until [`Rejections::finish`].
    failure: Option<io::Error>,
}

/// One line. `aws_io::rejected` writes lines of the same members for whole objects.
#[derive(Debug, Serialize)]
struct Line<'a> {
    reason: &'static str,
    detail: &'a str,
    source_key: &'a str,
    /// The record's place in the source, from 0, counting rows and rejections.
    ordinal: u64,
    /// Where it begins, in bytes from the start of the source, expanded.
    offset: u64,
    length: usize,
    /// The piece, when it is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a str>,
    /// The piece, when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    item_base64: Option<String>,
}

impl<'a, W: Write> Rejections<'a, W> {
    pub(crate) fn new(out: W, source_key: &'a str) -> Self {
        Self {
            out,
            source_key,
            count: 0,
            failure: None,
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn write(&mut self, rejected: &Rejected<'_>, ordinal: u64) {
        self.count += 1;
        let item = std::str::from_utf8(rejected.bytes).ok();
        let line = Line {
            reason: rejected.reason.as_str(),
            detail: &rejected.detail,
            source_key: self.source_key,
            ordinal,
            offset: rejected.offset,
            length: rejected.bytes.len(),
            item,
            item_base64: match item {
                Some(_) => None,
                None => Some(BASE64_STANDARD.encode(rejected.bytes)),
            },
        };
        if self.failure.is_none() {
            self.failure = serde_json::to_writer(&mut self.out, &line)
                .map_err(io::Error::from)
                .and_then(|()| self.out.write_all(b"\n"))
                .err();
        }
    }

    /// How many pieces were written.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        match self.failure {
            Some(error) => Err(error),
            None => self.out.flush().map(|()| self.count),
        }
    }
}

impl Reason {
    /// The code that rejections are counted and found by.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::EmptyObject => "empty_object",
            Self::Malformed => "malformed_json",
            Self::Truncated => "truncated",
            Self::NotUtf8 => "not_utf8",
            Self::TooDeep => "too_deep",
            Self::TooLong => "too_long",
            Self::NotExpanded => "not_expanded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_as_text_and_other_bytes_as_base64() {
        let mut out = Vec::new();
        let mut rejections = Rejections::new(&mut out, "raw/track/x.gz");
        let rejected = |bytes| Rejected {
            offset: 7,
            bytes,
            reason: Reason::NotJson,
            detail: "no JSON value begins like this".into(),
        };

        rejections.write(&rejected(b"\0 \"hello\""), 3);
        rejections.write(&rejected(b"\xff"), 4);

        assert_eq!(rejections.finish().unwrap(), 2);
        let lines: Vec<serde_json::Value> = out
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        assert_eq!(
            lines,
            [
                serde_json::json!({
                    "reason": "not_json", "detail": "no JSON value begins like this", "source_key": "raw/track/x.gz",
                    "ordinal": 3, "offset": 7, "length": 9, "item": "\0 \"hello\"",
                }),
                serde_json::json!({
                    "reason": "not_json", "detail": "no JSON value begins like this", "source_key": "raw/track/x.gz",
                    "ordinal": 4, "offset": 7, "length": 1, "item_base64": "/w==",
                }),
            ]
        );
    }
}
