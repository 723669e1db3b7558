//! The local stack's lake, queried with `DuckDB`: the same tables and the same views as in Athena.
//!
//! First the query is parsed and bound to tables without rows, so errors show at once. Then only the tables that it reads are
//! copied, and it runs.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use aws_io::Aws;
use lake_schema::{
    Period, Table,
    glue::{self, ARRIVAL_DAY},
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

/// What a statement may do besides reading the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// All that the user may who runs the command.
    Everything,
    /// Nothing.
    LakeAlone,
}

pub(super) async fn ask(
    data_dir: &DataDir,
    stack: &Stack,
    sql: &str,
    max_rows: usize,
    reach: Reach,
) -> Result<Answer> {
    let step = Step::start("DuckDB").reported();
    let tools_folder = match Checkout::near(data_dir.path()) {
        Some(checkout) => checkout.tools(),
        None => tools::cache()?,
    };
    let python = tools::install_duckdb(&tools_folder, &step).await?;
    create_only_for_owner();

    step.note("reading the query");
    let mut program = Program::start(&python)?;
    let confine = (reach == Reach::LakeAlone).then(|| data_dir.lake_copy());
    let tables = Table::all_with_months();
    let nothing = TableCopy::default();
    let declare: Vec<String> = tables
        .iter()
        .flat_map(|table| statements(table, &nothing))
        .collect();
    let plan: Plan = program
        .ask(&json!({ "sql": sql, "declare": declare, "confine": confine }))
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
        .ask(&json!({ "declare": declare, "max_rows": max_rows, "confine": confine }))
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
        let keys = [period.key(), ARRIVAL_DAY.name];
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
mod tests;
