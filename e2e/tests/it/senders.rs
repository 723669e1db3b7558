//! Deliveries of other senders than SparkPost, signed as their providers sign them: from the webhook to a search and to the lake.

mod commands;
mod recipes;
mod signing;
mod sns;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use aws_io::gzip;
use email_senders::{Senders, to_sparkpost};
use event_model::sparkpost::parse_batch;
use lake_schema::{FileId, arrival};
use serde_json::{Value, json};
use time::OffsetDateTime;

use self::signing::Signer;
use crate::keys_secret::KeysSecret;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id, shared_data};

/// One event of each sender that is searched for: to whom, as which type, and the provider's own word.
const SEARCHED: [(&str, &str, &str, &str); 5] = [
    ("sendgrid", "anymail-bounce.json", "bounce", "bounce"),
    (
        "mailgun",
        "symfony-temporary-failure.json",
        "delay",
        "failed",
    ),
    ("postmark", "symfony-link-click.json", "click", "Click"),
    (
        "resend",
        "docs-email-bounced.json",
        "bounce",
        "email.bounced",
    ),
    (
        "bird",
        "email-complained.json",
        "spam_complaint",
        "email.complained",
    ),
];

/// Bodies of a provider by the names of their files; one of each sender without the folder of samples.
fn bodies(sender: &str) -> Result<BTreeMap<String, Vec<u8>>> {
    let Some(folder) = shared_data() else {
        return Ok(BTreeMap::from([(
            "own".to_owned(),
            signing::own_body(sender),
        )]));
    };
    let mut bodies = BTreeMap::new();
    for entry in std::fs::read_dir(folder.join("senders").join(sender))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned();
        let is_body = path.extension().is_some_and(|ending| ending == "json")
            && name != "headers.json"
            && name != "expected-anymail.json";
        if is_body && name.ends_with(".form.json") {
            let form: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
            bodies.insert(
                name,
                form["body"].as_str().context("a body")?.as_bytes().to_vec(),
            );
        } else if is_body {
            bodies.insert(name, std::fs::read(&path)?);
        }
    }
    Ok(bodies)
}

/// The status, and the key of the batch if there is one.
async fn post(
    stack: &Stack,
    signer: &Signer,
    sender: &str,
    id: &str,
    body: &[u8],
) -> Result<(u16, Option<String>)> {
    let (headers, body) = signer.sign(sender, id, OffsetDateTime::now_utc().unix_timestamp(), body);
    let mut request = stack
        .http
        .post(format!("{}/webhooks/{sender}", stack.file.base_url))
        .body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request.send().await?;
    let status = response.status().as_u16();
    let answer: Value = response.json().await.unwrap_or_default();
    Ok((status, answer["batch"].as_str().map(str::to_owned)))
}

#[tokio::test]
async fn every_sample_of_every_sender_is_found_and_in_the_lake() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let secret = KeysSecret::of(&stack).await?;
    let original = secret.text().await?;
    let signer = Signer::new()?;
    let mut document: Value = serde_json::from_str(&original)?;
    document["senders"] = signer.secrets();
    secret.replace(&document.to_string()).await?;

    let outcome = deliver_all(&stack, &signer).await;
    secret.restore(&original).await?;
    outcome
}

async fn deliver_all(stack: &Stack, signer: &Signer) -> Result<()> {
    let mut posted: BTreeMap<String, (&str, String)> = BTreeMap::new();
    for (sender, ..) in SEARCHED {
        for (name, body) in bodies(sender)? {
            let id = fresh_id("msg");
            // The first may come before the function has read the new secrets.
            let batch = eventually("a delivery to be taken", ARRIVAL, async || {
                let (status, batch) = post(stack, signer, sender, &id, &body).await?;
                ensure!(status == 200 || status == 401, "{sender}/{name}: {status}");
                Ok(batch)
            })
            .await?;
            let (status, again) = post(stack, signer, sender, &id, &body).await?;
            ensure!(status == 200, "{sender}/{name}: {status}");
            // The signature of Mailgun is inside of the body.
            ensure!(
                again.as_ref() == Some(&batch) || sender == "mailgun",
                "{sender}/{name}: {again:?}"
            );
            posted.insert(batch, (sender, name));
        }
    }
    for (batch, (sender, name)) in &posted {
        accounted(stack, batch)
            .await
            .with_context(|| format!("{sender}/{name}"))?;
    }
    if shared_data().is_some() {
        for searched in SEARCHED {
            found(stack, searched).await?;
        }
    }
    in_lake(stack, &Senders::default(), posted.keys()).await
}

/// Waits for the batch's row, and checks its equation.
async fn accounted(stack: &Stack, batch: &str) -> Result<()> {
    let (received, inserted, rejected): (i32, i32, i32) =
        eventually("a delivery to be loaded", ARRIVAL, async || {
            Ok(sqlx::query_as(
                "select events, inserted, rejected from batches where batch_key = $1",
            )
            .bind(batch)
            .fetch_optional(&stack.db)
            .await?)
        })
        .await?;
    let rows: i64 =
        sqlx::query_scalar("select count(*) from email_events_rejected where batch_key = $1")
            .bind(batch)
            .fetch_one(&stack.db)
            .await?;
    ensure!(
        i64::from(rejected) == rows,
        "{rejected} rejected, {rows} rows"
    );
    ensure!(
        inserted + rejected <= received,
        "{received} {inserted} {rejected}"
    );
    Ok(())
}

async fn found(
    stack: &Stack,
    (sender, name, event_type, word): (&str, &str, &str, &str),
) -> Result<()> {
    let body: Value = serde_json::from_slice(&bodies(sender)?[name])?;
    let text = body.to_string();
    let recipient = text
        .split('"')
        .find(|part| part.contains('@') && !part.contains(' ') && !part.contains('<'))
        .context("a recipient")?;
    let recipient = match sender {
        "mailgun" => "alice@example.com",
        "resend" => "delivered@resend.dev",
        _ => recipient,
    };
    let query = format!(
        "/api/v1/events/message?recipients={recipient}&events={event_type}&provider={sender}&from=2010-01-01T00:00&per_page=1000"
    );
    let (status, answer) = stack.get(&query).await?;
    let results = answer["results"].as_array().cloned().unwrap_or_default();
    let own = results
        .iter()
        .find(|event| event["provider"] == json!(sender) && event["provider_event"] == json!(word));
    let own =
        own.with_context(|| format!("{sender}: {status}, {} others for {query}", results.len()))?;
    ensure!(
        results
            .iter()
            .all(|event| event["provider"] == json!(sender)),
        "{sender}: events of others for {query}"
    );
    ensure!(
        own["type"] == json!(event_type) && own["provider_data"].is_object(),
        "{own}"
    );
    let message = own["message_id"].as_str().context("a message id")?;
    let query = format!("/api/v1/events/message?messages={message}&from=2010-01-01T00:00");
    let (_, answer) = stack.get(&query).await?;
    let results = answer["results"].as_array().cloned().unwrap_or_default();
    ensure!(
        results
            .iter()
            .any(|event| event["event_id"] == own["event_id"]),
        "{sender}: not by its message"
    );
    Ok(())
}

/// Every delivery with an event has a file in the lake, named after its object.
async fn in_lake(
    stack: &Stack,
    senders: &Senders,
    batches: impl Iterator<Item = &String>,
) -> Result<()> {
    stack.archived(ARRIVAL).await?;
    let raw = stack.keys_under("raw/email/").await?;
    let files = stack.keys_under("lake/email_events/").await?;
    let mut compared = 0;
    for batch in batches {
        let key = raw.iter().find(|key| key.contains(batch.as_str()));
        let key = key.context("a delivery has an object")?;
        let body = gzip::decode_capped(&stack.object(key).await?, 1 << 20)?;
        let delivery = senders.delivery(key)?;
        let events = to_sparkpost(delivery.as_ref(), &body);
        for event in parse_batch(&events, OffsetDateTime::now_utc()).events {
            // Events from before the lake's first day are filed under the day of their arrival.
            let day = event.timestamp.to_time().date();
            let days = [Some(day), arrival::from_key(key).map(OffsetDateTime::date)];
            let is_there = days.into_iter().flatten().any(|day| {
                let id = FileId::of_part("email_events", day, key).to_string();
                files.iter().any(|file| file.contains(&id))
            });
            ensure!(is_there, "{key} of {day} is not in the lake");
            compared += 1;
        }
    }
    ensure!(compared >= 3, "only {compared} events");
    Ok(())
}

#[tokio::test]
async fn what_does_not_verify_is_kept_apart_and_never_loaded() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let signer = Signer::new()?;
    let id = fresh_id("msg");
    let body = json!([{"event": "open", "label": id}]).to_string();

    // With a key that nobody knows.
    let (status, batch) = post(&stack, &signer, "sendgrid", &id, body.as_bytes()).await?;
    ensure!(
        (status, batch.is_none()) == (401, true),
        "{status} {batch:?}"
    );
    let (status, _) = post(&stack, &signer, "nobody", &id, body.as_bytes()).await?;
    ensure!(status == 404, "{status}");

    let kept = stack.keys_under("unverified/sendgrid/").await?;
    ensure!(!kept.is_empty(), "nothing is kept");
    let mut bodies = Vec::new();
    for key in stack.keys_under("raw/email/").await? {
        let body = gzip::decode_capped(&stack.object(&key).await?, 1 << 20)?;
        bodies.push(String::from_utf8_lossy(&body).into_owned());
    }
    ensure!(
        !bodies.iter().any(|body| body.contains(&id)),
        "it is in the archive"
    );
    Ok(())
}
