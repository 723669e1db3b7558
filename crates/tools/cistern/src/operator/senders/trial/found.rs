//! Whether a stored delivery's event is found, and if not, why.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use email_senders::{Senders, to_sparkpost};
use event_model::{BatchKey, sparkpost::parse_batch};
use serde::Deserialize;
use serde_json::Value;
use time::{OffsetDateTime, macros::format_description};
use tokio::time::sleep;

use crate::operator::api::Api;

const SEARCH: &str = "/api/v1/events/message";
const REJECTED: &str = "/api/v1/rejected";
/// The pause between two searches.
const PAUSE: Duration = Duration::from_millis(500);
/// How far from the event's time is searched, for clocks that differ.
const MARGIN: Duration = Duration::from_mins(10);

/// The event that a delivery becomes.
#[derive(Debug)]
pub(super) struct Expected {
    batch: String,
    event_id: String,
    at: OffsetDateTime,
}

#[derive(Debug, Deserialize)]
struct Page {
    results: Vec<Value>,
}

impl Expected {
    /// What the loader makes of a delivery that is stored as `batch`.
    ///
    /// # Errors
    /// It has no event.
    pub(super) fn of(
        senders: &Senders,
        batch: &str,
        body: &[u8],
        at: OffsetDateTime,
    ) -> Result<Self> {
        let key = BatchKey::parse(batch).context("the webhook's answer has no key of a batch")?;
        let delivery = senders.delivery(&key.object_key(at.date()))?;
        let translated = to_sparkpost(delivery.as_ref(), body);
        let events = parse_batch(&translated, at).events;
        let event = events.first().context("the delivery has no event")?;
        let event: Value = serde_json::from_str(&event.payload).context("reading the event")?;
        let event_id = event["event_id"].as_str().context("the event has no id")?;
        Ok(Self {
            batch: batch.to_owned(),
            event_id: event_id.to_owned(),
            at,
        })
    }

    /// Waits until the search finds the event, and returns it.
    ///
    /// # Errors
    /// It was rejected, or is not found within `limit`.
    pub(super) async fn wait(&self, api: &Api, limit: Duration) -> Result<Value> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(event) = self.find(api).await? {
                return Ok(event);
            }
            if let Some(reason) = self.rejection(api).await? {
                bail!(
                    "the delivery was stored as {}, and its event was rejected: {reason}",
                    self.batch
                );
            }
            if Instant::now() >= deadline {
                bail!(
                    "the delivery was stored as {} and is not found after {} s: `cistern status{suffix}` says whether it waits in a queue, \
                     `cistern logs loader{suffix}` why it is not loaded",
                    self.batch,
                    limit.as_secs(),
                    suffix = api.suffix()
                );
            }
            sleep(PAUSE).await;
        }
    }

    async fn find(&self, api: &Api) -> Result<Option<Value>> {
        let mut query = self.range()?.to_vec();
        query.push(("event_ids".to_owned(), self.event_id.clone()));
        let page: Page = api.first_page(SEARCH, &query).await?;
        Ok(page.results.into_iter().next())
    }

    async fn rejection(&self, api: &Api) -> Result<Option<String>> {
        let mut query = self.range()?.to_vec();
        query.push(("pipeline".to_owned(), "email_events".to_owned()));
        let page: Page = api.first_page(REJECTED, &query).await?;
        let own = page
            .results
            .iter()
            .find(|item| item["batch_key"] == self.batch.as_str());
        Ok(own.map(|item| {
            item["reason"]
                .as_str()
                .unwrap_or("without a reason")
                .to_owned()
        }))
    }

    fn range(&self) -> Result<[(String, String); 2]> {
        let seconds = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        Ok([
            ("from".to_owned(), (self.at - MARGIN).format(seconds)?),
            ("to".to_owned(), (self.at + MARGIN).format(seconds)?),
        ])
    }
}

#[cfg(test)]
mod tests {
    use email_senders::Trial;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn every_test_delivery_becomes_an_event_of_its_own() {
        let at = datetime!(2026-11-30 12:00 UTC);
        let mut ids = std::collections::BTreeSet::new();
        for (name, secret) in [
            ("mailgun", "key-0123456789abcdef"),
            ("postmark", "postmark-0123456789"),
            ("resend", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ("bird", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ("standard", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ] {
            let senders = Senders::default();
            let proof = senders.named(name).unwrap().proof().unwrap();
            for id in ["cistern-test-1", "cistern-test-2"] {
                let body = proof
                    .test_delivery(&Trial {
                        secret,
                        id,
                        now: at,
                    })
                    .body;
                let batch = BatchKey::of_sender(name, Some(id), &body);
                let expected = Expected::of(&senders, batch.as_str(), &body, at).unwrap();
                ids.insert(expected.event_id);
            }
        }
        assert_eq!(
            ids.len(),
            8,
            "the id of a delivery identifies events of two senders: {ids:?}"
        );
    }
}
