//! Any bytes: no panic, the same rows and rejections however the bytes are cut into pieces on their way in, and rejections
//! that lie in the input one after another.
//!
//! `cargo +nightly fuzz run convert ../../../events/track/dirty` in `crates/libraries/lake-files`.

#![no_main]

use std::io::BufReader;

use lake_files::{Source, convert};
use lake_schema::Table;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use time::macros::{date, datetime};

const SOURCE: Source<'static> = Source {
    key: "raw/track/x.gz",
    arrival: datetime!(2026-01-02 12:00 UTC),
    first_day: date!(2026 - 01 - 01),
    delivery: None,
};
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

#[derive(Debug, PartialEq)]
struct Outcome {
    files: Vec<(String, Vec<u8>)>,
    row_count: u64,
    rejected: Vec<Value>,
}

fuzz_target!(|input: &[u8]| {
    for table in Table::all() {
        let whole = outcome(&table, input, input.len().max(1));
        for piece_bytes in [1, 7] {
            assert_eq!(outcome(&table, input, piece_bytes), whole);
        }
        if !input.starts_with(&GZIP_MAGIC) {
            assert_in_order(&whole.rejected, input.len());
        }
    }
});

fn outcome(table: &Table, input: &[u8], piece_bytes: usize) -> Outcome {
    let mut lines = Vec::new();
    let pieces = BufReader::with_capacity(piece_bytes, input);
    let converted = convert(table, SOURCE, pieces, &mut lines).expect("memory cannot fail");
    let rejected: Vec<Value> = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("a rejection is a line of JSON"))
        .collect();
    assert_eq!(u64::try_from(rejected.len()), Ok(converted.rejected_count));
    Outcome {
        row_count: converted.row_count,
        files: converted
            .parts
            .into_iter()
            .map(|part| (part.file.key(table.name()), part.bytes))
            .collect(),
        rejected,
    }
}

fn assert_in_order(rejected: &[Value], input_len: usize) {
    let mut end = 0;
    for (number, line) in rejected.iter().enumerate() {
        let offset = line["offset"].as_u64().expect("a rejection has an offset");
        let length = line["length"].as_u64().expect("a rejection has a length");
        assert!(offset >= end, "rejection {number} begins before the last one ends");
        end = offset + length;
        assert!(length > 0 && end <= input_len as u64, "rejection {number} is outside of the input");
    }
}
