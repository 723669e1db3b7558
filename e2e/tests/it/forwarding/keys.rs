//! Keys of the webhook: missing, wrong, of other scopes, and rotated.

use access_keys::MIN_AGE;
use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::forwarding::rig::{Forwarding, screen_views};
use crate::keys_secret::KeysSecret;
use crate::stack::fresh_id;

async fn post_with(forwarding: &Forwarding, key: Option<&str>) -> Result<u16> {
    let mut request = forwarding
        .stack
        .http
        .post(&forwarding.stack.file.mparticle_webhook_url)
        .header("content-type", "application/json")
        .body(screen_views("ada", &[fresh_id("key")]));
    if let Some(key) = key {
        request = request.header("authorization", key);
    }
    Ok(request.send().await?.status().as_u16())
}

#[tokio::test]
async fn missing_wrong_and_foreign_keys_leave_no_message() -> Result<()> {
    let forwarding = Forwarding::with(&[]).await?;
    let keys = forwarding.stack.file.keys.clone();

    let missing = post_with(&forwarding, None).await?;
    ensure!(missing == 401, "without a key the answer was {missing}");
    for wrong in ["wrong", &keys.sparkpost, &keys.query, &keys.mparticle[1..]] {
        let status = post_with(&forwarding, Some(wrong)).await?;
        ensure!(status == 403, "a wrong key was answered {status}");
    }
    // A permission for one route is not valid for another.
    let elsewhere = forwarding
        .stack
        .http
        .post(&forwarding.stack.file.sparkpost_webhook_url)
        .header("authorization", &keys.mparticle)
        .body("[]")
        .send()
        .await?;
    ensure!(elsewhere.status() == 403, "{}", elsewhere.status());
    ensure!(forwarding.waiting().await? == 0, "nothing was stored");

    for form in [keys.mparticle.clone(), format!("Bearer {}", keys.mparticle)] {
        let status = post_with(&forwarding, Some(&form)).await?;
        ensure!(status == 200, "the right key was answered {status}");
    }
    ensure!(forwarding.waiting().await? == 2);
    forwarding.drain().await?;
    Ok(())
}

/// A key in the secret replaces the derived one; the previous version stays valid, and the one before that does not.
#[tokio::test]
async fn rotated_key_opens_until_the_next_rotation() -> Result<()> {
    let forwarding = Forwarding::with(&[]).await?;
    let secret = KeysSecret::of(&forwarding.stack).await?;
    let original = secret.text().await?;
    let names: Vec<String> = (1..=3)
        .map(|n| format!("{}-{n}", fresh_id("rotated")))
        .collect();
    let [first, second, third] = names.as_slice() else {
        anyhow::bail!("three keys");
    };

    let outcome = async {
        for key in [first, second, third] {
            let mut document: Value = serde_json::from_str(&original)?;
            document["mparticle"] = json!(key);
            secret.replace(&document.to_string()).await?;
        }
        // Nothing can be polled for: the gateway would keep a denial of the new key for a minute. After this time it is known.
        tokio::time::sleep(MIN_AGE).await;
        let newest = post_with(&forwarding, Some(third)).await?;
        ensure!(newest == 200, "the newest key was answered {newest}");
        let previous = post_with(&forwarding, Some(second)).await?;
        ensure!(
            previous == 200,
            "the version before was answered {previous}"
        );
        let stored = forwarding.waiting().await?;
        let gone = post_with(&forwarding, Some(first)).await?;
        ensure!(
            gone == 403,
            "a key of two rotations ago was answered {gone}"
        );
        ensure!(
            forwarding.waiting().await? == stored,
            "a refused key left a message"
        );
        Ok(())
    }
    .await;
    secret.restore(&original).await?;
    tokio::time::sleep(MIN_AGE).await;
    outcome?;

    let form = format!("Basic {}", base64_of(&forwarding.stack.file.keys.mparticle));
    let made = post_with(&forwarding, Some(&form)).await?;
    ensure!(made == 200, "the made key was answered {made}");
    forwarding.drain().await?;
    Ok(())
}

fn base64_of(key: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("mparticle:{key}"))
}
