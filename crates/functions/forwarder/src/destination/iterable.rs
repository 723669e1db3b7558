//! Iterable: custom events and profiles in bulk, purchases one by one.

use std::{fmt, time::Duration};

use event_mapping::{
    Call, Operation,
    iterable::{
        BULK_UPDATE_PATH, MAX_BULK_ITEMS, TRACK_BULK_PATH, TRACK_PURCHASE_PATH, bulk_update_body,
        track_bulk_body,
    },
};
use futures::future::BoxFuture;
use reqwest::Client;
use secrecy::SecretString;
use url::Url;

use super::{
    Destination, Limits, Response, iterable_response,
    post::{post, secret_value},
};

/// A little less than Iterable's 4 MB, because it is not documented what counts.
const MAX_BODY_BYTES: usize = 3_900_000;

/// A project at Iterable.
pub struct Iterable {
    client: Client,
    track_bulk: Url,
    bulk_update: Url,
    track_purchase: Url,
    api_key: SecretString,
    rates: IterableRates,
}

/// How many requests per second a project accepts, from all senders together.
#[derive(Clone, Copy, Debug)]
pub struct IterableRates {
    /// Requests to `trackBulk`: 10 at Iterable. Profile updates are sent at half the rate, because Iterable accepts
    /// half as many.
    pub bulk: f64,
    /// Requests to `trackPurchase`, one purchase each. Iterable publishes no limit.
    pub purchases: f64,
}

impl Iterable {
    /// A project at `base_url`, such as `https://api.iterable.com`, with a server-side key.
    ///
    /// # Errors
    /// When `base_url` cannot have a path.
    pub fn new(
        client: Client,
        base_url: &Url,
        api_key: SecretString,
        rates: IterableRates,
    ) -> Result<Self, url::ParseError> {
        Ok(Self {
            client,
            track_bulk: base_url.join(TRACK_BULK_PATH)?,
            bulk_update: base_url.join(BULK_UPDATE_PATH)?,
            track_purchase: base_url.join(TRACK_PURCHASE_PATH)?,
            api_key,
            rates,
        })
    }

    async fn send_request(
        &self,
        operation: Operation,
        calls: &[&Call],
        time_limit: Duration,
    ) -> Response {
        let items = calls.iter().map(|call| call.json.as_str());
        let (url, body) = match operation {
            Operation::Track => (&self.track_bulk, track_bulk_body(items)),
            Operation::Profile => (&self.bulk_update, bulk_update_body(items)),
            Operation::Purchase => (&self.track_purchase, items.collect()),
        };
        let Ok(api_key) = secret_value(&self.api_key) else {
            return Response::Misconfigured("the API key cannot be sent in a header".to_owned());
        };
        let request = self
            .client
            .post(url.clone())
            .header("Api-Key", api_key)
            .header("Content-Type", "application/json")
            .body(body);
        match post(request, time_limit).await {
            Ok(response) => iterable_response::read(operation, calls.len(), &response),
            Err(transient) => transient,
        }
    }
}

impl Destination for Iterable {
    fn limits(&self, operation: Operation) -> Limits {
        let (calls, requests_per_second) = match operation {
            Operation::Track => (MAX_BULK_ITEMS, self.rates.bulk),
            Operation::Profile => (MAX_BULK_ITEMS, self.rates.bulk / 2.0),
            Operation::Purchase => (1, self.rates.purchases),
        };
        Limits {
            calls,
            body_bytes: MAX_BODY_BYTES,
            interval: Duration::from_secs_f64(1.0 / requests_per_second),
        }
    }

    fn send<'a>(
        &'a self,
        operation: Operation,
        calls: &'a [&'a Call],
        time_limit: Duration,
    ) -> BoxFuture<'a, Response> {
        Box::pin(self.send_request(operation, calls, time_limit))
    }
}

impl fmt::Debug for Iterable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iterable")
            .field("host", &self.track_bulk.host_str())
            .finish_non_exhaustive()
    }
}
