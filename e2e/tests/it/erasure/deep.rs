//! One person who has no item of her own and is in the items of somebody else.

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{People, erase, others, places, restart};
use crate::operator::command;
use crate::stack::{ARRIVAL, Stack, eventually, gzip};

/// What Bob has in Postgres: the ids of his events, with what they are.
async fn events_of_bob(stack: &Stack, people: &People) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query_as(
        "select event->>'event_id', md5(email_events::text) from email_events where event::text ilike $1 order by 1",
    )
    .bind(format!("%bob.{}%", people.label));
    Ok(rows.fetch_all(&stack.db).await?)
}

/// Bob's emails: the first is his alone, all others have Jane's name in another place.
fn emails(people: &People) -> Value {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let (jane, bob, label) = (people.jane(), people.bob(), &people.label);
    let encoded = URL_SAFE_NO_PAD.encode(&jane);
    let places = [
        json!({}),
        json!({"subject": format!("{} wrote to you", jane.to_uppercase())}),
        json!({"target_link_url": format!("https://y.example/?u={}", jane.replace('@', "%40"))}),
        json!({"target_link_url": format!("https://y.example/{encoded}")}),
        json!({"friendly_from": format!("\"{jane}\" <shop@y.example>")}),
        json!({"rcpt_to": format!("\"{jane}\" <{bob}>")}),
        json!({"rcpt_meta": {"invited_by": people.user()}}),
    ];
    let events = places.into_iter().enumerate().map(|(number, more)| {
        let mut event = json!({"type": "click", "event_id": format!("{label}-{number}"), "timestamp": now,
            "rcpt_to": bob, "subject": "hello"});
        for (name, value) in more.as_object().into_iter().flatten() {
            event[name] = value.clone();
        }
        json!({"msys": {"track_event": event}})
    });
    events.collect()
}

async fn send(stack: &Stack, people: &People) -> Result<()> {
    let (bob, user, label) = (people.bob(), people.user(), &people.label);
    let batch = emails(people).to_string().into_bytes();
    let accounts = stack.deliver(label, batch).await?;
    ensure!(accounts.sum() == (7, 7, 0), "{accounts:?}");

    let product = |id: &str, invited_by: &str| {
        json!({"event": "view", "userId": bob, "eventId": format!("{label}-{id}"), "invitedBy": invited_by,
            "dateTime": "2026-01-02 10:00:00"})
        .to_string()
    };
    let lines = [product("p1", "nobody"), product("p2", &user)].join("\n");
    let key = format!("raw/track/dt=2026-01-02/hour=10/{label}.gz");
    stack.put_raw(&key, gzip(lines.as_bytes())?).await?;

    let event = |id: &str, friend: &str| {
        json!({"event_type": "screen_view", "data": {"screen_name": "home", "source_message_id": format!("{label}-{id}"),
            "timestamp_unixtime_ms": 1_767_348_000_000_i64, "custom_attributes": {"friend": friend}}})
    };
    let body = json!({"mpid": 8, "user_identities": {"email": bob},
        "events": [event("a1", &people.jane()), event("a2", "nobody")]});
    let message =
        json!({"messageId": label, "sentAt": "2026-01-02T10:00:00Z", "body": body.to_string()});
    let key = format!("raw/mparticle/dt=2026-01-02/hour=10/{label}.ndjson.gz");
    stack
        .put_raw(&key, gzip(message.to_string().as_bytes())?)
        .await?;

    let line = |friend: &str| {
        let item = json!({"msys": {"m": {"rcpt_to": bob, "subject": friend}}}).to_string();
        json!({"reason": "not_json", "detail": "", "item": item}).to_string()
    };
    let lines = format!("{}\n{}\n", line(&people.jane()), line("nobody"));
    let key = format!("rejected/email_events/dt=2026-01-02/{label}.ndjson");
    stack.put_raw(&key, lines.into_bytes()).await?;
    stack.archived(ARRIVAL).await
}

/// The sum over all places and passes.
fn sum(receipt: &Value, name: &str) -> u64 {
    let passes = receipt["receipt"]["passes"].as_array();
    let counts = passes
        .into_iter()
        .flatten()
        .filter_map(|pass| pass["counts"].as_object());
    counts
        .flat_map(|counts| counts.values())
        .filter_map(|count| count[name].as_u64())
        .sum()
}

#[tokio::test]
async fn what_others_have_of_a_person_is_reported_and_goes_only_with_deep() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let people = People::new();
    let (jane, user) = (people.jane(), people.user());
    let who = ["--recipient", jane.as_str(), "--user", user.as_str()];
    send(&stack, &people).await?;
    // First the days of January are closed, then the month is due.
    for _ in 0..2 {
        stack.close_days(async || Ok(())).await?;
    }
    let all = [
        "email_events",
        "lake/app_events",
        "lake/app_events_months",
        "lake/email_events",
        "lake/product_events",
        "lake/product_events_months",
        "raw/mparticle",
        "raw/sparkpost",
        "raw/track",
        "rejected/email_events",
    ];
    let before = eventually("the person to be everywhere", ARRIVAL, async || {
        let found = places(&stack, &people).await?;
        ensure!(found.iter().eq(all), "{found:?}");
        Ok(Some(found))
    })
    .await?;
    let events = events_of_bob(&stack, &people).await?;
    let rows = others(&stack, &people).await?;
    restart(&stack, "eraser", "WAIT_SECONDS", "0").await?;

    let (_, shallow) = erase(&[&who[..], &["--run", "--yes"]].concat()).await?;
    ensure!(places(&stack, &people).await? == before, "{shallow}");
    ensure!(sum(&shallow, "mentioned") > 0, "{shallow}");
    ensure!(sum(&shallow, "changed") == 0, "{shallow}");

    let (_, searched) = erase(&[&who[..], &["--deep"]].concat()).await?;
    ensure!(places(&stack, &people).await? == before, "{searched}");
    ensure!(sum(&searched, "mentions_erased") > 0, "{searched}");

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("receipt.json");
    let file = file.to_str().context("a path")?;
    let run = ["--deep", "--run", "--yes", "--receipt", file];
    let (_, receipt) = erase(&[&who[..], &run].concat()).await?;

    let left = places(&stack, &people).await?;
    ensure!(left.is_empty(), "{left:?}: {receipt}");
    ensure!(receipt["receipt"]["deep"] == true, "{receipt}");
    ensure!(sum(&receipt, "found") == 0, "{receipt}");
    let kept = events_of_bob(&stack, &people).await?;
    ensure!(kept == events[..1], "{kept:?}");
    // Of the lake, the rows without her are all there.
    let forms = people.forms();
    let mut expected = rows;
    for (table, rows) in &mut expected {
        rows.retain(|row| !forms.iter().any(|form| row.to_lowercase().contains(form)));
        ensure!(table == "email_events" || !rows.is_empty(), "{table}");
    }
    let mut kept = others(&stack, &people).await?;
    for rows in [&mut expected, &mut kept] {
        // Of Postgres the hashes say nothing of names.
        rows.get_mut("email_events")
            .context("rows of Bob's")?
            .retain(|row| row.contains(' '));
    }
    ensure!(kept == expected, "{kept:?}");

    let verify = [&["verify", file], &who[..]].concat();
    let (_, verified) = erase(&verify).await?;
    ensure!(sum(&verified, "mentioned") == 0, "{verified}");
    iterable_forgets(&stack, &people).await?;
    restart(&stack, "eraser", "WAIT_SECONDS", "1020").await
}

/// Iterable's own deletion, with its key and without.
async fn iterable_forgets(stack: &Stack, people: &People) -> Result<()> {
    let url = format!("{}/_control", stack.file.iterable_url);
    let control: Value = stack.http.get(&url).send().await?.json().await?;
    let key = control["api_key"].as_str().context("its key")?;
    let (jane, user) = (people.jane(), people.user());
    let dry_run = [
        "erase",
        "--recipient",
        &jane,
        "--user",
        &user,
        "--forget-at",
        "iterable",
    ];
    let run = [&dry_run[..], &["--run", "--yes"]].concat();
    let erase = async |arguments: &[&str], key: &str| {
        let mut command = command(arguments)?;
        anyhow::Ok(command.env("ITERABLE_API_KEY", key).output().await?)
    };
    let forgotten = async || {
        let control: Value = stack.http.get(&url).send().await?.json().await?;
        let names = control["forgotten_users"].as_array();
        let names = names.into_iter().flatten().filter_map(Value::as_str);
        anyhow::Ok(names.filter(|name| *name == jane || *name == user).count())
    };

    let without_key = erase(&run, "").await?;
    let searched = erase(&dry_run, "").await?;
    ensure!(forgotten().await? == 0, "{searched:?}");
    let refused = erase(&run, "wrong").await?;
    ensure!(forgotten().await? == 0, "{refused:?}");
    let done = erase(&run, key).await?;

    ensure!(forgotten().await? == 2, "{done:?}");
    let text = String::from_utf8_lossy(&searched.stderr);
    ensure!(text.contains("POST /api/users/forget"), "{text}");
    ensure!(without_key.status.code() == Some(1), "{without_key:?}");
    ensure!(refused.status.code() == Some(5), "{refused:?}");
    ensure!(done.status.code() != Some(5), "{done:?}");
    let told = String::from_utf8_lossy(&done.stderr).to_lowercase();
    ensure!(!told.contains(&people.label), "{told}");
    Ok(())
}
