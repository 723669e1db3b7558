//! Where the records of an object are, for who rewrites it.

use std::ops::Range;

use super::{
    fault::Fault,
    json,
    records::Splitter,
    sink::{Rejected, Sink, WindowEnd},
};

/// Where one record of an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRange {
    /// Its bytes.
    pub bytes: Range<usize>,
    /// Whether it is a JSON object. Anything else is rejected when the object is converted.
    pub is_object: bool,
}

/// The records of an expanded object, found as [`convert`](super::convert) finds them: in their order, with separators between them only.
pub fn record_ranges(body: &[u8]) -> Vec<RecordRange> {
    let mut ranges = Ranges::default();
    Splitter::default().advance(body, WindowEnd::End, &mut ranges);
    ranges.0
}

#[derive(Default)]
struct Ranges(Vec<RecordRange>);

impl Ranges {
    fn push(&mut self, offset: u64, len: usize, is_object: bool) {
        let start = usize::try_from(offset).expect("the offset is within the body");
        self.0.push(RecordRange {
            bytes: start..start + len,
            is_object,
        });
    }
}

impl Sink for Ranges {
    fn object(&mut self, tail: &[u8], offset: u64) -> Result<usize, Fault> {
        let len = json::value_len(tail)?;
        self.push(offset, len, true);
        Ok(len)
    }

    fn reject(&mut self, rejected: Rejected<'_>) {
        self.push(rejected.offset, rejected.bytes.len(), false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_of_a_record_or_a_separator() {
        let body = "\u{feff}{\"a\":1}{\"b\":{}}\n[{\"c\":2}, {\"d\":3}]\njunk\n{\"e\":\"\\ud83d\"}\n{\"f\":";

        let records: Vec<_> = record_ranges(body.as_bytes())
            .into_iter()
            .map(|record| (&body[record.bytes], record.is_object))
            .collect();

        assert_eq!(
            records,
            [
                (r#"{"a":1}"#, true),
                (r#"{"b":{}}"#, true),
                (r#"{"c":2}"#, true),
                (r#"{"d":3}"#, true),
                ("junk", false),
                (r#"{"e":"\ud83d"}"#, true),
                (r#"{"f":"#, false),
            ]
        );
    }
}
