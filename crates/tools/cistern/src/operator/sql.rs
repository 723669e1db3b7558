//! `cistern sql`: one statement over the stack's API, in the database of email events.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    operator::{api::Api, query::given_sql, target::TargetArgs},
    output::{line, write_bytes},
    table::{Align, records, results, room, text_of},
};

const PATH: &str = "/api/v1/sql";

/// Options of `cistern sql`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// One SQL statement; - reads it from stdin
    #[arg(value_name = "SQL")]
    sql: String,

    /// Show each row as a block with a line for each column
    #[arg(short = 'x', long, conflicts_with_all = ["csv", "json"])]
    rows: bool,

    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,

    #[command(flatten)]
    target: TargetArgs,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Answer {
    columns: Vec<Column>,
    results: Vec<Map<String, Value>>,
    /// Whether there are more rows.
    truncated: bool,
    /// Values of which only the beginning was returned.
    cut_values: u64,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let sql = given_sql(&options.sql)?;
    ensure!(!sql.trim().is_empty(), "the statement is empty");
    let target = options.target.find().await?;
    let api = Api::of(&target, "sql").await?;
    let format = if options.csv { "csv" } else { "json" };
    let response = api
        .post(PATH, &[("format", format)], &json!({ "sql": sql }))
        .await
        .context("running the statement")?;
    if options.csv {
        let is_truncated = response
            .headers()
            .get("x-truncated")
            .is_some_and(|value| value == "true");
        write_bytes(&response.bytes().await.context("reading the rows")?)?;
        if is_truncated {
            eprintln!("there are more rows than these; a limit or a condition selects others");
        }
        return Ok(());
    }
    let body = response.bytes().await.context("reading the rows")?;
    if options.json {
        write_bytes(&body)?;
        return line!("");
    }
    let answer: Answer = serde_json::from_slice(&body).context("reading the rows")?;
    line!("{}", text(&answer, options.rows, room()))?;
    eprintln!("{}", footer(&answer));
    Ok(())
}

fn text(answer: &Answer, as_rows: bool, room: Option<usize>) -> String {
    let names: Vec<String> = answer
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let rows: Vec<Vec<Option<String>>> = answer
        .results
        .iter()
        .map(|row| names.iter().map(|name| text_of(row.get(name)?)).collect())
        .collect();
    if as_rows {
        return records(&names, rows.iter().map(Vec::as_slice), 1, room);
    }
    let align = |column: usize| match answer
        .columns
        .get(column)
        .map(|column| column.kind.as_str())
    {
        Some("int2" | "int4" | "int8" | "float4" | "float8" | "numeric" | "oid") => Align::Right,
        _ => Align::Left,
    };
    results(&names, &rows, align, room)
}

fn footer(answer: &Answer) -> String {
    let mut text = match (answer.results.len(), answer.truncated) {
        (1, false) => "1 row".to_owned(),
        (count, false) => format!("{count} rows"),
        (count, true) => format!("the first {count} rows; there are more"),
    };
    if answer.cut_values > 0 {
        let _infallible = write!(text, "; {} long values are truncated", answer.cut_values);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(json: Value) -> Answer {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn rows_are_laid_out_in_the_order_of_the_columns() {
        let answer = answer(json!({
            "columns": [{"name": "type", "type": "text"}, {"name": "n", "type": "int8"}],
            "results": [{"n": 12, "type": "open"}, {"type": null, "n": 3}],
            "truncated": true, "cut_values": 2,
        }));

        assert_eq!(
            text(&answer, false, None),
            "type   n\n────  ──\nopen  12\nNULL   3"
        );
        assert!(text(&answer, true, None).starts_with("row 1"));
        assert_eq!(
            footer(&answer),
            "the first 2 rows; there are more; 2 long values are truncated"
        );
    }

    #[test]
    fn more_columns_than_fit_are_shown_row_by_row() {
        let columns: Vec<Value> = (0..20)
            .map(|n| json!({"name": format!("a_long_name_{n}"), "type": "text"}))
            .collect();
        let row: Map<String, Value> = (0..20)
            .map(|n| (format!("a_long_name_{n}"), json!("\u{1b}[2J")))
            .collect();
        let answer = answer(
            json!({"columns": columns, "results": [row], "truncated": false, "cut_values": 0}),
        );

        let text = text(&answer, false, Some(40));

        assert!(
            text.starts_with("row 1") && !text.contains('\u{1b}'),
            "{text}"
        );
    }
}
