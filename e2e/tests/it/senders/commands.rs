//! `cistern senders`: from the first secret of each sender to its event in a search.

use anyhow::{Context, Result, ensure};
use email_senders::{Senders, Trial};
use serde_json::Value;
use time::OffsetDateTime;

use super::signing::{self, Signer};
use crate::keys_secret::KeysSecret;
use crate::operator::{cistern, cistern_in_aws, command};
use crate::stack::{Stack, fresh_id};

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:cistern-ses";
const NEW_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

#[tokio::test]
async fn each_sender_is_listed_added_tried_and_rotated() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let secret = KeysSecret::of(&stack).await?;
    let original = secret.text().await?;

    let outcome = use_all(&stack, &secret, &original).await;
    secret.restore(&original).await?;
    outcome
}

async fn use_all(stack: &Stack, secret: &KeysSecret, original: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("secret");
    let path = file.to_str().context("a path")?;
    let add = async |sender: &str, text: &str| {
        std::fs::write(&file, format!("{text}\n"))?;
        cistern(&["senders", "add", sender, "--secret-file", path]).await
    };

    // What is not a secret, and a test without one, say what to do.
    std::fs::write(&file, "re_planted")?;
    let refused = command(&["senders", "add", "resend", "--secret-file", path])?
        .output()
        .await?;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(refused.status.code() == Some(1), "{told}");
    ensure!(
        told.contains("this is an API key") && !told.contains("planted"),
        "{told}"
    );
    let untried = command(&["senders", "test", "resend"])?.output().await?;
    let told = String::from_utf8_lossy(&untried.stderr).into_owned();
    ensure!(told.contains("cistern senders add resend"), "{told}");

    let secrets = Signer::new()?.secrets();
    let sendgrid = secrets["sendgrid"][0].as_str().context("a public key")?;
    let added = cistern(&["senders", "add", "postmark"]).await?;
    let password = added["generated_secret"].as_str().context("a password")?;
    ensure!(added["steps"].to_string().contains(password), "{added}");
    for (sender, text) in [
        ("sendgrid", sendgrid),
        ("mailgun", signing::MAILGUN_KEY),
        ("resend", signing::STANDARD_SECRET),
        ("bird", signing::STANDARD_SECRET),
        ("standard", signing::STANDARD_SECRET),
        ("ses", TOPIC),
    ] {
        let added = add(sender, text).await?;
        ensure!(
            added["address"] == format!("{}/webhooks/{sender}", stack.file.base_url),
            "{added}"
        );
    }
    listed(stack, &[password, sendgrid, signing::MAILGUN_KEY]).await?;
    kept_keys(&secret.text().await?, original)?;

    for sender in ["postmark", "mailgun", "resend", "bird", "standard"] {
        let tried = cistern(&["senders", "test", sender]).await?;
        ensure!(
            tried["outcome"] == "found" && tried["event"]["provider"] == sender,
            "{tried}"
        );
    }
    provider_searched(stack).await?;
    // Whose signatures only the provider makes.
    for sender in ["sendgrid", "ses"] {
        let tried = cistern(&["senders", "test", sender]).await?;
        ensure!(tried["outcome"] == "wrong_proof_refused", "{tried}");
    }

    rotated(stack, secret, &file).await?;
    kept_keys(&secret.text().await?, original)
}

/// All senders with their addresses, here and by the stack's name, without a secret.
async fn listed(stack: &Stack, planted: &[&str]) -> Result<()> {
    let here = cistern(&["senders", "list"]).await?;
    let by_name = cistern_in_aws(&stack.file.aws_endpoint_url, &["senders", "list"]).await?;
    for list in [here, by_name] {
        let rows = list.as_array().context("a list")?.iter();
        let rows: Vec<&Value> = rows.filter(|row| row["is_by_recipe"] == false).collect();
        ensure!(rows.len() == Senders::default().all().count(), "{list}");
        for row in rows {
            ensure!(row["secrets"] == 1, "{row}");
            ensure!(row["unusable"] == 0 && row["address"].is_string(), "{row}");
        }
        let text = list.to_string();
        ensure!(
            !planted.iter().any(|secret| text.contains(secret)),
            "a secret is shown"
        );
    }
    Ok(())
}

/// The event of Standard Webhooks has a type that SparkPost has no name for.
async fn provider_searched(stack: &Stack) -> Result<()> {
    for query in [
        "events=standard.cistern.test",
        "provider=standard",
        "events=standard.cistern.test&provider=standard,sparkpost",
    ] {
        let path = format!("/api/v1/events/message?{query}&from=-1h&to=2100-01-01");
        let (status, answer) = stack.get(&path).await?;
        let first = &answer["results"][0];
        ensure!(
            status == 200 && first["type"] == "standard.cistern.test",
            "{query}: {answer}"
        );
    }
    let (_, counts) = stack
        .get("/api/v1/events/counts?group_by=provider&from=-1h&to=2100-01-01")
        .await?;
    let groups = counts["results"].as_array().context("groups")?;
    for provider in ["standard", "postmark", "mailgun"] {
        let is_counted = groups.iter().any(|group| group["provider"] == provider);
        ensure!(is_counted, "{provider}: {counts}");
    }
    Ok(())
}

/// Both secrets count, then the new one alone.
async fn rotated(stack: &Stack, secret: &KeysSecret, file: &std::path::Path) -> Result<()> {
    std::fs::write(file, NEW_SECRET)?;
    let path = file.to_str().context("a path")?;
    let rotated = cistern(&["senders", "rotate", "resend", "--secret-file", path]).await?;
    ensure!(
        rotated["secrets"] == 2 && rotated["old_may_go_at"].is_string(),
        "{rotated}"
    );
    for text in [signing::STANDARD_SECRET, NEW_SECRET] {
        let status = deliver(stack, text).await?;
        ensure!(status == 200, "{status}");
    }
    let finished = cistern(&["senders", "rotate", "resend", "--finish"]).await?;
    ensure!(finished["removed"] == 1, "{finished}");
    let document: Value = serde_json::from_str(&secret.text().await?)?;
    ensure!(document["senders"]["resend"] == serde_json::json!([NEW_SECRET]));
    let tried = cistern(&["senders", "test", "resend"]).await?;
    ensure!(tried["outcome"] == "found", "{tried}");
    Ok(())
}

/// Posts as Resend with one secret.
async fn deliver(stack: &Stack, secret: &str) -> Result<u16> {
    let sender = Senders::default().named("resend");
    let resend = sender.and_then(|sender| sender.proof());
    let delivery = resend.context("Resend posts")?.test_delivery(&Trial {
        secret,
        id: &fresh_id("rotated"),
        now: OffsetDateTime::now_utc(),
    });
    let url = format!("{}/webhooks/resend", stack.file.base_url);
    let mut request = stack.http.post(url).body(delivery.body);
    for (name, value) in delivery.headers {
        request = request.header(name, value);
    }
    Ok(request.send().await?.status().as_u16())
}

/// Every other member is as it was.
fn kept_keys(text: &str, original: &str) -> Result<()> {
    let (mut now, mut before): (Value, Value) =
        (serde_json::from_str(text)?, serde_json::from_str(original)?);
    for document in [&mut now, &mut before] {
        document
            .as_object_mut()
            .context("an object")?
            .remove("senders");
    }
    ensure!(now == before, "another member has changed");
    Ok(())
}
