//! How senders deliver a body: what they take for an acknowledgement, what they repeat, and what they drop.

use std::time::Duration;

use anyhow::{Context as _, Result};
use event_model::Pipeline;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use tokio::time::sleep;

use super::{
    events,
    plan::{Batch, Plan},
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

/// What a sender does after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Done,
    Repeat,
    Drop,
}

/// After a response with this status; `None` stands for no response. The sources are in docs/operations.md.
fn next(pipeline: Pipeline, status: Option<u16>) -> Next {
    match (pipeline, status) {
        // Only 200 counts, and everything else is repeated.
        (Pipeline::EmailEvents, Some(200))
        | (Pipeline::AppEvents, Some(200 | 202))
        | (Pipeline::ProductEvents, Some(200..=299)) => Next::Done,
        (Pipeline::EmailEvents, _)
        | (_, None)
        | (Pipeline::AppEvents, Some(408 | 429 | 500 | 502..=504))
        | (Pipeline::ProductEvents, Some(429 | 500..=599)) => Next::Repeat,
        (Pipeline::AppEvents | Pipeline::ProductEvents, Some(_)) => Next::Drop,
    }
}

/// The attempts before a delivery is given up: SparkPost's twelve, Segment's ten, and mParticle's "limited number".
const fn attempts(pipeline: Pipeline) -> u32 {
    match pipeline {
        Pipeline::EmailEvents => 12,
        Pipeline::AppEvents => 6,
        Pipeline::ProductEvents => 10,
    }
}

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
}

#[derive(Debug)]
struct Target {
    url: String,
    key: Secret,
}

impl Sender {
    /// Posts to the routes of `stack`, by way of the proxy at `origin`.
    pub(super) fn new(stack: &Stack, origin: &str) -> Result<Self> {
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
        })
    }

    /// Delivers a batch until it is acknowledged or given up.
    pub(super) async fn deliver(&self, plan: &Plan, batch: &Batch) -> Delivery {
        let mut body = events::body(plan.seed, batch);
        if batch.is_gzip {
            body = aws_io::gzip::encode(&body);
        }
        let mut pause = FIRST_PAUSE;
        let mut made = 0;
        loop {
            made += 1;
            let request = self.request(plan, batch, body.clone());
            let status = match request.send().await {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    // Read to its end, as senders do; its content decides nothing.
                    drop(answer.bytes().await);
                    Some(status)
                }
                Err(_) => None,
            };
            let is_last = made >= attempts(batch.pipeline);
            match next(batch.pipeline, status) {
                Next::Repeat if !is_last => {}
                outcome => {
                    return Delivery {
                        attempts: made.into(),
                        is_acknowledged: outcome == Next::Done,
                    };
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn request(&self, plan: &Plan, batch: &Batch, body: Vec<u8>) -> reqwest::RequestBuilder {
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
        request.body(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As docs/operations.md has it in its table of senders.
    #[test]
    fn senders_react_as_they_document() {
        use Next::{Done, Drop, Repeat};
        let table = [
            (Some(200), [Done, Done, Done]),
            (Some(202), [Repeat, Done, Done]),
            (Some(204), [Repeat, Drop, Done]),
            (Some(401), [Repeat, Drop, Drop]),
            (Some(404), [Repeat, Drop, Drop]),
            (Some(413), [Repeat, Drop, Drop]),
            (Some(429), [Repeat, Repeat, Repeat]),
            (Some(500), [Repeat, Repeat, Repeat]),
            (Some(503), [Repeat, Repeat, Repeat]),
            (None, [Repeat, Repeat, Repeat]),
        ];
        for (status, expected) in table {
            assert_eq!(
                Pipeline::ALL.map(|pipeline| next(pipeline, status)),
                expected,
                "{status:?}"
            );
        }
    }
}
