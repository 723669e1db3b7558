//! Posting batches to a webhook as SparkPost does.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE},
};
use sha2::{Digest as _, Sha256};

use crate::{
    data_dir::DataDir,
    http,
    stack::{Secret, Stack},
};

/// SparkPost gives up after this long.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The header that names a batch.
const BATCH_ID: &str = "x-messagesystems-batch-id";

/// Where batches go.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Target {
    /// Webhook to post to [default: that of the local stack]
    #[arg(long, requires = "key")]
    url: Option<String>,

    /// Its key
    #[arg(long, requires = "url")]
    key: Option<String>,

    /// Where the local stack keeps its data [default: .local in the checkout]
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    data_dir: Option<PathBuf>,
}

/// A webhook that can be posted to.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    client: reqwest::Client,
    url: String,
    key: Secret,
}

/// A batch's body.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_gzip: bool,
}

/// How a batch was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) time: Duration,
}

impl Answer {
    /// Whether SparkPost would take the batch as delivered.
    pub(crate) fn is_accepted(self) -> bool {
        self.status.is_success()
    }
}

impl Target {
    pub(crate) fn webhook(&self) -> Result<Webhook> {
        let (url, key) = if let (Some(url), Some(key)) = (&self.url, &self.key) {
            (url.clone(), Secret::new(key))
        } else {
            let data_dir = DataDir::resolve(self.data_dir.as_deref())?;
            let stack = Stack::read(&data_dir.stack_json())?
                .context("no stack is up: start one with `cistern up`, or give --url and --key")?;
            let key = stack.key("sparkpost")?.clone();
            (stack.sparkpost_webhook_url, key)
        };
        Ok(Webhook {
            client: http::client(TIMEOUT)?,
            url,
            key,
        })
    }
}

impl Webhook {
    pub(crate) async fn post(&self, body: Body) -> Result<Answer> {
        let batch_id = hex::encode(Sha256::digest(&body.bytes));
        let mut request = self
            .client
            .post(&self.url)
            .header(AUTHORIZATION, self.key.expose())
            .header(CONTENT_TYPE, "application/json")
            .header(BATCH_ID, batch_id);
        if body.is_gzip {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        let started = Instant::now();
        let answer = request
            .body(body.bytes)
            .send()
            .await
            .with_context(|| format!("posting to {}", self.url))?;
        Ok(Answer {
            status: answer.status(),
            time: started.elapsed(),
        })
    }
}
