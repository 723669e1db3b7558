//! Queries of the lake from the console: named ones with parameters, statements, what they may not do, and a browser that runs one.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::client::{Client, Seen};
use crate::operator::cistern;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};

pub(super) const PATH: &str = "/console/product-events";

/// A funnel of events that no other test has: ten people saw, four put aside, one bought.
#[tokio::test]
async fn funnel_is_that_of_the_posted_events_and_of_the_command_line() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("console-funnel");
    let steps = ["seen", "carted", "bought"].map(|step| format!("{id} {step}"));
    let mut events = Vec::new();
    for (step, people) in steps.iter().zip([10_u32, 4, 1]) {
        let first = events.len();
        events.extend((0..people).zip(first..).map(|(person, place)| {
            json!({ "event": step, "userId": format!("{id}-{person}"), "dateTime": moment(place) })
        }));
    }
    // Nobody who bought without having seen.
    events.push(
        json!({ "event": steps[2], "userId": format!("{id}-stranger"), "dateTime": moment(0) }),
    );
    let status = stack.track(&[], serde_json::to_vec(&events)?).await?;
    ensure!(status == 204, "tracking is answered {status}");
    let client = Client::signed_in(&stack).await?;
    let fields = [
        ("query", "funnel"),
        ("first", steps[0].as_str()),
        ("second", &steps[1]),
        ("third", &steps[2]),
        ("days", "3"),
    ];

    let found = eventually("the funnel to have all steps", ARRIVAL, async || {
        let seen = ended(&client, &fields).await?;
        Ok(seen
            .body
            .contains("<td class=\"num\">10</td>")
            .then_some(seen))
    })
    .await?;

    for share in ["40.0 %", "10.0 %", "25.0 %"] {
        ensure!(found.body.contains(share), "{share}: {}", found.body);
    }
    let settings: Vec<String> = fields[1..]
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut arguments = vec!["query", "--named", "funnel"];
    for setting in &settings {
        arguments.extend(["--set", setting]);
    }
    let answer = cistern(&arguments).await?;
    let counts: Vec<&str> = answer["rows"]
        .as_array()
        .context("rows")?
        .iter()
        .filter_map(|row| row[2].as_str())
        .collect();
    ensure!(counts == ["10", "4", "1"], "{answer}");
    Ok(())
}

/// The key of searches is no way to this machine's files, and no way to write.
#[tokio::test]
async fn statements_read_the_lake_and_nothing_else() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let client = Client::signed_in(&stack).await?;
    let stack_json = std::env::var("CISTERN_STACK_JSON").context("`make test` sets it")?;

    let counted = ended(
        &client,
        &[("query", "sql"), ("sql", "select 6 * 7 as answer;")],
    )
    .await?;
    ensure!(
        counted.body.contains("<bdi>42</bdi>") && counted.body.contains("1 row"),
        "{}",
        counted.body
    );
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("written.csv");
    let read_file = format!("select * from read_text('{stack_json}')");
    let write_file = format!("copy (select 1) to '{}'", file.display());
    for (sql, words) in [
        (read_file.as_str(), "disabled by configuration"),
        (write_file.as_str(), "only a select"),
        ("set enable_external_access = true", "only a select"),
        ("select 1; select 2", "one statement is expected"),
        ("select nothing from product_events", "nothing"),
    ] {
        let seen = ended(&client, &[("query", "sql"), ("sql", sql)]).await?;
        ensure!(
            seen.body.contains("Athena has no result") && seen.body.contains(words),
            "{sql}: {}",
            seen.body
        );
    }
    ensure!(!file.exists());
    Ok(())
}

/// Runs a query, and looks again until it has ended.
async fn ended(client: &Client, fields: &[(&str, &str)]) -> Result<Seen> {
    let posted = client.post_form(PATH, fields).await?;
    ensure!(posted.status == 303, "{}: {}", posted.status, posted.body);
    eventually("a query to end", ARRIVAL, async || {
        let seen = client.get(&posted.location).await?;
        ensure!(seen.status == 200, "{}: {}", seen.status, seen.body);
        Ok((!seen.body.contains("Still running")).then_some(seen))
    })
    .await
}

/// Moments of today and yesterday, one after the other.
fn moment(place: usize) -> String {
    let seconds = i64::try_from(place).unwrap_or(0);
    let time = OffsetDateTime::now_utc() - Duration::hours(2) + Duration::seconds(seconds);
    let (date, clock) = (time.date(), time.time());
    format!(
        "{date} {:02}:{:02}:{:02}",
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}
