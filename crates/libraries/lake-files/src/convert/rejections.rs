//! What could not become a row, written down: one JSON object a line.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use event_model::rejected::RejectedLine;

use super::{fault::Reason, sink::Rejected};

/// How many pieces of one object are written down one by one, and how much of them. The others are counted, and one line
/// says so: an object of 2 bytes a piece would fill the disk otherwise.
const MAX_LINES: u64 = 10_000;
const MAX_BYTES: usize = 64 << 20;

/// Writes rejected pieces of one raw object.
#[derive(Debug)]
pub(crate) struct Rejections<'a, W> {
    out: W,
    source_key: &'a str,
    count: u64,
    bytes: usize,
    more: Option<More>,
    /// The first failure of `out`, kept until [`Rejections::finish`].
    failure: Option<io::Error>,
}

/// Pieces that are only counted.
#[derive(Debug)]
struct More {
    ordinal: u64,
    first_offset: u64,
    last_offset: u64,
    reasons: BTreeMap<Reason, u64>,
}

impl<'a, W: Write> Rejections<'a, W> {
    pub(crate) fn new(out: W, source_key: &'a str) -> Self {
        Self {
            out,
            source_key,
            count: 0,
            bytes: 0,
            more: None,
            failure: None,
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn write(&mut self, rejected: &Rejected<'_>, ordinal: u64) {
        self.count += 1;
        if self.count > MAX_LINES || self.bytes >= MAX_BYTES {
            let offset = rejected.offset;
            let more = self.more.get_or_insert_with(|| More {
                ordinal,
                first_offset: offset,
                last_offset: offset,
                reasons: BTreeMap::new(),
            });
            more.last_offset = offset;
            *more.reasons.entry(rejected.reason).or_default() += 1;
            return;
        }
        let item = std::str::from_utf8(rejected.bytes).ok();
        let item_base64 = match item {
            Some(_) => None,
            None => Some(BASE64_STANDARD.encode(rejected.bytes)),
        };
        self.write_line(&RejectedLine {
            reason: rejected.reason.as_str(),
            detail: &rejected.detail,
            source_key: Some(self.source_key),
            // The record's number in the source, counting rows and rejections.
            ordinal: Some(ordinal),
            offset: Some(rejected.offset),
            length: Some(rejected.bytes.len()),
            item,
            item_base64: item_base64.as_deref(),
            ..RejectedLine::default()
        });
    }

    fn write_line(&mut self, line: &RejectedLine<'_>) {
        if self.failure.is_some() {
            return;
        }
        let mut bytes = Vec::new();
        line.append_to(&mut bytes);
        self.bytes += bytes.len();
        self.failure = self.out.write_all(&bytes).err();
    }

    /// How many pieces there were.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        if let Some(more) = self.more.take() {
            let source_key = self.source_key;
            self.write_line(&RejectedLine {
                reason: "more",
                detail: &more.detail(),
                source_key: Some(source_key),
                ordinal: Some(more.ordinal),
                offset: Some(more.first_offset),
                length: Some(0),
                ..RejectedLine::default()
            });
        }
        match self.failure {
            Some(error) => Err(error),
            None => self.out.flush().map(|()| self.count),
        }
    }
}

impl More {
    fn detail(&self) -> String {
        let count: u64 = self.reasons.values().sum();
        let reasons = self.reasons.iter();
        let reasons: Vec<String> = reasons
            .map(|(reason, count)| format!("{count} {}", reason.as_str()))
            .collect();
        format!(
            "{count} more pieces, from this one up to the one at byte {}, cannot become rows either ({}); the object has them",
            self.last_offset,
            reasons.join(", "),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_many_lines_one_says_how_many_more_there_are() {
        let mut out = Vec::new();
        let mut rejections = Rejections::new(&mut out, "raw/track/x.gz");
        let total = MAX_LINES + 3;
        for ordinal in 0..total {
            let is_last = ordinal + 1 == total;
            rejections.write(
                &Rejected {
                    offset: 2 * ordinal,
                    bytes: b"1",
                    reason: if is_last {
                        Reason::NotJson
                    } else {
                        Reason::NotAnObject
                    },
                    detail: "a value that is not an object".into(),
                },
                ordinal,
            );
        }

        assert_eq!(rejections.finish().unwrap(), total);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count() as u64, MAX_LINES + 1);
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(last["reason"], "more");
        assert_eq!(
            last["detail"],
            "3 more pieces, from this one up to the one at byte 20004, cannot become rows either (1 not_json, 2 not_an_object); the object has them"
        );
        assert_eq!(last["ordinal"], MAX_LINES);
    }

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
