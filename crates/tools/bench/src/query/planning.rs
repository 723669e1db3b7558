//! Planning times.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use event_query::{Bind, Statement};

use crate::psql::Psql;

/// The planning time of a prepared statement, once the connection has loaded the tables.
pub(crate) fn planning_ms(psql: &Psql, statement: &Statement) -> Result<f64> {
    let types: Vec<_> = statement.binds.iter().map(Bind::sql_type).collect();
    let values = statement
        .binds
        .iter()
        .map(literal)
        .collect::<Result<Vec<_>>>()?;
    let mut sql = format!(
        "set plan_cache_mode = force_custom_plan; prepare asked({}) as {};",
        types.join(", "),
        statement.sql
    );
    for _ in 0..5 {
        write!(
            sql,
            " explain (summary) execute asked({});",
            values.join(", ")
        )?;
    }
    let plans = psql.run(&sql)?;
    let last = plans
        .lines()
        .filter_map(|line| line.strip_prefix("Planning Time: ")?.strip_suffix(" ms"))
        .next_back();
    last.context("finding the planning time")?
        .parse()
        .context("reading the planning time")
}

fn literal(bind: &Bind) -> Result<String> {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    Ok(match bind {
        Bind::Text(text) => quoted(text),
        Bind::TextArray(texts) => {
            let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
            format!("array[{}]::text[]", texts.join(", "))
        }
        Bind::BigInt(number) => number.to_string(),
        Bind::Timestamp(time) => quoted(&time.to_string()),
        Bind::SmallIntArray(_) | Bind::IntArray(_) | Bind::Uuid(_) | Bind::UuidArray(_) => {
            anyhow::bail!("no search binds a {}", bind.sql_type())
        }
    })
}
