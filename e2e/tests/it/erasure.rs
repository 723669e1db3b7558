//! One person erased from the deployed stack: nothing of her remains in any form, and everybody else stays.

mod deep;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::MultiGzDecoder;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::function::Function;
use crate::operator::command;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id, gzip};

/// A person and others, whose names no other test has.
struct People {
    label: String,
    /// No older object has their names.
    since: OffsetDateTime,
}

impl People {
    fn new() -> Self {
        Self {
            label: fresh_id("erase").to_lowercase(),
            since: OffsetDateTime::now_utc(),
        }
    }

    fn jane(&self) -> String {
        format!("jane.{}@erase.example", self.label)
    }

    fn bob(&self) -> String {
        format!("bob.{}@erase.example", self.label)
    }

    fn user(&self) -> String {
        format!("user-jane-{}", self.label)
    }

    /// The names in all forms that a text may have them in, in lower case where case does not matter.
    fn forms(&self) -> Vec<String> {
        let names = [self.jane(), self.user()];
        let encoded = names.iter().map(|name| {
            STANDARD
                .encode(name)
                .trim_end_matches('=')
                .to_owned()
                .to_lowercase()
        });
        let in_links = [self.jane().replace('@', "%40")];
        names
            .iter()
            .cloned()
            .chain(encoded)
            .chain(in_links)
            .collect()
    }
}

fn email(id: &str, address: &str, time: &Value) -> Value {
    json!({"msys": {"message_event": {"type": "delivery", "event_id": id, "timestamp": time, "rcpt_to": address,
        "subject": "hello"}}})
}

/// The text of an object: expanded, and of Parquet its rows.
fn text_of(key: &str, bytes: Vec<u8>) -> Result<String> {
    if key.ends_with(".parquet") {
        let file = SerializedFileReader::new(bytes::Bytes::from(bytes))?;
        let mut text = String::new();
        for row in file.get_row_iter(None)? {
            text.push_str(&row?.to_string());
            text.push('\n');
        }
        return Ok(text);
    }
    let mut expanded = Vec::new();
    if bytes.starts_with(b"\x1f\x8b") {
        // What of a damaged object can be read counts.
        let _partly = MultiGzDecoder::new(&bytes[..]).read_to_end(&mut expanded);
    } else {
        expanded = bytes;
    }
    Ok(String::from_utf8_lossy(&expanded).into_owned())
}

/// Where one of the forms of the person's names is: the folders of objects, and tables.
async fn places(stack: &Stack, people: &People) -> Result<BTreeSet<String>> {
    let forms = people.forms();
    let mut found = BTreeSet::new();
    for prefix in [
        "raw/",
        "rejected/",
        "unverified/",
        "athena/",
        "lake/",
        "state/",
    ] {
        for key in stack.keys_since(prefix, people.since).await? {
            let Ok(bytes) = stack.object(&key).await else {
                continue;
            };
            let text = text_of(&key, bytes).unwrap_or_default().to_lowercase();
            if forms.iter().any(|form| text.contains(form)) {
                let place = key.split('/').take(2).collect::<Vec<_>>().join("/");
                found.insert(place);
            }
        }
    }
    for form in &forms {
        let pattern = format!("%{form}%");
        let rows: i64 = sqlx::query_scalar(
            "select count(*) from email_events where event::text ilike $1 or rcpt_to ilike $1",
        )
        .bind(&pattern)
        .fetch_one(&stack.db)
        .await?;
        let rejected: i64 = sqlx::query_scalar(
            "select count(*) from email_events_rejected where encode(raw, 'escape') ilike $1",
        )
        .bind(&pattern)
        .fetch_one(&stack.db)
        .await?;
        if rows > 0 {
            found.insert("email_events".to_owned());
        }
        if rejected > 0 {
            found.insert("email_events_rejected".to_owned());
        }
    }
    Ok(found)
}

/// What is kept of the others: rows of Postgres, and of the lake by table.
async fn others(stack: &Stack, people: &People) -> Result<BTreeMap<String, Vec<String>>> {
    let pattern = format!("%bob.{}%", people.label);
    let mut kept = BTreeMap::new();
    let rows: Vec<String> = sqlx::query_scalar(
        "select md5(email_events::text) from email_events where event::text ilike $1 order by 1",
    )
    .bind(&pattern)
    .fetch_all(&stack.db)
    .await?;
    kept.insert("email_events".to_owned(), rows);
    let bob = people.bob();
    for key in stack.keys_since("lake/", people.since).await? {
        let text = text_of(&key, stack.object(&key).await?)?;
        let rows = text.lines().filter(|row| row.contains(&bob));
        let rows: Vec<String> = rows.map(str::to_owned).collect();
        if !rows.is_empty() {
            let table = key.split('/').nth(1).unwrap_or_default().to_owned();
            let of_table: &mut Vec<String> = kept.entry(table).or_default();
            of_table.extend(rows);
            of_table.sort();
        }
    }
    Ok(kept)
}

/// Sends events of both people through all pipelines, also such as are rejected.
async fn send(stack: &Stack, people: &People) -> Result<()> {
    let now = json!(OffsetDateTime::now_utc().unix_timestamp());
    let (jane, bob, label) = (people.jane(), people.bob(), &people.label);
    let batch = json!([
        email(&format!("{label}-1"), &jane.to_uppercase(), &now),
        email(&format!("{label}-2"), &bob, &now),
        email(&format!("{label}-3"), &jane, &json!("soon")),
        email(&format!("{label}-4"), &bob, &json!("soon")),
    ]);
    let accounts = stack.deliver(label, batch.to_string().into_bytes()).await?;
    ensure!(accounts.sum() == (4, 2, 2), "{accounts:?}");

    let product = |user: &str, id: &str| {
        json!({"event": "view", "userId": user, "eventId": id, "dateTime": "2026-01-02 10:00:00"})
            .to_string()
    };
    let lines = [
        product(&people.user(), &format!("{label}-p1")),
        product(&bob, &format!("{label}-p2")),
        product(&jane, &format!("{label}-p3")),
    ];
    let key = format!("raw/track/dt=2026-01-02/hour=10/{label}.gz");
    stack
        .put_raw(&key, gzip(lines.join("\n").as_bytes())?)
        .await?;

    send_app_events(stack, people).await?;
    // Lines of both people, as the archiver writes them.
    let line = |address: &str| {
        let item = email("x", address, &json!("soon")).to_string();
        json!({"reason": "not_json", "detail": "", "item": item}).to_string()
    };
    let key = format!("rejected/email_events/dt=2026-01-02/{label}.ndjson");
    let lines = format!("{}\n{}\n", line(&jane), line(&bob));
    stack.put_raw(&key, lines.into_bytes()).await?;
    let result = format!("\"rcpt_to\"\n\"{jane}\"\n");
    stack
        .put_raw(&format!("athena/{label}.csv"), result.into_bytes())
        .await?;
    stack.archived(ARRIVAL).await
}

/// An archived message of each person, and the forwarder's line about its event: it has the event without the batch, which names the user.
async fn send_app_events(stack: &Stack, people: &People) -> Result<()> {
    let label = &people.label;
    let key = format!("raw/mparticle/dt=2026-01-02/hour=10/{label}.ndjson.gz");
    let (mut messages, mut lines) = (Vec::new(), Vec::new());
    for (number, address) in [people.jane(), people.bob()].into_iter().enumerate() {
        let id = format!("{label}-a{number}");
        let event = json!({"event_type": "screen_view", "data": {"screen_name": "home", "source_message_id": id,
            "timestamp_unixtime_ms": 1_767_348_000_000_i64, "custom_attributes": {"login": address}}});
        let body = json!({"mpid": 7, "user_identities": {"email": address}, "events": [event]});
        let message =
            json!({"messageId": id, "sentAt": "2026-01-02T10:00:00Z", "body": body.to_string()});
        let line = json!({"reason": "no_event_name", "detail": "", "source_key": key, "message_id": id, "ordinal": 0,
            "item": event.to_string()});
        messages.push(message.to_string());
        lines.push(line.to_string());
    }
    let messages = messages.join("\n");
    stack.put_raw(&key, gzip(messages.as_bytes())?).await?;
    let key = format!("rejected/app_events/dt=2026-01-02/{label}.ndjson");
    stack.put_raw(&key, lines.join("\n").into_bytes()).await
}

/// Runs `cistern erase`; the exit code and the printed receipt.
async fn erase(arguments: &[&str]) -> Result<(i32, Value)> {
    let output = command(&[&["erase"], arguments].concat())?.output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let receipt = serde_json::from_str(&text)
        .with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((output.status.code().unwrap_or(-1), receipt))
}

/// Sets one variable of a function, which starts again and reads the list of erased people again.
async fn restart(stack: &Stack, function: &str, name: &str, value: &str) -> Result<()> {
    let function = Function::named(stack, function)?;
    let mut environment = function.environment().await?;
    environment[name] = json!(value);
    function.set_environment(&environment).await
}

#[tokio::test]
async fn one_person_is_erased_everywhere_and_everybody_else_stays() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let people = People::new();
    let (jane, user, label) = (people.jane(), people.user(), &people.label);
    let who = ["--recipient", jane.as_str(), "--user", user.as_str()];
    send(&stack, &people).await?;
    // First the days of January are closed, then the month is due.
    for _ in 0..2 {
        stack.close_days(async || Ok(())).await?;
    }
    let all: BTreeSet<String> = [
        "athena",
        "email_events",
        "email_events_rejected",
        "lake/app_events",
        "lake/app_events_months",
        "lake/email_events",
        "lake/product_events",
        "lake/product_events_months",
        "raw/mparticle",
        "raw/sparkpost",
        "raw/track",
        "rejected/app_events",
        "rejected/email_events",
    ]
    .map(str::to_owned)
    .into();
    let before = eventually("the person to be everywhere", ARRIVAL, async || {
        let mut found = places(&stack, &people).await?;
        if found.remove(&format!("athena/{label}.csv")) {
            found.insert("athena".to_owned());
        }
        ensure!(found == all, "{found:?}");
        Ok(Some(found))
    })
    .await?;
    let kept = others(&stack, &people).await?;
    restart(&stack, "eraser", "WAIT_SECONDS", "0").await?;

    let (_, searched) = erase(&who).await?;
    let after_search = places(&stack, &people).await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("receipt.json");
    let file = file.to_str().context("a path")?;
    let run = [&who[..], &["--run", "--yes", "--receipt", file]].concat();
    let (_, receipt) = erase(&run).await?;
    let left = places(&stack, &people).await?;

    ensure!(searched["receipt"]["is_dry_run"] == true, "{searched}");
    ensure!(after_search.len() >= before.len(), "{after_search:?}");
    ensure!(left.is_empty(), "{left:?}: {receipt}");
    ensure!(others(&stack, &people).await? == kept, "{kept:?}");
    let passes = receipt["receipt"]["passes"].as_array().context("passes")?;
    ensure!(passes.len() >= 2, "{receipt}");
    let problems = passes.last().map(|pass| pass["problems"].to_string());
    let problems = problems.unwrap_or_default();
    ensure!(
        !problems.contains(label) && !problems.contains("_months/"),
        "{receipt}"
    );

    late_events_are_left_out_and_counted(&stack, &people).await?;
    let left = places(&stack, &people).await?;
    ensure!(left.is_empty(), "{left:?} after late events");
    let verify = [&["verify", file], &who[..]].concat();
    let (_, verified) = erase(&verify).await?;
    let found = verified["receipt"]["passes"][0]["counts"].as_object();
    let found = found
        .into_iter()
        .flatten()
        .filter_map(|(_, count)| count["found"].as_u64());
    ensure!(found.sum::<u64>() == 0, "{verified}");
    restart(&stack, "eraser", "WAIT_SECONDS", "1020").await
}

/// The person's events arrive again, and an object of before is processed again.
async fn late_events_are_left_out_and_counted(stack: &Stack, people: &People) -> Result<()> {
    let label = &people.label;
    restart(stack, "loader", "ERASED", label).await?;
    restart(stack, "archiver", "ERASED", label).await?;
    let now = json!(OffsetDateTime::now_utc().unix_timestamp());
    let batch = json!([
        email(&format!("{label}-5"), &people.jane(), &now),
        email(&format!("{label}-6"), &people.bob(), &now),
        email(&format!("{label}-7"), &people.jane(), &json!("soon")),
    ]);
    let late = format!("{label}-late");
    let accounts = stack.deliver(&late, batch.to_string().into_bytes()).await?;
    let erased: i32 = sqlx::query_scalar("select erased from batches where batch_key = $1")
        .bind(&accounts.batch_key)
        .fetch_one(&stack.db)
        .await?;
    ensure!(
        (accounts.sum(), erased) == ((3, 1, 0), 2),
        "{accounts:?} {erased}"
    );
    stack.archived(ARRIVAL).await?;
    // The schedule's invocation removes them from the raw object.
    Function::named(stack, "eraser")?
        .tick()
        .await?
        .context("the eraser failed")?;

    // A replay of what was erased changes nothing.
    sqlx::query("delete from batches where batch_key like $1 || '-%'")
        .bind(label)
        .execute(&stack.db)
        .await?;
    for key in stack.keys_under("raw/").await? {
        if key.contains(label.as_str()) {
            let bytes = stack.object(&key).await?;
            stack.put_raw(&key, bytes).await?;
        }
    }
    stack.accounts_of(label).await?;
    stack.archived(ARRIVAL).await
}
