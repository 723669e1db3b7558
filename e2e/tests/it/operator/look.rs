//! The commands that show what is stored: `events`, `rejected`, `sql`, `status`, `logs` and `open`.

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::{cistern, data_dir, program};
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id, repository_root};

pub(super) fn command(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(program()?);
    command
        .args(arguments)
        .arg("--data-dir")
        .arg(data_dir()?)
        .current_dir(repository_root())
        .kill_on_drop(true);
    Ok(command)
}

async fn text(arguments: &[&str]) -> Result<String> {
    let output = command(arguments)?.output().await?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout).context("the output is UTF-8")
}

/// The lines of JSON that a command prints.
async fn lines(arguments: &[&str]) -> Result<Vec<Value>> {
    let text = text(arguments).await?;
    let parse = |line: &str| serde_json::from_str(line).with_context(|| line.to_owned());
    text.lines().map(parse).collect()
}

/// Deliveries of now to one recipient, with numbered ids.
fn deliveries(id: &str, numbers: std::ops::Range<u32>) -> Vec<u8> {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let events: Vec<String> = numbers
        .map(|number| {
            format!(
                r#"{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}-{number}","timestamp":"{now}","rcpt_to":"{id}@example.com","subject":"=1+1, \"{number}\"\nnew"}}}}}}"#
            )
        })
        .collect();
    format!("[{}]", events.join(",")).into_bytes()
}

#[tokio::test]
async fn events_are_found_by_flags_as_lines_and_as_a_file_of_all_pages() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("look");
    stack.deliver(&id, deliveries(&id, 0..25)).await?;
    let recipient = format!("{id}@example.com");
    let search = ["events", "--recipient", &recipient, "--type", "delivery"];

    let found = lines(&[&search[..], &["--json", "--limit", "20"]].concat()).await?;
    let file = tempfile::tempdir()?.path().join("events.csv");
    std::fs::create_dir_all(file.parent().context("a folder")?)?;
    let path = file.to_str().context("a path")?;
    text(
        &[
            &search[..],
            &["--csv", path, "--columns", "event_id,subject"],
        ]
        .concat(),
    )
    .await?;
    let table = text(&[&search[..], &["--limit", "3"]].concat()).await?;
    let nothing = text(&["events", "--recipient", &recipient, "--type", "click"]).await?;

    let ids: HashSet<&str> = found
        .iter()
        .filter_map(|event| event["event_id"].as_str())
        .collect();
    ensure!(ids.len() == 20, "{} of the newest twenty", ids.len());
    let csv = std::fs::read_to_string(&file)?;
    let rows = csv.matches(&format!("{id}-")).count();
    ensure!(
        csv.starts_with("event_id,subject\r\n") && rows == 25,
        "{csv}"
    );
    ensure!(
        table.lines().count() == 5 && table.contains("delivery"),
        "{table}"
    );
    ensure!(nothing.is_empty(), "{nothing}");
    Ok(())
}

/// Batches that arrive while a search is followed, one of them twice.
#[tokio::test]
async fn followed_events_are_printed_once_each() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("follow");
    let recipient = format!("{id}@example.com");
    let mut follow = command(&[
        "events",
        "--recipient",
        &recipient,
        "--follow",
        "--json",
        "--since",
        "5m",
    ])?
    .stdout(Stdio::piped())
    .spawn()?;
    let mut printed = BufReader::new(follow.stdout.take().context("a pipe")?).lines();

    let first = deliveries(&id, 0..3);
    stack.deliver(&id, first.clone()).await?;
    let again = fresh_id("follow-again");
    stack.deliver(&again, first).await?;
    let later = fresh_id("follow-later");
    stack.deliver(&later, deliveries(&id, 3..6)).await?;

    let mut ids = Vec::new();
    let last = format!("{id}-5");
    let all = async {
        while ids.len() < 6 || !ids.contains(&last) {
            let line = printed.next_line().await?.context("it goes on")?;
            let event: Value = serde_json::from_str(&line)?;
            ids.push(event["event_id"].as_str().context("an id")?.to_owned());
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(ARRIVAL, all)
        .await
        .context("not all arrived")??;

    let distinct: HashSet<&String> = ids.iter().collect();
    ensure!(ids.len() == 6 && distinct.len() == 6, "{ids:?}");
    Ok(())
}

#[tokio::test]
async fn rejected_item_is_listed_and_shown_and_counted() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("spoiled");
    let body = format!(
        r#"[{{"msys":{{"message_event":{{"type":"bounce","event_id":"{id}","timestamp":"{id}-when","rcpt_to":"a@b.example"}}}}}}]"#
    );
    stack.deliver(&id, body.into_bytes()).await?;

    let listed = lines(&[
        "rejected",
        "list",
        "--reason",
        &format!("{id}-when"),
        "--pipeline",
        "email_events",
        "--json",
    ])
    .await?;
    let one = listed
        .iter()
        .find(|item| item["store"] == "postgres")
        .context("the loader's rejection is listed")?;
    let item_id = one["id"].as_str().context("an id")?;
    let shown = text(&["rejected", "show", item_id]).await?;
    let status = cistern(&["status", "--since", "1h"]).await?;

    ensure!(
        shown.contains(&format!("\"event_id\": \"{id}\"")),
        "{shown}"
    );
    ensure!(
        shown.contains("send the corrected event again") && shown.contains("rejected retry"),
        "{shown}"
    );
    let email = &status["pipelines"][0];
    ensure!(email["pipeline"] == "email_events", "{email}");
    ensure!(
        email["open_items"].as_u64() > Some(0) && email["last_rejected_at"].is_string(),
        "{email}"
    );
    let counts = &email["counts"];
    let count = |name: &str| {
        counts[name]
            .as_u64()
            .with_context(|| format!("{name} in {counts}"))
    };
    ensure!(
        count("received")?
            == count("stored")? + count("duplicate")? + count("rejected")? + count("erased")?,
        "{counts}"
    );
    Ok(())
}

#[tokio::test]
async fn one_statement_is_run_in_the_database_and_others_are_refused() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("sql");
    stack.deliver(&id, deliveries(&id, 0..4)).await?;
    let counted =
        format!("select count(*) as n from email_events where rcpt_to = '{id}@example.com'");

    let answer = cistern(&["sql", &counted]).await?;
    let csv = text(&["sql", &counted, "--csv"]).await?;
    let refused = command(&["sql", "delete from email_events"])?
        .output()
        .await?;

    ensure!(answer["results"][0]["n"] == 4, "{answer}");
    ensure!(csv == "n\r\n4\r\n", "{csv:?}");
    ensure!(refused.status.code() == Some(1), "{}", refused.status);
    Ok(())
}

#[tokio::test]
async fn log_of_a_function_shows_its_work() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("logs");
    let accounts = stack.deliver(&id, deliveries(&id, 0..1)).await?;

    eventually("the loader's line about the batch", ARRIVAL, async || {
        let lines = lines(&["logs", "loader", "--json"]).await?;
        let is_there = lines.iter().any(|line| {
            line["function"] == "loader" && line.to_string().contains(&accounts.batch_key)
        });
        Ok(is_there.then_some(()))
    })
    .await?;

    let unknown = command(&["logs", "nobody"])?.output().await?;
    ensure!(
        String::from_utf8_lossy(&unknown.stderr).contains("loader"),
        "it names those that there are"
    );
    Ok(())
}

/// With a browser that notes what it is asked to open.
#[tokio::test]
async fn console_is_opened_with_a_session_and_without_the_key() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let folder = tempfile::tempdir()?;
    let (browser, asked) = (folder.path().join("browser"), folder.path().join("asked"));
    std::fs::write(
        &browser,
        format!(
            "#!/bin/sh\nprintf %s \"$1\" > {0}.new && mv {0}.new {0}\n",
            asked.display()
        ),
    )?;
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o700))?;
    let opening = command(&["open"])?.env("BROWSER", &browser).spawn()?;

    let link = eventually("the browser to be started", ARRIVAL, async || {
        Ok(std::fs::read_to_string(&asked).ok())
    })
    .await?;
    let file = link.strip_prefix("file://").context("a file")?;
    let page = std::fs::read_to_string(file)?;
    let mode = std::fs::metadata(file)?.permissions().mode() & 0o777;
    let handover = address_in(&page)?;
    let given = stack.http.get(&handover).send().await?;
    let cookie = given
        .headers()
        .get_all("set-cookie")
        .iter()
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .collect::<Vec<_>>()
        .join("; ");
    let console = address_in(&given.text().await?)?;
    let overview = stack
        .http
        .get(&console)
        .header("cookie", &cookie)
        .send()
        .await?;
    let outcome = opening.wait_with_output().await?;

    ensure!(mode == 0o600, "{mode:o}");
    ensure!(overview.status() == 200, "{}", overview.status());
    ensure!(
        stack.http.get(&console).send().await?.status() == 403,
        "without the session it asks for the key"
    );
    let key = &stack.file.keys.query;
    ensure!(
        !link.contains(key.as_str())
            && !page.contains(key.as_str())
            && !handover.contains(key.as_str())
    );
    ensure!(outcome.status.success(), "{}", outcome.status);
    ensure!(
        stack.http.get(&handover).send().await.is_err(),
        "it is served once"
    );
    ensure!(!std::path::Path::new(file).exists(), "the link is gone");
    Ok(())
}

/// The address to which a page leads on.
fn address_in(page: &str) -> Result<String> {
    let (_, rest) = page.split_once("url=").context("the page leads on")?;
    let (address, _) = rest.split_once('"').context("the page leads on")?;
    Ok(address.to_owned())
}

#[tokio::test]
async fn retried_items_are_stored_once_and_settled_ones_stay_settled() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let id = fresh_id("retried");
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let event = |event_id: &str, timestamp: &str| {
        format!(
            r#"{{"msys":{{"message_event":{{"type":"bounce","event_id":"{event_id}","timestamp":"{timestamp}","rcpt_to":"{id}@b.example"}}}}}}"#
        )
    };
    // Two broken ones, and one that an earlier version would have rejected: it is put among the rejected rows by hand.
    let fixed = format!("{id}-fixed");
    let body = format!(
        "[{},{},{}]",
        event(&format!("{id}-a"), &format!("{id}-when")),
        event(&format!("{id}-b"), &format!("{id}-when")),
        event(&fixed, &now.to_string()),
    );
    let batch = stack.deliver(&id, body.into_bytes()).await?.batch_key;
    sqlx::query("delete from email_events where event->>'event_id' = $1")
        .bind(&fixed)
        .execute(&stack.db)
        .await?;
    sqlx::query("insert into email_events_rejected (batch_key, ordinal, reason, raw) values ($1, 2, $2, 'x')")
        .bind(&batch)
        .bind(format!("an old version did not know {id}-when"))
        .execute(&stack.db)
        .await?;
    let reason = format!("{id}-when");
    let choice = ["--reason", reason.as_str(), "--pipeline", "email_events"];
    let open = async || lines(&[&["rejected", "list", "--json"][..], &choice].concat()).await;
    ensure!(rows(&open().await?) == 3);

    let dry = cistern(&[&["rejected", "retry"][..], &choice].concat()).await?;
    ensure!(
        dry["done"].as_u64() >= Some(3) && dry["impossible"] == 0,
        "{dry}"
    );
    ensure!(dry["dry_run"] == true && rows(&open().await?) == 3, "{dry}");
    let retried = cistern(&[&["rejected", "retry", "--run"][..], &choice].concat()).await?;
    ensure!(retried["impossible"] == 0, "{retried}");

    // The one is stored, and the two others are rejected again, as other items.
    eventually("the fixed event to be stored", ARRIVAL, async || {
        let stored: i64 =
            sqlx::query_scalar("select count(*) from email_events where event->>'event_id' = $1")
                .bind(&fixed)
                .fetch_one(&stack.db)
                .await?;
        Ok((stored == 1).then_some(()))
    })
    .await?;
    let again = open().await?;
    let of_retry = |item: &&Value| {
        item["batch_key"]
            .as_str()
            .is_some_and(|key| key.starts_with("retry-"))
    };
    ensure!(
        rows(&again) == 2 && again.iter().filter(of_retry).count() == 2,
        "{again:?}"
    );

    let settled = cistern(
        &[
            &["rejected", "settle", "--run", "--note", "a test"][..],
            &choice,
        ]
        .concat(),
    )
    .await?;
    ensure!(settled["done"].as_u64() >= Some(2), "{settled}");
    ensure!(open().await?.is_empty());
    let all = lines(
        &[
            &["rejected", "list", "--json", "--status", "settled"][..],
            &choice,
        ]
        .concat(),
    )
    .await?;
    ensure!(all.iter().all(|item| item["note"] == "a test"), "{all:?}");
    Ok(())
}

/// How many items are rows of Postgres: the archiver's lines come at a time of their own.
fn rows(items: &[Value]) -> usize {
    items
        .iter()
        .filter(|item| item["store"] == "postgres")
        .count()
}
