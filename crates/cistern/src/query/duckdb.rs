//! The local stack's lake, asked with `DuckDB`: the same tables and the same views as in Athena.

use std::{path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result, bail};
use aws_io::Aws;
use lake_schema::{
    Table, glue,
    queries::{STATE_COLUMNS, files_table, state_table, view},
};
use serde::Deserialize;
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::{
    Answer, Engine,
    copy::{self, TableCopy},
};
use crate::{checkout::Checkout, data_dir::DataDir, progress::Step, stack::Stack, tools};

/// Runs the query and prints what came of it.
const PROGRAM: &str = include_str!("../../python/query.py");

/// What the program says.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Outcome {
    Failed {
        error: String,
    },
    Found {
        columns: Vec<String>,
        rows: Vec<Vec<Option<String>>>,
        is_cut: bool,
        scanned_bytes: u64,
    },
}

pub(super) async fn ask(
    data_dir: &DataDir,
    stack: &Stack,
    sql: &str,
    max_rows: usize,
) -> Result<Answer> {
    let step = Step::start("DuckDB");
    let checkout = Checkout::around_working_directory()?;
    let python = tools::install_duckdb(&checkout, &step).await?;

    step.note("waiting for other queries");
    let _turn = data_dir.take_turn_at_lake_copy()?;
    step.note("copying the lake");
    let s3 = Aws::local(&stack.aws_endpoint_url).await.s3();
    let folder = data_dir.lake_copy();
    let tables = Table::all_with_months();
    let mut copies = Vec::new();
    for table in &tables {
        copies.push(copy::update(&s3, &stack.bucket, table, &folder).await?);
    }
    copy::remove_others(&folder, &copies)?;
    let setup: Vec<String> = tables
        .iter()
        .zip(&copies)
        .flat_map(|(table, copy)| statements(table, copy))
        .collect();

    step.note("asking");
    let request = json!({ "setup": setup, "sql": sql, "max_rows": max_rows });
    match run(&python, &request.to_string()).await? {
        Outcome::Failed { error } => bail!("DuckDB: {error}"),
        Outcome::Found {
            columns,
            rows,
            is_cut,
            scanned_bytes,
        } => {
            step.done("answered");
            Ok(Answer {
                engine: Engine::Duckdb,
                columns,
                rows,
                is_cut,
                scanned_bytes,
                is_reused: false,
                usd: cost_model::usage::query_usd(scanned_bytes),
                seconds: 0.0,
            })
        }
    }
}

async fn run(python: &PathBuf, request: &str) -> Result<Outcome> {
    let mut child = Command::new(python)
        .args(["-I", "-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {}", python.display()))?;
    let mut stdin = child.stdin.take().context("stdin is piped")?;
    stdin
        .write_all(request.as_bytes())
        .await
        .context("sending the query")?;
    drop(stdin);
    let answer = child
        .wait_with_output()
        .await
        .context("waiting for DuckDB")?;
    if !answer.status.success() {
        bail!("DuckDB ended: {}", answer.status);
    }
    serde_json::from_slice(&answer.stdout).context("reading DuckDB's answer")
}

/// What makes `table` known: its files, what compaction is busy with, and the view that shows each event once.
fn statements(table: &Table, copy: &TableCopy) -> [String; 3] {
    let name = files_table(table);
    let files = if copy.files.is_empty() {
        let columns = glue::columns(table)
            .into_iter()
            .chain([glue::partition_key(table)])
            .map(|column| format!("{} {}", column.name, duckdb_type(column.kind)))
            .collect::<Vec<_>>()
            .join(", ");
        format!("create table {name} ({columns})")
    } else {
        format!(
            "create view {name} as select * from read_parquet({}, hive_partitioning = true, \
             hive_types = {{'{}': varchar}}, union_by_name = true)",
            list(&copy.files),
            table.period().key()
        )
    };
    let state_columns =
        STATE_COLUMNS.map(|column| format!("{}: '{}'", column.name, duckdb_type(column.kind)));
    let states = if copy.states.is_empty() {
        let columns =
            STATE_COLUMNS.map(|column| format!("{} {}", column.name, duckdb_type(column.kind)));
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
    };
    let events = format!("create view {} as {}", table.name(), view(table));
    [files, states, events]
}

/// Glue's names are `DuckDB`'s own, but for text.
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
    fn empty_lake_has_its_tables_all_the_same() {
        let nothing = TableCopy {
            files: Vec::new(),
            states: Vec::new(),
        };

        let [files, states, view] = statements(&Table::events(), &nothing);

        assert!(files.starts_with(
            "create table events_files (event varchar, userid varchar, datetime timestamp"
        ));
        assert!(files.ends_with("_file varchar, dt varchar)"), "{files}");
        assert!(states.starts_with("create table events_state (version bigint, file varchar"));
        assert!(view.starts_with("create view events as select event, "));
    }

    #[test]
    fn closed_months_are_partitioned_by_month_and_their_days_are_a_column() {
        let nothing = TableCopy {
            files: Vec::new(),
            states: Vec::new(),
        };
        let some = TableCopy {
            files: vec!["/l/events_months/month=2026-01/month-1.parquet".into()],
            states: Vec::new(),
        };
        let table = Table::events().closed_months();

        let [empty, _, view] = statements(&table, &nothing);
        let [files, ..] = statements(&table, &some);

        assert!(
            empty.ends_with("_file varchar, dt varchar, month varchar)"),
            "{empty}"
        );
        assert!(files.contains("hive_types = {'month': varchar}"), "{files}");
        assert!(view.starts_with("create view events_months as select event, "));
    }

    #[test]
    fn paths_cannot_end_the_text_they_stand_in() {
        let copy = TableCopy {
            files: vec!["/it's/lake/events/dt=2026-01-01/part-1.parquet".into()],
            states: vec!["/s/000000000001.ndjson".into()],
        };

        let [files, states, _] = statements(&Table::events(), &copy);

        assert!(files.contains("['/it''s/lake/events/dt=2026-01-01/part-1.parquet']"));
        assert!(
            states.contains("version: 'bigint', file: 'varchar'"),
            "{states}"
        );
    }

    #[test]
    fn what_the_program_says_is_understood() {
        let found: Outcome = serde_json::from_str(
            r#"{"columns":["n"],"rows":[["1"],[null]],"is_cut":false,"scanned_bytes":7}"#,
        )
        .unwrap();
        let failed: Outcome = serde_json::from_str(r#"{"error":"Parser Error"}"#).unwrap();

        assert!(matches!(
            found,
            Outcome::Found {
                scanned_bytes: 7,
                ..
            }
        ));
        assert!(matches!(failed, Outcome::Failed { .. }));
    }
}
