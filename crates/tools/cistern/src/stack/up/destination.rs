//! The destination of app events on this machine: a stand-in for Iterable, which runs as long as the stack.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aws_io::{Aws, secrets};
use iterable_stand_in::StandIn;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;

use super::ports::Listening;
use crate::http;

const LIMIT: Duration = Duration::from_secs(10);

/// Serves until it is dropped.
pub(super) async fn serve(place: Listening) -> Result<()> {
    let listener = place
        .into_async()
        .context("preparing the stand-in for Iterable")?;
    iterable_stand_in::serve(listener, StandIn::default())
        .await
        .context("serving the stand-in for Iterable")
}

/// Makes the stand-in accept the forwarder's key and no other.
pub(super) async fn accept_key_of_forwarder(
    iterable_url: &str,
    emulator_url: &str,
    secret_arn: &str,
) -> Result<()> {
    #[derive(Deserialize)]
    struct DestinationSecret {
        api_key: String,
    }
    let client = Aws::local(emulator_url).await.secrets();
    let secret = secrets::read(&client, secret_arn, secrets::VersionStage::Current, LIMIT)
        .await
        .context("reading the destination's key")?
        .context("the destination's secret is empty")?;
    // Without the cause, which could show parts of the secret.
    let secret: DestinationSecret = serde_json::from_str(secret.expose_secret())
        .map_err(|_| anyhow::anyhow!("the destination's secret is not {{\"api_key\": \"…\"}}"))?;
    let answer = http::client(LIMIT)?
        .post(format!("{iterable_url}/_control"))
        .json(&json!({ "api_key": secret.api_key }))
        .send()
        .await
        .context("configuring the key of the stand-in for Iterable")?;
    ensure!(
        answer.status().is_success(),
        "configuring the key of the stand-in for Iterable: {}",
        answer.status()
    );
    Ok(())
}
