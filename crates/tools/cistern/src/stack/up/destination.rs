//! The destination of app events on this machine: a stand-in for Iterable, which runs as long as the stack.

use std::{net::TcpListener, time::Duration};

use anyhow::{Context as _, Result, ensure};
use aws_io::{Aws, secrets};
use iterable_stand_in::StandIn;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;

use crate::http;

const LIMIT: Duration = Duration::from_secs(10);

/// A stand-in that listens but does not respond yet.
#[derive(Debug)]
pub(super) struct StandInForIterable {
    listener: TcpListener,
    port: u16,
}

impl StandInForIterable {
    pub(super) fn on(listener: TcpListener) -> Result<Self> {
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Serves until it is dropped.
    pub(super) async fn serve(self) -> Result<()> {
        self.listener
            .set_nonblocking(true)
            .context("preparing the stand-in for Iterable")?;
        let listener = tokio::net::TcpListener::from_std(self.listener)
            .context("preparing the stand-in for Iterable")?;
        iterable_stand_in::serve(listener, StandIn::default())
            .await
            .context("serving the stand-in for Iterable")
    }
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
