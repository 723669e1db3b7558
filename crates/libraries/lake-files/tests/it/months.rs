//! The compacted days of a month to one file.

use bytes::Bytes;
use event_model::Pipeline;
use lake_files::{Merge, MonthError, MonthFile};
use lake_schema::{FileId, Table, layout};
use parquet::file::{
    metadata::{ParquetMetaData, RowGroupMetaData},
    reader::{FileReader, SerializedFileReader},
    statistics::Statistics,
};
use proptest::prelude::*;
use time::{
    Date,
    macros::{date, datetime},
};

use crate::{
    lake::SOURCE,
    merging::{LARGE, compacted_day, events, file, table},
    rows::{Row, read},
};

const FIRST: Date = date!(2026 - 01 - 01);

fn id() -> FileId {
    FileId::of_monthly_copy("t_months", FIRST, &[])
}

fn day(number: usize) -> Date {
    FIRST + time::Duration::days(i64::try_from(number).unwrap())
}

/// The month of these files, one for each day.
fn month(table: &Table, days: &[Vec<u8>]) -> Result<Vec<u8>, MonthError> {
    let mut month = MonthFile::new(Vec::new(), table, std::env::temp_dir(), LARGE, id())?;
    for (number, bytes) in days.iter().enumerate() {
        month.add(day(number), file(bytes))?;
    }
    let (bytes, row_count) = month.finish()?;
    assert_eq!(row_count, read(Bytes::from(bytes.clone())).len() as u64);
    Ok(bytes)
}

/// The rows of the days, as the month should have them.
fn expected_rows(days: &[Vec<u8>]) -> Vec<Row> {
    let days = days.iter().enumerate();
    days.flat_map(|(number, bytes)| {
        let mut rows = read(Bytes::from(bytes.clone()));
        for row in &mut rows {
            row.insert("_file".to_owned(), id().to_string().into());
            row.insert("dt".to_owned(), layout::format_day(day(number)).into());
        }
        rows
    })
    .collect()
}

fn metadata(bytes: &[u8]) -> ParquetMetaData {
    let reader = SerializedFileReader::new(Bytes::from(bytes.to_vec())).unwrap();
    reader.metadata().clone()
}

/// The first and the last day of a row group, as its statistics say.
fn day_bounds(group: &RowGroupMetaData) -> [String; 2] {
    let last = group.columns().last().unwrap();
    assert_eq!(last.column_descr().name(), "dt");
    let Some(Statistics::ByteArray(statistics)) = last.statistics() else {
        panic!("dt has no statistics");
    };
    let bounds = [statistics.min_opt(), statistics.max_opt()];
    bounds.map(|bound| bound.unwrap().as_utf8().unwrap().to_owned())
}

/// A file of several row groups, as those of long days are.
fn large_file(table: &Table) -> Vec<u8> {
    let events: String = (0..4_000)
        .map(|n| {
            let filler = "x".repeat(2500);
            format!(
                "{{\"event\":\"e{}\",\"id\":\"{n}\",\"at\":\"2026-01-01\",\"x\":\"{filler}{n}\"}}\n",
                n % 7
            )
        })
        .collect();
    let source = lake_files::Source {
        arrival: datetime!(2026-01-01 12:00 UTC),
        ..SOURCE
    };
    let converted = lake_files::convert(table, source, events.as_bytes(), Vec::new()).unwrap();
    let [part] = converted.parts.try_into().unwrap();
    part.bytes
}

#[test]
fn row_groups_are_copied_as_they_are_and_say_of_which_day() {
    let table = table();
    let days = [
        large_file(&table),
        compacted_day(
            &table,
            &[r#"{"event":"a","at":"2026-01-01","n":1,"price":0.5,"paid":true}"#.to_owned()],
        ),
    ];

    let bytes = month(&table, &days).unwrap();

    let month = metadata(&bytes);
    let days_of: Vec<ParquetMetaData> = days.iter().map(|bytes| metadata(bytes)).collect();
    let groups = days_of.iter().zip(["2026-01-01", "2026-01-02"]);
    let groups: Vec<_> = groups
        .flat_map(|(day, dt)| day.row_groups().iter().map(move |group| (group, dt)))
        .collect();
    assert!(groups.len() > 2, "{}", groups.len());
    assert_eq!(month.num_row_groups(), groups.len());
    for (copied, (group, dt)) in month.row_groups().iter().zip(groups) {
        assert_eq!(copied.num_rows(), group.num_rows());
        for (one, other) in copied.columns().iter().zip(group.columns()) {
            let name = one.column_descr().name();
            if name != "_file" {
                assert_eq!(one.compressed_size(), other.compressed_size(), "{name}");
                assert_eq!(one.statistics(), other.statistics(), "{name}");
            }
        }
        assert_eq!(day_bounds(copied), [dt, dt]);
    }
}

#[test]
fn column_that_was_declared_later_is_null_and_the_other_days_are_copied() {
    let older = Table::parse(
        Pipeline::ProductEvents,
        r#"{ "event_time": "at", "sort": ["event"], "columns": [
            { "name": "at", "type": "timestamp", "from": ["at"], "comment": "" },
            { "name": "event", "type": "string", "from": ["event"], "comment": "" }] }"#,
    )
    .unwrap();
    let event = r#"{"at":"2026-01-01","event":"a","n":1,"paid":true}"#.to_owned();
    let days = [
        compacted_day(&older, &[event.clone(), event.replace("\"a\"", "\"b\"")]),
        compacted_day(&table(), &[event]),
    ];

    let bytes = month(&table(), &days).unwrap();

    let rows = read(Bytes::from(bytes.clone()));
    let first = rows.first().unwrap();
    assert_eq!(first["_extra"], r#"{"n":1,"paid":true}"#);
    assert!(!first.contains_key("n"));
    assert_eq!(rows.last().unwrap()["n"], 1);
    assert_eq!(rows, expected_rows(&days));
    let groups_of_days: usize = days
        .iter()
        .map(|bytes| metadata(bytes).num_row_groups())
        .sum();
    assert_eq!(metadata(&bytes).num_row_groups(), groups_of_days);
}

#[test]
fn column_that_is_no_longer_declared_stops_the_month() {
    let newer = Table::parse(
        Pipeline::ProductEvents,
        r#"{ "event_time": "at", "sort": [], "columns": [
            { "name": "at", "type": "timestamp", "from": ["at"], "comment": "" },
            { "name": "n", "type": "string", "from": ["n"], "comment": "" }] }"#,
    )
    .unwrap();
    let day = compacted_day(&table(), &[r#"{"at":"2026-01-01","n":1}"#.to_owned()]);

    let error = month(&newer, &[day]).unwrap_err();

    assert!(
        error.to_string().contains("declares no column event"),
        "{error}"
    );
}

#[test]
fn a_month_without_one_person_has_all_other_rows_with_their_days_in_row_groups_of_their_own() {
    let table = table();
    let day_of = |people: &[(&str, i64)]| {
        let events = people.iter().map(|(user, n)| {
            format!(
                r#"{{"event":"e","user":"{user}","at":"2026-01-01","id":"{n}","n":{n},"x":{n}}}"#
            )
        });
        compacted_day(&table, &events.collect::<Vec<_>>())
    };
    let days = [
        day_of(&[("ann", 1), ("jane", 2)]),
        day_of(&[("jane", 3)]),
        day_of(&[("bob", 4), ("jane", 5), ("zoe", 6)]),
    ];
    let bytes = month(&table, &days).unwrap();
    let without_jane = |bytes: &[u8]| {
        let mut merge = Merge::new(table.monthly_copies(), std::env::temp_dir(), LARGE);
        merge.add(file(bytes)).unwrap();
        let is_jane = |owner: Option<&str>, _: Option<&str>| owner == Some("jane");
        merge
            .finish_without(|| Ok(Vec::new()), id(), "user", is_jane)
            .unwrap()
    };

    let without = without_jane(&bytes);

    assert_eq!((without.row_count, without.erased_count), (6, 3));
    let kept = without.out.unwrap();
    let mut expected = expected_rows(&days);
    expected.retain(|row| row["user"] != "jane");
    assert_eq!(read(Bytes::from(kept.clone())), expected);
    let (before, after) = (metadata(&bytes), metadata(&kept));
    assert_eq!(
        after.file_metadata().schema(),
        before.file_metadata().schema()
    );
    assert_eq!(
        after
            .row_groups()
            .iter()
            .map(day_bounds)
            .collect::<Vec<_>>(),
        ["2026-01-01", "2026-01-03"].map(|day| [day.to_owned(), day.to_owned()])
    );
    let again = without_jane(&kept);
    assert_eq!((again.row_count, again.erased_count), (3, 0));
    assert!(again.out.is_none());
}

#[test]
fn damaged_day_stops_the_month() {
    let day = compacted_day(&table(), &[r#"{"at":"2026-01-01","n":1}"#.to_owned()]);
    for bytes in [&b""[..], b"PAR1", &[0; 100], &day[..day.len() - 1]] {
        assert!(month(&table(), &[bytes.to_vec()]).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn month_is_its_days_one_after_the_other(days in proptest::collection::vec(events(), 0..6)) {
        let table = table();
        let days: Vec<Vec<u8>> = days.into_iter().map(|events| compacted_day(&table, &[events])).collect();

        let bytes = month(&table, &days).unwrap();

        prop_assert_eq!(read(Bytes::from(bytes)), expected_rows(&days));
    }
}
