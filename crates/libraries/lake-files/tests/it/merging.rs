//! Many files of a day to one.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{Seek as _, Write as _},
};

use bytes::Bytes;
use event_model::Pipeline;
use lake_files::{Merge, Merged, Source, convert};
use lake_schema::{FileId, Table};
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use serde_json::Value;

use crate::{
    lake::SOURCE,
    rows::{Row, read},
};

pub(crate) const LARGE: usize = 64 << 20;

pub(crate) fn table() -> Table {
    Table::parse(
        Pipeline::ProductEvents,
        r#"{
            "columns": [
                { "name": "event", "type": "string", "from": ["event"], "comment": "" },
                { "name": "user", "type": "string", "from": ["user"], "comment": "" },
                { "name": "at", "type": "timestamp", "from": ["at"], "comment": "" },
                { "name": "id", "type": "string", "from": ["id"], "comment": "" },
                { "name": "n", "type": "bigint", "from": ["n"], "comment": "" },
                { "name": "price", "type": "double", "from": ["price"], "comment": "" },
                { "name": "paid", "type": "boolean", "from": ["paid"], "comment": "" }
            ],
            "event_time": "at",
            "event_id": ["id"],
            "sort": ["event", "user"]
        }"#,
    )
    .unwrap()
}

pub(crate) fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

/// The part that these events are converted to. All are of one day.
pub(crate) fn part(table: &Table, events: &str) -> File {
    let source = Source {
        key: "raw/track/x.gz",
        ..SOURCE
    };
    let parts = convert(table, source, events.as_bytes(), Vec::new())
        .unwrap()
        .parts;
    assert_eq!(parts.len(), 1);
    file(&parts[0].bytes)
}

fn merge(
    table: &Table,
    parts: impl IntoIterator<Item = File>,
    column_bytes: usize,
) -> (Vec<u8>, Merged) {
    let mut merge = Merge::new(table.clone(), std::env::temp_dir(), column_bytes);
    for part in parts {
        merge.add(part).unwrap();
    }
    let id = FileId::of_compacted_day("t", SOURCE.first_day, &[]);
    merge.finish(Vec::new(), id).unwrap()
}

/// The compacted file of a day with these parts.
pub(crate) fn compacted_day(table: &Table, parts: &[String]) -> Vec<u8> {
    let parts = parts.iter().map(|events| part(table, events));
    merge(table, parts, LARGE).0
}

fn rows(bytes: Vec<u8>) -> Vec<Row> {
    let id = FileId::of_compacted_day("t", SOURCE.first_day, &[]).to_string();
    let mut rows = read(Bytes::from(bytes));
    for row in &mut rows {
        assert_eq!(row.remove("_file"), Some(Value::from(id.clone())));
    }
    rows
}

fn texts(rows: &[Row], column: &str) -> Vec<String> {
    rows.iter()
        .map(|row| {
            row.get(column).map_or_else(
                || "-".to_owned(),
                |value| value.to_string().replace('"', ""),
            )
        })
        .collect()
}

#[test]
fn rows_are_sorted_by_event_user_and_time_with_null_last() {
    let table = table();
    let one = part(
        &table,
        r#"{"event":"b","user":"x","at":"2026-01-01 00:00:02","n":1}
           {"event":"a","user":"z","at":"2026-01-01 00:00:01","n":2}
           {"user":"a","at":"2026-01-01 00:00:00","n":3}"#,
    );
    let other = part(
        &table,
        r#"{"event":"a","at":"2026-01-01 00:00:00","n":4}
           {"event":"a","user":"z","at":"2026-01-01 00:00:00","n":5}
           {"event":"B","user":"y","at":"2026-01-01 00:00:09","n":6}"#,
    );

    let (bytes, merged) = merge(&table, [one, other], LARGE);

    assert_eq!(
        merged,
        Merged {
            row_count: 6,
            duplicate_count: 0
        }
    );
    assert_eq!(texts(&rows(bytes), "n"), ["6", "5", "2", "4", "1", "3"]);
}

#[test]
fn an_event_that_came_twice_is_kept_once_whatever_else_it_says() {
    let table = table();
    let parts = || {
        [
            part(
                &table,
                r#"{"id":"1","at":"2026-01-01","n":1}{"id":"2","at":"2026-01-01","n":2}{"at":"2026-01-01","n":3}"#,
            ),
            part(
                &table,
                r#"{"id":"2","at":"2026-01-01 05:00","n":4}{"at":"2026-01-01","n":3}{"id":"","at":"2026-01-01","n":5}"#,
            ),
        ]
    };

    let (bytes, merged) = merge(&table, parts(), LARGE);

    assert_eq!(
        merged,
        Merged {
            row_count: 5,
            duplicate_count: 1
        }
    );
    let mut kept = texts(&rows(bytes.clone()), "n");
    kept.sort();
    assert_eq!(
        kept,
        ["1", "2", "3", "3", "5"],
        "events without an id are all kept"
    );

    let again = merge(&table, [file(&bytes)].into_iter().chain(parts()), LARGE).1;
    assert_eq!(
        again.duplicate_count, 3,
        "a compacted day takes nothing twice that has an id"
    );
}

#[test]
fn column_that_was_declared_later_is_null_in_older_files() {
    let older = Table::parse(
        Pipeline::ProductEvents,
        r#"{ "event_time": "at", "sort": [], "columns": [
            { "name": "at", "type": "timestamp", "from": ["at"], "comment": "" },
            { "name": "event", "type": "string", "from": ["event"], "comment": "" }] }"#,
    )
    .unwrap();
    let old = part(
        &older,
        r#"{"at":"2026-01-01","event":"a","n":1,"paid":true}"#,
    );
    let new = part(
        &table(),
        r#"{"at":"2026-01-01","event":"b","n":2,"paid":true}"#,
    );

    let rows = rows(merge(&table(), [old, new], LARGE).0);

    assert_eq!(texts(&rows, "n"), ["-", "2"]);
    assert_eq!(rows[0]["_extra"], r#"{"n":1,"paid":true}"#);
}

#[test]
fn column_that_is_no_longer_declared_stops_the_merge() {
    let newer = Table::parse(
        Pipeline::ProductEvents,
        r#"{ "event_time": "at", "sort": [], "columns": [
            { "name": "at", "type": "timestamp", "from": ["at"], "comment": "" },
            { "name": "n", "type": "string", "from": ["n"], "comment": "" }] }"#,
    )
    .unwrap();
    let mut merge = Merge::new(newer, std::env::temp_dir(), LARGE);

    let error = merge
        .add(part(&table(), r#"{"at":"2026-01-01","n":1}"#))
        .unwrap_err();

    assert!(
        error.to_string().contains("declares no column event"),
        "{error}"
    );
}

#[test]
fn damaged_file_stops_the_merge() {
    let table = table();
    for bytes in [&b""[..], b"PAR1", &[0; 100]] {
        let mut merge = Merge::new(table.clone(), std::env::temp_dir(), LARGE);
        assert!(merge.add(file(bytes)).is_err());
    }
}

#[test]
fn sorted_strings_take_next_to_nothing() {
    let table = table();
    let events: String = (0..2000)
        .map(|n| {
            format!(
                "{{\"event\":\"e{}\",\"user\":\"u{}\",\"at\":\"2026-01-01\"}}\n",
                n % 3,
                n % 50
            )
        })
        .collect();
    let parts = (0..10).map(|_| part(&table, &events));

    let (bytes, merged) = merge(&table, parts, LARGE);

    assert_eq!(merged.row_count, 20_000);
    let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
    assert_eq!(reader.metadata().num_row_groups(), 1);
    for column in reader.metadata().row_group(0).columns() {
        let name = column.column_path();
        assert!(
            column.compressed_size() < 1000,
            "{name}: {}",
            column.compressed_size()
        );
    }
}

pub(crate) fn events() -> impl Strategy<Value = String> {
    let event = (
        proptest::option::of("[a-c]{1,2}"),
        proptest::option::of("[x-z]{0,2}"),
        0..10,
        proptest::option::of(0..30),
        any::<i16>(),
        proptest::option::of(any::<bool>()),
    );
    let event = event.prop_map(|(event, user, second, id, n, paid)| {
        let mut members = serde_json::json!({
            "event": event, "user": user, "at": format!("2026-01-01 00:00:0{second}"), "n": n, "paid": paid,
            "price": f64::from(n) / 8.0, "other": "x".repeat(40),
        });
        if let Some(id) = id {
            members["id"] = format!("id-{id}").into();
        }
        members.to_string()
    });
    proptest::collection::vec(event, 1..60).prop_map(|events| events.join("\n"))
}

/// Absent sorts after everything.
fn key(row: &Row) -> (Vec<(bool, String)>, i64) {
    let text = |column: &str| match row.get(column) {
        Some(text) => (false, text.as_str().unwrap().to_owned()),
        None => (true, String::new()),
    };
    (
        vec![text("event"), text("user")],
        row["at"].as_i64().unwrap(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn merging_is_sorting_what_is_new(parts in proptest::collection::vec(events(), 0..6), column_bytes in 1_usize..20_000) {
        let table = table();
        let files = || parts.iter().map(|events| part(&table, events));

        let (bytes, merged) = merge(&table, files(), column_bytes);

        let mut seen = BTreeSet::new();
        let all: Vec<Row> = files().flat_map(|file| {
            let mut bytes = Vec::new();
            let mut file = file;
            std::io::Seek::rewind(&mut file).unwrap();
            std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
            read(Bytes::from(bytes))
        }).collect();
        let count = all.len();
        let mut expected: Vec<Row> = all
            .into_iter()
            .filter(|row| row.get("id").is_none_or(|id| seen.insert(id.to_string())))
            .map(|mut row| {
                row.remove("_file");
                row
            })
            .collect();
        expected.sort_by_key(key);
        prop_assert_eq!(merged.row_count, expected.len() as u64);
        prop_assert_eq!(merged.duplicate_count, (count - expected.len()) as u64);
        prop_assert_eq!(&rows(bytes.clone()), &expected);

        let (again, _) = merge(&table, files(), column_bytes);
        prop_assert!(again == bytes, "the same files give the same file");
        let (at_once, _) = merge(&table, files(), LARGE);
        prop_assert_eq!(rows(at_once), rows(bytes), "passes change nothing");
    }
}

/// A day is compacted by itself: what repeats an event must repeat its time.
#[test]
fn an_id_is_known_within_its_day() {
    let table = Table::product_events();
    let event = |day: &str| format!(r#"{{"messageId":"x","timestamp":"{day}T10:00:00Z"}}"#);
    let sent = [
        event("2026-01-01"),
        event("2026-01-02"),
        event("2026-01-02"),
    ]
    .join("\n");
    let parts = convert(&table, SOURCE, sent.as_bytes(), Vec::new())
        .unwrap()
        .parts;

    let closed: Vec<(u64, u64)> = parts
        .iter()
        .map(|part| {
            let (bytes, _) = merge(&table, [file(&part.bytes)], LARGE);
            (part.row_count, rows(bytes).len() as u64)
        })
        .collect();

    assert_eq!(closed, [(1, 1), (2, 1)]);
}

/// What is known decides, whenever it is added, and is not written again.
#[test]
fn of_known_files_nothing_is_written_and_nothing_with_their_ids() {
    let table = table();
    let event = |id: &str, n: u32| {
        format!(r#"{{"event":"e","user":"u","at":"2026-01-01 00:00:01","id":"{id}","n":{n}}}"#)
    };
    let known = compacted_day(&table, &[event("a", 1) + &event("b", 2)]);
    let late = event("b", 3) + &event("c", 4) + &event("c", 5);
    let mut merge = Merge::new(table.clone(), std::env::temp_dir(), LARGE);
    merge.add(part(&table, &late)).unwrap();
    merge.add_known(file(&known)).unwrap();
    let id = FileId::of_compacted_day("t", SOURCE.first_day, &[]);

    let (bytes, merged) = merge.finish(Vec::new(), id).unwrap();

    assert_eq!(texts(&rows(bytes), "n"), ["4"]);
    assert_eq!(
        merged,
        Merged {
            row_count: 1,
            duplicate_count: 2,
        }
    );
}
