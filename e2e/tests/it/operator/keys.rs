//! `cistern keys`.

use anyhow::{Result, ensure};

use super::{cistern, cistern_in_aws};
use crate::stack::{Stack, fresh_id};

#[tokio::test]
async fn keys_are_those_of_the_stack_here_and_by_its_name() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;

    let here = cistern(&["keys"]).await?;
    let by_name = cistern_in_aws(&stack.file.aws_endpoint_url, &["keys"]).await?;

    ensure!(here["current"]["query"] == stack.file.keys.query.as_str());
    ensure!(here == by_name, "the same stack has the same keys");
    Ok(())
}

/// Alone, because a second rotation would end the keys that other tests use.
#[tokio::test]
async fn rotation_makes_new_keys_and_leaves_the_old_ones_valid() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let old_key = stack.file.keys.sparkpost.clone();

    let rotated = cistern(&["keys", "rotate"]).await?;

    let new_key = rotated["current"]["sparkpost"].as_str().unwrap_or_default();
    ensure!(new_key != old_key, "the key is a new one");
    ensure!(rotated["previous"]["sparkpost"] == old_key.as_str());
    for key in [new_key, old_key.as_str()] {
        // At the first attempt: a sender that is refused may drop the event.
        let answer = stack
            .http
            .post(&stack.file.sparkpost_webhook_url)
            .header("authorization", key)
            .header("x-messagesystems-batch-id", fresh_id("rotated"))
            .body("[]")
            .send()
            .await?;
        ensure!(answer.status() == 200, "{}", answer.status());
    }
    let told = cistern(&["keys"]).await?;
    ensure!(told["current"] == rotated["current"]);
    Ok(())
}
