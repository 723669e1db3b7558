//! How senders deliver a body: posted or put, signed, and repeated.

mod firehose;
mod rules;

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_io::S3Client;
use event_model::Pipeline;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use time::OffsetDateTime;
use tokio::time::sleep;

use self::rules::{Next, attempts, next};
use super::{
    events,
    plan::{Batch, OtherSender, Plan},
    rig::Rig,
    signing::{Attempt, Signer},
};
use crate::{
    http,
    stack::{Secret, Stack},
};

/// SparkPost's timeout; the others do not document one.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The first pause. SparkPost spreads its attempts over eight hours; here all pauses are shortened in the same way.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) attempts: u64,
    pub(super) is_acknowledged: bool,
}

/// Posts batches as their senders do.
#[derive(Debug)]
pub(super) struct Sender {
    client: reqwest::Client,
    targets: [Target; 3],
    /// Where the proxy of the gateway is.
    origin: String,
    signer: Signer,
    s3: S3Client,
    bucket: String,
}

#[derive(Debug)]
struct Target {
    url: String,
    key: Secret,
}

/// What is delivered: a batch, and how often it was delivered before.
#[derive(Clone, Copy)]
struct Item<'a> {
    plan: &'a Plan,
    batch: &'a Batch,
    copy: u64,
    body: &'a [u8],
}

impl Sender {
    /// Posts to the routes of a stack, by way of its proxies.
    pub(super) async fn new(rig: &Rig, signer: Signer) -> Result<Self> {
        let stack: &Stack = &rig.disturber.stack;
        let origin = rig.gateway.url();
        let target = |url: &str, pipeline: Pipeline| -> Result<Target> {
            let path = url
                .strip_prefix(&stack.base_url)
                .with_context(|| format!("{url} is not a route of {}", stack.base_url))?;
            Ok(Target {
                url: format!("{origin}{path}"),
                key: stack.key(pipeline.key_scope())?.clone(),
            })
        };
        Ok(Self {
            client: http::client(TIMEOUT)?,
            targets: [
                target(&stack.sparkpost_webhook_url, Pipeline::EmailEvents)?,
                target(&stack.mparticle_webhook_url, Pipeline::AppEvents)?,
                target(&stack.track_url, Pipeline::ProductEvents)?,
            ],
            origin: origin.to_owned(),
            signer,
            s3: rig.disturbed_s3().await,
            bucket: stack.bucket.clone(),
        })
    }

    /// Delivers a batch until it is acknowledged or given up.
    pub(super) async fn deliver(&self, plan: &Plan, batch: &Batch, copy: u64) -> Result<Delivery> {
        let mut body = events::body(plan.seed, batch, copy);
        if batch.is_gzip {
            body = aws_io::gzip::encode(&body);
        }
        let item = Item {
            plan,
            batch,
            copy,
            body: &body,
        };
        let put_key =
            firehose::object_key(OffsetDateTime::now_utc(), plan.seed, batch.number, copy);
        let mut pause = FIRST_PAUSE;
        let mut made = 0;
        loop {
            made += 1;
            let status = match batch.other {
                Some(OtherSender::Ses) => {
                    firehose::put(&self.s3, &self.bucket, &put_key, &body, TIMEOUT).await
                }
                Some(other) => status_of(self.signed(other, item, made)?).await,
                None => status_of(self.request(item)).await,
            };
            let is_last = made >= attempts(plan.seed, batch);
            match next(batch.pipeline, batch.other, status) {
                Next::Repeat if !is_last => {}
                outcome => {
                    return Ok(Delivery {
                        attempts: made.into(),
                        is_acknowledged: outcome == Next::Done,
                    });
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A delivery of another sender, signed again in every attempt.
    fn signed(
        &self,
        other: OtherSender,
        item: Item<'_>,
        number: u32,
    ) -> Result<reqwest::RequestBuilder> {
        let Item { plan, batch, .. } = item;
        // Resend delivers an event again under its id, Bird under a new one.
        let copy = match other {
            OtherSender::Resend => 0,
            _ => item.copy,
        };
        let attempt = Attempt {
            delivery: &format!("msg-{}-{}-{copy}", plan.seed, batch.number),
            number,
            now: OffsetDateTime::now_utc().unix_timestamp(),
        };
        let (headers, body) = self.signer.sign(other, attempt, item.body.to_vec())?;
        let url = format!("{}/webhooks/{}", self.origin, other.name());
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json");
        let signed = headers.into_iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        Ok(signed.body(body))
    }

    fn request(&self, item: Item<'_>) -> reqwest::RequestBuilder {
        let Item { plan, batch, .. } = item;
        let [email, app, product] = &self.targets;
        let request = match batch.pipeline {
            Pipeline::EmailEvents => self
                .client
                .post(&email.url)
                .header(AUTHORIZATION, email.key.expose())
                .header(CONTENT_TYPE, "application/json")
                .header(
                    "x-messagesystems-batch-id",
                    format!("prove-{}-{}", plan.seed, batch.number),
                ),
            Pipeline::AppEvents => self
                .client
                .post(&app.url)
                .header(AUTHORIZATION, app.key.expose())
                .header(CONTENT_TYPE, "application/json"),
            Pipeline::ProductEvents => self
                .client
                .post(&product.url)
                .header("x-api-key", product.key.expose())
                .header(CONTENT_TYPE, "application/x-ndjson"),
        };
        let request = if batch.is_gzip {
            request.header(CONTENT_ENCODING, "gzip")
        } else {
            request
        };
        request.body(item.body.to_vec())
    }
}

/// The status of the response; none without one.
async fn status_of(request: reqwest::RequestBuilder) -> Option<u16> {
    let answer = request.send().await.ok()?;
    let status = answer.status().as_u16();
    // Read to its end, as senders do; its content decides nothing.
    drop(answer.bytes().await);
    Some(status)
}
