//! What footers say of the chunks, which readers decide by whether to read them: it must be there, and it must be so.

use std::collections::BTreeMap;

use bytes::Bytes;
use lake_files::{MonthFile, convert};
use lake_schema::{FileId, Table};
use parquet::{
    basic::{Encoding, PageType},
    column::page::Page,
    data_type::AsBytes as _,
    file::{
        metadata::ColumnChunkMetaData,
        reader::FileReader,
        serialized_reader::{ReadOptionsBuilder, SerializedFileReader},
        statistics::Statistics,
    },
    record::Field,
};
use proptest::prelude::*;

use crate::{
    lake::SOURCE,
    merging::{LARGE, compacted_day, file, table},
};

fn open(bytes: &[u8]) -> SerializedFileReader<Bytes> {
    let options = ReadOptionsBuilder::new()
        .with_encoding_stats_as_mask(false)
        .build();
    let bytes = Bytes::from(bytes.to_vec());
    SerializedFileReader::new_with_options(bytes, options).unwrap()
}

/// How many pages of each kind there are in a chunk.
type PageCounts = BTreeMap<(String, String), i32>;

fn key(kind: PageType, encoding: Encoding) -> (String, String) {
    (kind.to_string(), encoding.to_string())
}

fn told(chunk: &ColumnChunkMetaData) -> PageCounts {
    let pages = chunk.page_encoding_stats().unwrap().iter();
    pages
        .map(|pages| (key(pages.page_type, pages.encoding), pages.count))
        .collect()
}

fn found(pages: impl Iterator<Item = parquet::errors::Result<Page>>) -> PageCounts {
    let mut counts = PageCounts::new();
    for page in pages {
        let page = page.unwrap();
        *counts
            .entry(key(page.page_type(), page.encoding()))
            .or_default() += 1;
    }
    counts
}

fn check(bytes: &[u8]) {
    let reader = open(bytes);
    let footer = reader.metadata().file_metadata();
    check_created_by(footer.created_by().unwrap());
    assert!(
        footer.column_orders().is_some(),
        "without an order, bounds of strings mean nothing"
    );
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).unwrap();
        for (column_index, chunk) in group.metadata().columns().iter().enumerate() {
            let name = chunk.column_descr().name();
            let pages = group.get_column_page_reader(column_index).unwrap();
            assert_eq!(told(chunk), found(pages), "pages of {name}");
        }
        let columns = group.metadata().columns();
        let mut nulls = vec![0_u64; columns.len()];
        for row in group.get_row_iter(None).unwrap() {
            for (column_index, (name, value)) in row.unwrap().get_column_iter().enumerate() {
                let statistics = columns[column_index].statistics().unwrap();
                if matches!(value, Field::Null) {
                    nulls[column_index] += 1;
                } else {
                    check_bounds(name, value, statistics);
                }
            }
        }
        for (chunk, nulls) in columns.iter().zip(nulls) {
            assert_eq!(chunk.statistics().unwrap().null_count_opt(), Some(nulls));
        }
    }
}

fn check_bounds(name: &str, value: &Field, statistics: &Statistics) {
    let holds = match (value, statistics) {
        (Field::Str(text), Statistics::ByteArray(bounds)) => {
            let (Some(min), Some(max)) = (bounds.min_opt(), bounds.max_opt()) else {
                panic!("no bounds of {name}");
            };
            min.as_bytes() <= text.as_bytes() && text.as_bytes() <= max.as_bytes()
        }
        (Field::Long(value) | Field::TimestampMillis(value), Statistics::Int64(bounds)) => {
            (*bounds.min_opt().unwrap()..=*bounds.max_opt().unwrap()).contains(value)
        }
        (Field::Double(value), Statistics::Double(bounds)) => {
            (*bounds.min_opt().unwrap()..=*bounds.max_opt().unwrap()).contains(value)
        }
        (Field::Bool(value), Statistics::Boolean(bounds)) => {
            (*bounds.min_opt().unwrap()..=*bounds.max_opt().unwrap()).contains(value)
        }
        other => panic!("{name} is not of the table's types: {other:?}"),
    };
    assert!(holds, "{name}: {value} is not within {statistics:?}");
}

/// As parquet-java takes it apart: a name, ` version ` with three numbers, and `(build …)`.
fn check_created_by(text: &str) {
    let (name, rest) = text.split_once(" version ").unwrap();
    let (version, build) = rest.split_once(" (build ").unwrap();
    let numbers: Vec<u32> = version
        .split('.')
        .map(|part| part.parse().unwrap())
        .collect();
    assert_eq!((name, numbers.len()), ("cistern", 3), "{text}");
    let build = build.strip_suffix(')').unwrap();
    assert!(!build.is_empty() && !build.contains([')', '(']), "{text}");
}

fn part(table: &Table, events: &str) -> Vec<u8> {
    let mut parts = convert(table, SOURCE, events.as_bytes(), Vec::new())
        .unwrap()
        .parts;
    parts.remove(0).bytes
}

fn month_of(table: &Table, days: &[&[u8]]) -> Vec<u8> {
    let id = FileId::of_monthly_copy("t_months", SOURCE.first_day, &[]);
    let mut month = MonthFile::new(Vec::new(), table, std::env::temp_dir(), LARGE, id).unwrap();
    for (column_index, day) in (0..).zip(days) {
        let day_of_file = time::macros::date!(2026 - 01 - 01) + time::Duration::days(column_index);
        month.add(day_of_file, file(day)).unwrap();
    }
    month.finish().unwrap().0
}

fn check_part_day_and_month(events: &str) {
    let table = table();
    let day = compacted_day(&table, &[events.to_owned(), events.to_owned()]);
    check(&part(&table, events));
    check(&day);
    check(&month_of(&table, &[&day, &day]));
}

fn event(number: usize, text: &str) -> String {
    let event = serde_json::json!({
        "event": text, "user": format!("u{}", number % 3), "at": "2026-01-01", "id": number.to_string(), "n": number,
        "price": 0.5, "paid": number.is_multiple_of(2),
    });
    format!("{event}\n")
}

#[test]
fn awkward_chunks_are_described_as_they_are() {
    let table = [
        // One row; all columns but the time NULL.
        "{\"at\":\"2026-01-01\"}\n".to_owned(),
        // One entry; empty; NUL; the last characters of their lengths; longer than a bound.
        event(1, ""),
        event(1, "\0"),
        event(1, "\u{ffff}"),
        event(1, &"\u{10fffe}".repeat(70)),
        event(1, &"x".repeat(70_000)),
        // More pages than one, by a dictionary and, where every string is new, without.
        (0..20_000)
            .map(|n| event(n, if n % 2 == 0 { "even" } else { "odd" }))
            .collect(),
        (0..20_000)
            .map(|n| event(n, &format!("{n}-{}", "y".repeat(100))))
            .collect(),
    ];

    for events in &table {
        check_part_day_and_month(events);
    }
}

#[test]
fn a_column_of_few_strings_says_that_all_are_in_its_dictionary() {
    let table = table();
    let events: String = (0..1000)
        .map(|n| event(n, if n % 2 == 0 { "even" } else { "odd" }))
        .collect();
    let day = compacted_day(&table, &[events]);
    let month = month_of(&table, &[&day]);

    for bytes in [day, month] {
        let reader = open(&bytes);
        let group = reader.metadata().row_group(0);
        let chunks = group.columns().iter();
        for chunk in chunks.filter(|chunk| ["event", "user"].contains(&chunk.column_descr().name()))
        {
            assert!(chunk.dictionary_page_offset().is_some());
            let kinds: Vec<_> = told(chunk).into_keys().collect();
            let expected = [
                key(PageType::DATA_PAGE, Encoding::RLE_DICTIONARY),
                key(PageType::DICTIONARY_PAGE, Encoding::PLAIN),
            ];
            assert_eq!(kinds, expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn any_events_are_described_as_they_are(texts in proptest::collection::vec("\\PC{0,90}", 1..40)) {
        let events: String = (0..).zip(&texts).map(|(n, text)| event(n, text)).collect();
        check_part_day_and_month(&events);
    }
}
