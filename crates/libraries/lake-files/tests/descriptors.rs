//! Merging many files: in a process of its own, whose open files nobody else counts or changes.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use lake_files::{Merge, Source, convert};
use lake_schema::{FileId, Table};
use time::macros::{date, datetime};

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// A function on Lambda may have 1,024 files open, and a day many more parts.
#[test]
fn a_merge_has_few_files_open_however_many_it_merges() {
    let table = Table::product_events();
    let source = Source {
        key: "raw/track/x.gz",
        arrival: datetime!(2026-01-02 12:00 UTC),
        first_day: date!(2026 - 01 - 01),
        delivery: None,
    };
    let event = &br#"{"event":"login","dateTime":"2026-01-02 01:00:00"}"#[..];
    let converted = convert(&table, source, event, Vec::new()).unwrap();
    let part = &converted.parts[0].bytes;
    let before = open_files();
    let mut merge = Merge::new(table, std::env::temp_dir(), 1 << 20);

    for _ in 0..300 {
        merge.add(&part[..]).unwrap();
    }

    assert!(
        open_files() <= before + 2,
        "{before}, then {}",
        open_files()
    );
    let id = FileId::of_compacted_day("product_events", date!(2026 - 01 - 02), &[]);
    let (_, merged) = merge.finish(Vec::new(), id).unwrap();
    assert_eq!(merged.row_count, 300);
}
