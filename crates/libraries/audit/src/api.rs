//! The database through the stack's own API: `POST /api/v1/audit`.

use std::{collections::BTreeSet, fmt};

use event_model::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{AskedEvent, EmailStore, LoadedBatch};

/// The route that [`ApiStore`] asks.
pub const PATH: &str = "/api/v1/audit";
/// What one request may ask.
const MAX_EVENTS: usize = 10_000;

/// Sends requests to the API with a key of the scope `query`.
pub trait Ask {
    /// Why there is no answer.
    type Error: std::error::Error + 'static;

    /// Posts a body as JSON to [`PATH`] and reads the answer.
    fn ask(&self, body: &Value) -> impl Future<Output = Result<Answer, Self::Error>>;
}

/// What the API answers.
#[derive(Debug, Deserialize)]
pub struct Answer {
    batches: Vec<Known>,
    missing_events: BTreeSet<usize>,
    loaded: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Known {
    batch_key: String,
    rejected: u64,
    rejections: Vec<(u32, bool)>,
}

/// The database, asked through the API.
#[derive(Clone, Copy, Debug)]
pub struct ApiStore<A>(pub A);

impl<A: Ask + fmt::Debug> EmailStore for ApiStore<A> {
    type Error = A::Error;

    async fn batches(&self, keys: &[String]) -> Result<Vec<LoadedBatch>, A::Error> {
        let answer = self.0.ask(&json!({ "batches": keys })).await?;
        let batches = answer.batches.into_iter().map(|batch| LoadedBatch {
            batch_key: batch.batch_key,
            rejected: batch.rejected,
            rejections: batch.rejections,
        });
        Ok(batches.collect())
    }

    async fn missing(&self, events: &[AskedEvent]) -> Result<BTreeSet<usize>, A::Error> {
        let mut missing = BTreeSet::new();
        for (chunk, asked) in events.chunks(MAX_EVENTS).enumerate() {
            let asked: Vec<_> = asked
                .iter()
                .map(|(time, key)| (time.unix_micros(), key.to_string()))
                .collect();
            let answer = self.0.ask(&json!({ "events": asked })).await?;
            let places = answer.missing_events.into_iter();
            missing.extend(places.map(|place| chunk * MAX_EVENTS + place));
        }
        Ok(missing)
    }

    async fn loaded(&self, from: Timestamp, to: Timestamp) -> Result<Vec<String>, A::Error> {
        let mut loaded: Vec<String> = Vec::new();
        loop {
            let after = loaded.last().cloned().unwrap_or_default();
            let range =
                json!({ "from": from.unix_micros(), "to": to.unix_micros(), "after": after });
            let answer = self.0.ask(&json!({ "loaded": range })).await?;
            if answer.loaded.is_empty() {
                return Ok(loaded);
            }
            loaded.extend(answer.loaded);
        }
    }
}
