//! Posts batches to a webhook like its sender.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use event_model::Pipeline;
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE},
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::{
    http,
    operator::api::refusal,
    shell,
    stack::{Secret, Stack, data_dir::DataDir},
};

/// SparkPost's timeout; mParticle does not document one.
const TIMEOUT: Duration = Duration::from_secs(10);
/// SparkPost's header that names a batch.
const BATCH_ID: &str = "x-messagesystems-batch-id";
/// The header in which trackers send their key.
const API_KEY: &str = "x-api-key";

/// The options that select the webhook.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Target {
    /// URL of the webhook [default: the local stack's]
    #[arg(long, requires = "key")]
    url: Option<String>,

    /// Key of the webhook
    #[arg(long, requires = "url")]
    key: Option<String>,

    /// Where the local stack keeps its data [default: .local in the checkout]
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    data_dir: Option<PathBuf>,
}

/// A webhook that can be posted to.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pipeline: Pipeline,
    client: reqwest::Client,
    url: String,
    key: Secret,
    suffix: String,
}

/// A batch's body.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_gzip: bool,
}

/// The response to a batch.
#[derive(Clone, Debug)]
pub(crate) struct WebhookResponse {
    pub(crate) status: StatusCode,
    pub(crate) time: Duration,
    /// The key under which the batch is stored, if the webhook returns it.
    pub(crate) batch: Option<String>,
    /// Why it was refused; `None` if it was accepted, so that its sender would regard it as delivered.
    pub(crate) refusal: Option<String>,
}

/// The members of the response that are read.
#[derive(Debug, Default, Deserialize)]
struct Receipt {
    batch: Option<String>,
}

impl Target {
    /// The webhooks of the local stack.
    pub(crate) fn local(data_dir: Option<&Path>) -> Self {
        Self {
            url: None,
            key: None,
            data_dir: data_dir.map(Path::to_owned),
        }
    }

    /// What is appended to a command, so that it means the same local stack.
    pub(crate) fn suffix(&self) -> String {
        shell::data_dir_option(self.data_dir.as_deref())
    }

    /// Whether the webhook of another stack than the local one is meant.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.url.is_some()
    }

    /// The URL of the database behind the webhook; only known for a local stack.
    pub(crate) fn database_url(&self) -> Result<Option<Secret>> {
        if self.url.is_some() {
            return Ok(None);
        }
        let data_dir = DataDir::resolve(self.data_dir.as_deref())?;
        Ok(Stack::running(&data_dir)?.map(|stack| stack.database_url))
    }

    pub(crate) fn webhook(&self, pipeline: Pipeline) -> Result<Webhook> {
        let (url, key) = if let (Some(url), Some(key)) = (&self.url, &self.key) {
            (url.clone(), Secret::new(key))
        } else {
            let data_dir = DataDir::resolve(self.data_dir.as_deref())?;
            let stack = Stack::running(&data_dir)?
                .context("no stack is up: start one with `cistern up`, or give --url and --key")?;
            let key = stack.key(pipeline.key_scope())?.clone();
            let url = match pipeline {
                Pipeline::EmailEvents => stack.sparkpost_webhook_url,
                Pipeline::AppEvents => stack.mparticle_webhook_url,
                Pipeline::ProductEvents => stack.track_url,
            };
            (url, key)
        };
        Ok(Webhook {
            pipeline,
            client: http::client(TIMEOUT)?,
            url,
            key,
            suffix: self.suffix(),
        })
    }
}

impl Webhook {
    pub(crate) async fn post(&self, body: Body) -> Result<WebhookResponse> {
        let key = self.key.expose();
        let request = self.client.post(&self.url);
        let mut request = match self.pipeline {
            Pipeline::EmailEvents => request
                .header(AUTHORIZATION, key)
                .header(CONTENT_TYPE, "application/json")
                .header(BATCH_ID, hex::encode(Sha256::digest(&body.bytes))),
            Pipeline::AppEvents => request
                .header(AUTHORIZATION, key)
                .header(CONTENT_TYPE, "application/json"),
            Pipeline::ProductEvents => request
                .header(API_KEY, key)
                .header(CONTENT_TYPE, "application/x-ndjson"),
        };
        if body.is_gzip {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        let started = Instant::now();
        let response = request
            .body(body.bytes)
            .send()
            .await
            .with_context(|| format!("posting to {}", self.url))?;
        let (status, time) = (response.status(), started.elapsed());
        // What the sender is told counts by its status; a body that cannot be read says nothing more.
        let answer = response.bytes().await.unwrap_or_default();
        let Receipt { batch } = serde_json::from_slice(&answer).unwrap_or_default();
        let refusal = (!status.is_success()).then(|| refusal(status, &answer, &self.suffix));
        Ok(WebhookResponse {
            status,
            time,
            batch,
            refusal,
        })
    }
}
