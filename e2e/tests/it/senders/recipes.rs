//! Senders by configuration: those of GitHub, Stripe and an own service are added with the recipes of docs/recipes, post as they do, and are found.

mod signed;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use email_senders::Senders;
use serde_json::{Value, json};
use time::OffsetDateTime;

use self::signed::{GITHUB_SECRET, OWN_SECRET, STRIPE_SECRET, Signed, deliveries, own_delivery};
use super::in_lake;
use crate::keys_secret::KeysSecret;
use crate::operator::{cistern, command};
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id, repository_root};

const DOCUMENT: &str = "state/senders.json";

async fn post(stack: &Stack, signed: &Signed) -> Result<(u16, Value)> {
    let url = format!("{}/webhooks/{}", stack.file.base_url, signed.sender);
    let mut request = stack.http.post(url).body(signed.body.clone());
    for (name, value) in &signed.headers {
        request = request.header(*name, value);
    }
    let response = request.send().await?;
    let status = response.status().as_u16();
    Ok((status, response.json().await.unwrap_or_default()))
}

#[tokio::test]
async fn github_stripe_and_a_made_up_sender_are_taken_in_by_configuration_alone() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let secret = KeysSecret::of(&stack).await?;
    let original = secret.text().await?;

    let outcome = take_in(&stack).await;
    secret.restore(&original).await?;
    outcome
}

async fn take_in(stack: &Stack) -> Result<()> {
    let id = fresh_id("recipe").to_lowercase();
    let recipient = format!("{id}@example.com");
    let now = OffsetDateTime::now_utc();
    let signed = deliveries(&id, &recipient, now);
    // The recipes stay, because the objects of their senders do.
    if stack.keys_under(DOCUMENT).await?.is_empty() {
        for delivery in &signed {
            let (status, _) = post(stack, delivery).await?;
            let sender = delivery.sender;
            ensure!(status == 404, "{sender}: {status} before its recipe");
        }
    }
    add_all().await?;

    let mut batches = Vec::new();
    for delivery in &signed {
        let (status, first) = post(stack, delivery).await?;
        ensure!(status == 200, "{}: {status} {first}", delivery.sender);
        let (_, again) = post(stack, delivery).await?;
        ensure!(
            again["outcome"] == "duplicate",
            "{}: {again}",
            delivery.sender
        );
        batches.push(first["batch"].as_str().context("a batch")?.to_owned());
        let forged = Signed {
            body: delivery.body.replace("example", "evil"),
            headers: delivery.headers.clone(),
            ..*delivery
        };
        let (status, _) = post(stack, &forged).await?;
        ensure!(
            status == 401,
            "{}: {status} for another body",
            delivery.sender
        );
    }
    for delivery in &signed {
        found(stack, delivery, &recipient).await?;
    }
    let document = stack.object(DOCUMENT).await?;
    in_lake(stack, &Senders::parse(&document)?, batches.iter()).await?;

    for delivery in &signed {
        let tried = cistern(&["senders", "test", delivery.sender]).await?;
        ensure!(
            tried["outcome"] == "found" && tried["event"]["provider"] == delivery.sender,
            "{tried}"
        );
    }
    repaired(stack, &id, &recipient).await?;
    erased(stack, &recipient).await
}

/// Adds the three with the recipes that the documentation has, and nothing else.
async fn add_all() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (name, secret) in [
        ("github", GITHUB_SECRET),
        ("stripe", STRIPE_SECRET),
        ("own-service", OWN_SECRET),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, secret)?;
        let recipe = recipe_file(name);
        let (file, recipe) = (path(&file)?, path(&recipe)?);
        let arguments = [
            "senders",
            "add",
            name,
            "--recipe",
            recipe,
            "--secret-file",
            file,
        ];
        let added = cistern(&arguments).await?;
        ensure!(
            added["address"]
                .as_str()
                .is_some_and(|url| url.ends_with(name)),
            "{added}"
        );
        // Again, it changes nothing.
        cistern(&arguments).await?;
    }
    let listed = cistern(&["senders", "list"]).await?;
    let rows = listed.as_array().context("a list")?;
    let by_recipe: Vec<_> = rows
        .iter()
        .filter(|row| row["is_by_recipe"] == true)
        .collect();
    ensure!(
        by_recipe.len() == 3
            && by_recipe
                .iter()
                .all(|row| row["secrets"] == 1 && row["unusable"] == 0),
        "{listed}"
    );

    // Another recipe of a name is stored only when that is asked for.
    let mut changed: Value = serde_json::from_slice(&std::fs::read(recipe_file("stripe"))?)?;
    changed["label"] = json!("Another");
    let file = folder.path().join("stripe.json");
    std::fs::write(&file, changed.to_string())?;
    let secret = folder.path().join("stripe");
    let (file, secret) = (path(&file)?, path(&secret)?);
    let refused = command(&[
        "senders",
        "add",
        "stripe",
        "--recipe",
        file,
        "--secret-file",
        secret,
    ])?
    .output()
    .await?;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(told.contains("--replace"), "{told}");
    let own = recipe_file("stripe");
    for file in [file, path(&own)?] {
        let replaced =
            cistern(&["senders", "add", "stripe", "--recipe", file, "--replace"]).await?;
        ensure!(replaced["outcome"] == "recipe_replaced", "{replaced}");
    }
    Ok(())
}

fn recipe_file(name: &str) -> std::path::PathBuf {
    repository_root().join(format!("docs/recipes/{name}.json"))
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

/// By its type, its recipient and its time.
async fn found(stack: &Stack, delivery: &Signed, recipient: &str) -> Result<()> {
    let Signed {
        sender, event_type, ..
    } = delivery;
    let query = format!(
        "/api/v1/events/message?events={event_type}&recipients={recipient}&provider={sender}&from=-10m"
    );
    eventually("an event to be found", ARRIVAL, async || {
        let (status, answer) = stack.get(&query).await?;
        ensure!(status == 200, "{query}: {answer}");
        let results = answer["results"].as_array().context("results")?;
        ensure!(results.len() <= 1, "{sender} is stored twice: {answer}");
        let Some(event) = results.first() else {
            return Ok(None);
        };
        ensure!(
            event["provider_data"].is_object() && event["type"] == *event_type,
            "{event}"
        );
        Ok(Some(()))
    })
    .await
}

/// An item that was rejected can be sent again: its object is translated for that.
async fn repaired(stack: &Stack, id: &str, recipient: &str) -> Result<()> {
    let when = format!("{id}-when");
    let body = json!({"events": [{"id": id, "kind": "mail.opened", "at": when, "to": recipient}]});
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let delivery = own_delivery(&format!("{id}-late"), now, body.to_string());
    let (status, answer) = post(stack, &delivery).await?;
    ensure!(status == 200, "{status} {answer}");
    let batch = answer["batch"].as_str().context("a batch")?;
    super::accounted(stack, batch).await?;
    let retried = cistern(&[
        "rejected",
        "retry",
        "--run",
        "--reason",
        &when,
        "--pipeline",
        "email_events",
    ])
    .await?;
    ensure!(
        retried["done"].as_u64() >= Some(1) && retried["impossible"] == 0,
        "{retried}"
    );
    Ok(())
}

/// The person of the events is found in the objects of all three senders.
async fn erased(stack: &Stack, recipient: &str) -> Result<()> {
    stack.archived(ARRIVAL).await?;
    let output = command(&["erase", "--recipient", recipient])?
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let told = || format!("{text}{}", String::from_utf8_lossy(&output.stderr));
    let receipt: Value = serde_json::from_str(&text).with_context(told)?;
    let counts = receipt["receipt"]["passes"][0]["counts"].as_object();
    let found = counts
        .into_iter()
        .flatten()
        .filter(|(place, _)| place.contains("raw/email") || place.contains("raw/sparkpost"))
        .filter_map(|(_, count)| count["found"].as_u64());
    ensure!(found.sum::<u64>() >= 3, "{receipt}");
    Ok(())
}
