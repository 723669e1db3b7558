//! The local stack's lake, queried with `DuckDB`: the same tables and the same views as in Athena.
//!
//! First the query is parsed and bound to tables without rows, so errors show at once. Then only the tables that it reads are
//! copied, and it runs.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use aws_io::Aws;
use lake_schema::{
    Period, Table,
    glue::{self, COMING},
    queries::{STATE_COLUMNS, files_table, parts_table, state_table, view},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Answer, Engine,
    copy::{LakeCopy, TableCopy},
    program::Program,
};
use crate::{
    progress::Step,
    stack::{
        Stack,
        checkout::Checkout,
        data_dir::{DataDir, create_only_for_owner},
        tools,
    },
};

/// The tables that a query reads, according to `DuckDB`; `None` if it does not report them.
#[derive(Debug, Deserialize)]
struct Plan {
    reads: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Found {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
    is_cut: bool,
    scanned_bytes: u64,
}

pub(super) async fn ask(
    data_dir: &DataDir,
    stack: &Stack,
    sql: &str,
    max_rows: usize,
) -> Result<Answer> {
    let step = Step::start("DuckDB").reported();
    let checkout = Checkout::around_working_directory()?;
    let python = tools::install_duckdb(&checkout, &step).await?;
    create_only_for_owner();

    step.note("reading the query");
    let mut program = Program::start(&python)?;
    let tables = Table::all_with_months();
    let nothing = TableCopy::default();
    let declare: Vec<String> = tables
        .iter()
        .flat_map(|table| statements(table, &nothing))
        .collect();
    let plan: Plan = program
        .ask(&json!({ "sql": sql, "declare": declare }))
        .await?;

    step.note("waiting for another query of the same copy of the lake (lake.lock)");
    let _lock = tokio::task::spawn_blocking({
        let data_dir = data_dir.clone();
        move || data_dir.lock_lake_copy()
    })
    .await
    .context("waiting for another query")??;
    let copy = LakeCopy {
        s3: Aws::local(&stack.aws_endpoint_url).await.s3(),
        bucket: stack.bucket.clone(),
        folder: data_dir.lake_copy(),
    };
    let mut declare = Vec::new();
    for table in &tables {
        let copied = if plan.reads(table) {
            copy.update(table, &step).await?
        } else {
            TableCopy::default()
        };
        declare.extend(statements(table, &copied));
    }

    step.note("running the query");
    let found: Found = program
        .ask(&json!({ "declare": declare, "max_rows": max_rows }))
        .await?;
    step.done("answered");
    Ok(Answer {
        engine: Engine::Duckdb,
        columns: found.columns,
        rows: found.rows,
        is_cut: found.is_cut,
        scanned_bytes: found.scanned_bytes,
        is_reused: false,
        usd: cost_model::usage::query_usd(found.scanned_bytes),
        seconds: 0.0,
    })
}

impl Plan {
    fn reads(&self, table: &Table) -> bool {
        let names = [files_table(table), parts_table(table), state_table(table)];
        self.reads
            .as_ref()
            .is_none_or(|reads| reads.iter().any(|name| names.contains(name)))
    }
}

/// The statements that define `table`: its files, the compaction's state, and the view that shows each event once.
fn statements(table: &Table, copy: &TableCopy) -> Vec<String> {
    let period = table.period();
    let mut statements = vec![rows_statement(
        table,
        &files_table(table),
        &copy.files,
        &[period.key()],
    )];
    if period == Period::Day {
        let keys = [period.key(), COMING.name];
        statements.push(rows_statement(
            table,
            &parts_table(table),
            &copy.parts,
            &keys,
        ));
    }
    statements.push(state_statement(table, copy));
    statements.push(format!("create view {} as {}", table.name(), view(table)));
    statements
}

/// A table of rows in `files`, under folders of the partition keys.
fn rows_statement(table: &Table, name: &str, files: &[PathBuf], keys: &[&str]) -> String {
    if files.is_empty() {
        let columns = glue::columns(table)
            .into_iter()
            .map(|column| (column.name, duckdb_type(column.kind)))
            .chain(keys.iter().map(|key| (*key, "varchar")))
            .map(|(name, kind)| column_definition(name, kind))
            .collect::<Vec<_>>()
            .join(", ");
        return format!("create table {name} ({columns})");
    }
    let types: Vec<String> = keys.iter().map(|key| format!("'{key}': varchar")).collect();
    format!(
        "create view {name} as select * from read_parquet({}, hive_partitioning = true, hive_types = {{{}}}, \
         union_by_name = true)",
        list(files),
        types.join(", ")
    )
}

fn state_statement(table: &Table, copy: &TableCopy) -> String {
    let state_columns =
        STATE_COLUMNS.map(|column| format!("{}: '{}'", column.name, duckdb_type(column.kind)));
    if copy.states.is_empty() {
        let columns =
            STATE_COLUMNS.map(|column| column_definition(column.name, duckdb_type(column.kind)));
        format!(
            "create table {} ({})",
            state_table(table),
            columns.join(", ")
        )
    } else {
        format!(
            "create view {} as select * from read_json({}, format = 'newline_delimited', columns = {{{}}})",
            state_table(table),
            list(&copy.states),
            state_columns.join(", ")
        )
    }
}

/// A column of a `create table`. Its name is quoted, because DuckDB reserves words that Athena does not: `at`, since version 2.
fn column_definition(name: &str, kind: &str) -> String {
    format!("\"{name}\" {kind}")
}

/// Glue's type names are those of `DuckDB`, except for text.
fn duckdb_type(glue: &str) -> &str {
    if glue == "string" { "varchar" } else { glue }
}

/// A list of paths in SQL. A single quote in one is doubled.
fn list(paths: &[PathBuf]) -> String {
    let quoted: Vec<String> = paths
        .iter()
        .map(|path| format!("'{}'", path.to_string_lossy().replace('\'', "''")))
        .collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
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
            states.starts_with(
                r#"create table product_events_state ("version" bigint, "file" varchar"#
            )
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
        let table = Table::product_events().closed_months();

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
}
