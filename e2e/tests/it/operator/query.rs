//! `cistern generate track` and `cistern query`.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use lake_schema::{Table, queries::with_view};
use serde_json::Value;
use time::OffsetDateTime;

use super::{cistern, cistern_in_aws};
use crate::lake::ensure_each_once;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};

const COUNT: &str = "select count(*) as n from product_events where event = 'LOGIN'";

/// From the generator to a result: `DuckDB` and Athena find the posted events, and report the cost.
#[tokio::test]
async fn generated_events_are_found_by_both_engines_with_their_price() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let before = count(&cistern(&["query", COUNT]).await?);
    let seed = OffsetDateTime::now_utc().unix_timestamp().to_string();

    let generated = cistern(&["generate", "track", "--count", "300", "--seed", &seed]).await?;

    ensure!(
        generated["refused"] == 0 && generated["batches"] == 3,
        "{generated}"
    );
    let answer = eventually("300 events to be in the lake", ARRIVAL, async || {
        let answer = cistern(&["query", COUNT]).await?;
        Ok((count(&answer) >= before + 300).then_some(answer))
    })
    .await?;
    ensure!(answer["engine"] == "duckdb", "{answer}");
    ensure!(answer["scanned_bytes"].as_u64() > Some(0), "{answer}");
    ensure!(answer["usd"].as_f64() > Some(0.0), "{answer}");

    // The emulator does not support views.
    let sql = with_view(&Table::product_events(), COUNT);
    let by_name = cistern_in_aws(&stack.file.aws_endpoint_url, &["query", &sql]).await?;
    ensure!(by_name["engine"] == "athena", "{by_name}");
    ensure!(count(&by_name) >= before + 300, "{by_name}");
    Ok(())
}

/// A finished month is one file in addition to its days, and both engines find the same events in it.
#[tokio::test]
async fn closed_months_hold_what_their_days_hold() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let label = fresh_id("month");
    let days = ["2026-02-03", "2026-02-28"];
    let mut ids = BTreeSet::new();
    for day in days {
        let id = format!("{label}-{day}");
        let event = format!(r#"{{"event":"e2e","eventId":"{id}","dateTime":"{day} 10:00:00"}}"#);
        let key = format!("raw/track/dt={day}/hour=10/{label}");
        stack.put_raw(&key, event.into_bytes()).await?;
        ids.insert(id);
    }
    stack.all_arrived(&label, &ids).await?;
    stack.archived(ARRIVAL).await?;

    // First the days; then the month is due.
    for _ in 0..2 {
        let looks = async || ensure_each_once(&stack.seen(&label).await?, &ids);
        stack.close_days(looks).await?;
    }

    let files = stack
        .keys_under("lake/product_events_months/month=2026-02/")
        .await?;
    ensure!(files.len() == 1, "{files:?}");
    let of_day = |month: &str, day: &str| {
        format!(
            "select count(*) as n from product_events_months \
             where month = '{month}' and dt = '{day}' and eventid like '{label}%'"
        )
    };
    for (month, day, expected) in [
        ("2026-02", days[0], 1),
        ("2026-02", days[1], 1),
        ("2026-02", "2026-02-04", 0),
        ("2026-03", days[0], 0),
    ] {
        let sql = of_day(month, day);
        let answer = cistern(&["query", &sql]).await?;
        ensure!(count(&answer) == expected, "{month} {day}: {answer}");
        let sql = with_view(&Table::product_events().monthly_copies(), &sql);
        let by_name = cistern_in_aws(&stack.file.aws_endpoint_url, &["query", &sql]).await?;
        ensure!(count(&by_name) == expected, "{month} {day}: {by_name}");
    }
    // App events have no month yet.
    let sql = "select count(*) as n from app_events_months where month = '1999-01'";
    ensure!(count(&cistern(&["query", sql]).await?) == 0);
    Ok(())
}

#[tokio::test]
async fn wrong_sql_is_told_in_the_engines_own_words_in_one_line() -> Result<()> {
    let (_stack, _weather) = Stack::shared().await?;
    for (sql, word) in [
        ("select nothing from nowhere", "nowhere"),
        ("select nothing from product_events", "nothing"),
        ("selct 1", "selct"),
        ("select event from product_events where", "syntax error"),
        ("select 1; select 2", "one statement"),
        ("select cast('no number' as integer)", "no number"),
        (
            "select * from read_csv('/nowhere/at/all')",
            "/nowhere/at/all",
        ),
    ] {
        let error = cistern(&["query", sql]).await.unwrap_err().to_string();

        let lines = error.lines().filter(|line| line.contains("error: "));
        ensure!(lines.count() == 1, "{sql}: {error}");
        ensure!(error.contains(word), "{sql}: {error}");
        ensure!(!error.contains("Traceback"), "{sql}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn statements_that_read_no_rows_are_answered() -> Result<()> {
    let (_stack, _weather) = Stack::shared().await?;
    for (sql, column) in [
        ("describe email_events", "column_name"),
        ("explain select * from product_events", "explain_value"),
        (
            "explain analyze select count(*) from product_events",
            "explain_value",
        ),
        ("show tables", "name"),
        ("with numbers as (select 1 as n) select n from numbers", "n"),
        (
            "with logins as (select * from product_events) select count(*) as n from logins",
            "n",
        ),
        ("/* a remark */ select 1 as n;\n-- another", "n"),
        ("from range(3)", "range"),
        ("summarize product_events", "approx_unique"),
    ] {
        let answer = cistern(&["query", sql]).await?;

        let columns: Vec<&str> = answer["columns"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        ensure!(columns.contains(&column), "{sql}: {answer}");
        ensure!(answer["rows"][0][0].is_string(), "{sql}: {answer}");
    }
    Ok(())
}

/// After two seconds `DuckDB` would show a progress bar.
#[tokio::test]
async fn a_query_that_takes_its_time_is_answered_like_any_other() -> Result<()> {
    let (_stack, _weather) = Stack::shared().await?;
    let mut products = 500_000_000_u64;
    loop {
        let sql = format!(
            "select count(*) as n from range({}) a, range(10000) b where hash(a.range + b.range) = 0",
            products / 10_000
        );
        let answer = cistern(&["query", &sql]).await?;

        ensure!(answer["rows"][0][0].is_string(), "{answer}");
        // On a faster machine it needs more to do.
        if answer["seconds"].as_f64() > Some(5.0) {
            return Ok(());
        }
        products *= 3;
    }
}

fn count(answer: &Value) -> u64 {
    let cell = answer["rows"][0][0].as_str();
    cell.and_then(|text| text.parse().ok()).unwrap_or(0)
}
