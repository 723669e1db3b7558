use super::*;

#[test]
fn empty_lake_has_its_tables_with_quoted_column_names() {
    let nothing = TableCopy::default();

    let [files, parts, states, view] = statements(&Table::product_events(), &nothing)
        .try_into()
        .unwrap();

    assert!(files.starts_with(
            r#"create table product_events_files ("event" varchar, "userid" varchar, "datetime" timestamp"#
        ));
    assert!(
        files.ends_with(r#""_file" varchar, "dt" varchar)"#),
        "{files}"
    );
    assert!(parts.starts_with(r#"create table product_events_parts ("event" varchar"#));
    assert!(
        parts.ends_with(r#""_file" varchar, "dt" varchar, "at" varchar)"#),
        "{parts}"
    );
    assert!(
        states
            .starts_with(r#"create table product_events_state ("version" bigint, "file" varchar"#)
    );
    assert!(view.starts_with("create view product_events as select event, "));
}

#[test]
fn closed_months_are_partitioned_by_month_and_their_days_are_a_column() {
    let nothing = TableCopy::default();
    let some = TableCopy {
        files: vec!["/l/product_events_months/month=2026-01/month-1.parquet".into()],
        ..TableCopy::default()
    };
    let table = Table::product_events().monthly_copies();

    let [empty, _, view] = statements(&table, &nothing).try_into().unwrap();
    let files = &statements(&table, &some)[0];

    assert!(
        empty.ends_with(r#""_file" varchar, "dt" varchar, "month" varchar)"#),
        "{empty}"
    );
    assert!(files.contains("hive_types = {'month': varchar}"), "{files}");
    assert!(view.starts_with("create view product_events_months as select event, "));
}

#[test]
fn paths_cannot_end_the_text_they_stand_in() {
    let copy = TableCopy {
        files: vec!["/it's/closed/dt=2026-01-01/day-1.parquet".into()],
        parts: vec!["/it's/new/at=2026-01-02/dt=2026-01-01/part-1.parquet".into()],
        states: vec!["/s/000000000001.ndjson".into()],
    };

    let [files, parts, states, _] = statements(&Table::product_events(), &copy)
        .try_into()
        .unwrap();

    assert!(files.contains("['/it''s/closed/dt=2026-01-01/day-1.parquet']"));
    assert!(parts.contains("['/it''s/new/at=2026-01-02/dt=2026-01-01/part-1.parquet']"));
    assert!(
        parts.contains("hive_types = {'dt': varchar, 'at': varchar}"),
        "{parts}"
    );
    assert!(
        states.contains("version: 'bigint', file: 'varchar'"),
        "{states}"
    );
}

#[test]
fn only_what_is_read_is_copied() {
    let plan = |reads: Option<&[&str]>| Plan {
        reads: reads.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
    };
    let copied = |plan: &Plan| -> Vec<String> {
        let tables = Table::all_with_months();
        let read = tables.iter().filter(|table| plan.reads(table));
        read.map(|table| table.name().to_owned()).collect()
    };

    assert_eq!(copied(&plan(Some(&[]))), [] as [&str; 0]);
    assert_eq!(
        copied(&plan(Some(&[
            "product_events_files",
            "product_events_state"
        ]))),
        ["product_events"]
    );
    assert_eq!(
        copied(&plan(Some(&["app_events_months_state"]))),
        ["app_events_months"]
    );
    assert_eq!(copied(&plan(None)).len(), Table::all_with_months().len());
}
