//! Amazon SES by SNS: messages signed as SNS signs them, with the stack's stand-in for SNS, which serves their certificate.

mod topic;

use anyhow::{Context, Result, ensure};
use aws_io::gzip;
use serde_json::{Value, json};
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use self::topic::Topic;
use super::accounted;
use crate::keys_secret::KeysSecret;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id};

/// What SES publishes when it is told the topic.
const SET_UP: &str = "Successfully validated SNS topic for Amazon SES event publishing.";

#[tokio::test]
async fn events_of_ses_come_by_sns_and_what_is_not_proven_is_kept_apart() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let secret = KeysSecret::of(&stack).await?;
    let original = secret.text().await?;
    let topic = Topic::new(&fresh_id("topic"))?;
    let mut document: Value = serde_json::from_str(&original)?;
    document["senders"] = json!({"ses": [topic.arn]});
    secret.replace(&document.to_string()).await?;

    let outcome = take_in(&stack, &topic).await;
    secret.restore(&original).await?;
    outcome
}

async fn take_in(stack: &Stack, topic: &Topic) -> Result<()> {
    let certificate = format!("{}{}", stack.file.sns_url, topic.certificate_path());
    let put = stack.http.put(certificate).body(topic.certificate()?);
    put.send().await?.error_for_status()?;

    confirmed(stack, topic).await?;
    let id = fresh_id("sns");
    let event = event(&id)?;
    let batch = found(stack, topic, &id, &event).await?;
    refused(stack, topic, &event, &batch).await
}

/// The status, and the answer.
async fn post(stack: &Stack, body: &str) -> Result<(u16, Value)> {
    let url = format!("{}/webhooks/ses", stack.file.base_url);
    let request = stack.http.post(url).body(body.to_owned());
    let response = request
        .header("content-type", "text/plain; charset=UTF-8")
        .send()
        .await?;
    let status = response.status().as_u16();
    Ok((status, response.json().await.unwrap_or_default()))
}

/// An open of this moment, as SES publishes it.
fn event(id: &str) -> Result<String> {
    let time = OffsetDateTime::now_utc().format(format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].000Z"
    ))?;
    let event = json!({
        "eventType": "Open",
        "open": {"timestamp": time, "ipAddress": "192.0.2.1"},
        "mail": {"timestamp": time, "messageId": id, "destination": [format!("{id}@example.com")]},
    });
    Ok(format!("{event}\n"))
}

async fn confirmed(stack: &Stack, topic: &Topic) -> Result<()> {
    let asked = async || -> Result<usize> {
        let answer = stack.http.get(format!("{}/_control", stack.file.sns_url));
        let all: Vec<String> = answer.send().await?.json().await?;
        Ok(all
            .iter()
            .filter(|query| query.contains(&topic.arn))
            .count())
    };
    // The first one may come before the function has read the topic.
    let confirmation = topic.confirmation()?;
    eventually("a subscription to be confirmed", ARRIVAL, async || {
        let (status, answer) = post(stack, &confirmation).await?;
        ensure!(status == 200 || status == 503, "{status} {answer}");
        Ok((answer["outcome"] == "confirmed").then_some(()))
    })
    .await?;
    let count = asked().await?;
    ensure!(count == 1, "{count} confirmations");

    let forged = confirmation.replace("Token", "token");
    let (status, _) = post(stack, &forged).await?;
    ensure!((status, asked().await?) == (503, 1), "{status}");
    Ok(())
}

/// The event is one, in whatever way it comes. Returns the key of its batch.
async fn found(stack: &Stack, topic: &Topic, id: &str, event: &str) -> Result<String> {
    let message = topic.notification(event)?;
    let (status, first) = post(stack, &message).await?;
    ensure!(status == 200, "{status} {first}");
    let (_, again) = post(stack, &message).await?;
    ensure!(again["outcome"] == "duplicate", "{again}");
    let batch = first["batch"].as_str().context("a batch")?.to_owned();
    accounted(stack, &batch).await?;

    // SNS and Firehose at once, and the message that SES begins with.
    let day = OffsetDateTime::now_utc().date();
    let key = format!("raw/email/dt={day}/ses=events-1-{id}.json.gz");
    stack.put_raw(&key, gzip::encode(event.as_bytes())).await?;
    let by_firehose = event_model::BatchKey::from_object_key(&key)?;
    accounted(stack, by_firehose.as_str()).await?;
    let (_, set_up) = post(stack, &topic.notification(SET_UP)?).await?;
    let set_up = set_up["batch"].as_str().context("a batch")?;
    accounted(stack, set_up).await?;

    let query = format!(
        "/api/v1/events/message?recipients={id}@example.com&events=open&provider=ses&from=-1h&to=2100-01-01"
    );
    let (status, answer) = stack.get(&query).await?;
    let results = answer["results"].as_array().context("results")?;
    ensure!((status, results.len()) == (200, 1), "{status} {answer}");
    ensure!(results[0]["message_id"] == id, "{answer}");
    let inserted: Vec<(String, i32)> = sqlx::query_as(
        "select batch_key, inserted from batches where batch_key = any($1) order by inserted desc",
    )
    .bind([batch.as_str(), by_firehose.as_str(), set_up].as_slice())
    .fetch_all(&stack.db)
    .await?;
    let counts: Vec<i32> = inserted.iter().map(|(_, count)| *count).collect();
    ensure!(counts == [1, 0, 0], "{inserted:?}");
    Ok(batch)
}

async fn refused(stack: &Stack, topic: &Topic, event: &str, batch: &str) -> Result<()> {
    let kept = stack.keys_under("unverified/ses/").await?.len();
    let right = topic.notification(event)?;
    let old = OffsetDateTime::now_utc() - Duration::hours(2);
    let forged = [
        (
            "of another topic",
            Topic::new("another")?.notification(event)?,
        ),
        (
            "of another host",
            right.replace("amazonaws.com/Simple", "amazonaws.example/Simple"),
        ),
        ("with another signature", right.replace("Open", "Click")),
        ("of two hours ago", topic.notification_at(event, old)?),
        (
            "with a certificate that is not there",
            right.replace(topic.certificate_path(), "/SimpleNotificationService-0.pem"),
        ),
        ("without an envelope", event.to_owned()),
    ];
    for (what, body) in &forged {
        let (status, answer) = post(stack, body).await?;
        ensure!(
            status == 503 && answer["batch"].is_null(),
            "{what}: {status} {answer}"
        );
    }

    let now = stack.keys_under("unverified/ses/").await?.len();
    // Two may have the same place.
    ensure!(
        now >= kept + forged.len() - 1,
        "{kept} kept before, {now} now"
    );
    let raw = stack.keys_under("raw/email/").await?;
    for key in raw
        .iter()
        .filter(|key| key.contains("/ses=") && !key.contains(batch))
    {
        let body = gzip::decode_capped(&stack.object(key).await?, 1 << 20)?;
        ensure!(
            forged
                .iter()
                .all(|(_, forged)| forged.as_bytes() != body || *forged == event),
            "{key}"
        );
    }
    Ok(())
}
