//! `cistern generate track` and `cistern query`.

use anyhow::{Result, ensure};
use lake_schema::{Table, queries::with_view};
use serde_json::Value;
use time::OffsetDateTime;

use super::{cistern, cistern_in_aws};
use crate::stack::{ARRIVAL, Stack, eventually};

const COUNT: &str = "select count(*) as n from events where event = 'LOGIN'";

/// From the generator to an answer: `DuckDB` and Athena find what was posted, and say what that costs.
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

    // The emulator knows no views.
    let sql = with_view(&Table::events(), COUNT);
    let by_name = cistern_in_aws(&stack.file.aws_endpoint_url, &["query", &sql]).await?;
    ensure!(by_name["engine"] == "athena", "{by_name}");
    ensure!(count(&by_name) >= before + 300, "{by_name}");
    Ok(())
}

#[tokio::test]
async fn wrong_sql_is_told_in_the_engines_own_words() -> Result<()> {
    let (_stack, _weather) = Stack::shared().await?;

    let error = cistern(&["query", "select nothing from nowhere"])
        .await
        .unwrap_err();

    ensure!(error.to_string().contains("nowhere"), "{error}");
    Ok(())
}

fn count(answer: &Value) -> u64 {
    let cell = answer["rows"][0][0].as_str();
    cell.and_then(|text| text.parse().ok()).unwrap_or(0)
}
