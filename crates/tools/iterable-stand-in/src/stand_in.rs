//! How a request is processed.

mod accepting;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use self::accepting::user_of;
use crate::{
    behaviour::{Behaviour, Change},
    check,
    fault::Fault,
    pace::Pace,
    received::{Arrival, Counts, Received},
    response::IterableResponse,
};

/// The largest accepted body.
const MAX_BODY_BYTES: usize = 4_000_000;
/// Requests per second to forget users that Iterable accepts.
const FORGET_REQUESTS_PER_SECOND: u32 = 3;
const HANG: Duration = Duration::from_mins(1);

/// The supported requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    TrackBulk,
    BulkUpdate,
    TrackPurchase,
    Forget,
}

/// One Iterable project. Cheap to clone; clones share their state.
#[derive(Clone, Debug)]
pub struct StandIn(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    behaviour: Behaviour,
    received: Received,
    bulk_pace: Pace,
    forget_pace: Pace,
}

impl Endpoint {
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::TrackBulk => "/api/events/trackBulk",
            Self::BulkUpdate => "/api/users/bulkUpdate",
            Self::TrackPurchase => "/api/commerce/trackPurchase",
            Self::Forget => "/api/users/forget",
        }
    }
}

impl Default for StandIn {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            behaviour: Behaviour::default(),
            received: Received::default(),
            bulk_pace: Pace::new(Instant::now()),
            forget_pace: Pace::new(Instant::now()),
        })))
    }
}

impl StandIn {
    /// Changes its behaviour.
    pub fn change(&self, change: Change) {
        self.state().behaviour.change(change);
    }

    /// Its behaviour.
    pub fn behaviour(&self) -> Behaviour {
        self.state().behaviour.clone()
    }

    /// What arrived, in numbers.
    pub fn counts(&self) -> Counts {
        self.state().received.counts.clone()
    }

    /// The events from an index on, in the order of their first arrival.
    pub fn events(&self, after: usize, limit: usize) -> Vec<Arrival> {
        self.state().received.events(after, limit).to_vec()
    }

    /// One event.
    pub fn event(&self, id: &str) -> Option<Arrival> {
        self.state().received.event(id).cloned()
    }

    /// One purchase.
    pub fn purchase(&self, id: &str) -> Option<Arrival> {
        self.state().received.purchase(id).cloned()
    }

    /// The last bodies with events, the newest first.
    pub fn bodies(&self) -> Vec<String> {
        let state = self.state();
        let texts = state.received.bodies().map(String::from_utf8_lossy);
        texts.map(String::from).collect()
    }

    /// Forgets everything that arrived.
    pub fn forget(&self) {
        self.state().received = Received::default();
    }

    /// Processes a request.
    pub(crate) fn respond(
        &self,
        endpoint: Endpoint,
        api_key: Option<&str>,
        body: &[u8],
    ) -> IterableResponse {
        let mut state = self.state();
        let mut response = state.respond(endpoint, api_key, body);
        response.delay += Duration::from_millis(state.behaviour.latency_ms);
        if endpoint == Endpoint::TrackBulk {
            state.received.keep_body(body);
        }
        let counts = &mut state.received.counts;
        counts.largest_body_bytes = counts.largest_body_bytes.max(body.len() as u64);
        let responses = counts
            .responses
            .entry(endpoint.path().to_owned())
            .or_default();
        *responses.entry(response.status).or_default() += 1;
        response
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn respond(
        &mut self,
        endpoint: Endpoint,
        api_key: Option<&str>,
        body: &[u8],
    ) -> IterableResponse {
        let nothing = Value::Null;
        if self
            .behaviour
            .api_key
            .as_deref()
            .is_some_and(|expected| api_key != Some(expected))
        {
            return IterableResponse::error(
                401,
                "BadApiKey",
                "Invalid API key",
                &json!({ "endpoint": endpoint.path() }),
            );
        }
        if body.len() > MAX_BODY_BYTES {
            return IterableResponse::error(
                413,
                "BatchTooLarge",
                "Request body too large",
                &nothing,
            );
        }
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return IterableResponse::error(400, "BadJsonBody", "Invalid JSON", &nothing);
        };
        let checked = match endpoint {
            Endpoint::TrackBulk => check::events(&body).map(Vec::as_slice),
            Endpoint::BulkUpdate => check::users(&body).map(Vec::as_slice),
            Endpoint::TrackPurchase => check::purchase(&body).map(|()| std::slice::from_ref(&body)),
            Endpoint::Forget => check::forget(&body).map(|()| std::slice::from_ref(&body)),
        };
        let items = match checked {
            Ok(items) => items,
            Err(problems) => return IterableResponse::problems(endpoint.path(), problems),
        };
        let per_second = self.behaviour.requests_per_second;
        let now = Instant::now();
        let is_in_time = match endpoint {
            Endpoint::TrackBulk => self.bulk_pace.takes(per_second, now),
            Endpoint::Forget => {
                let per_second = per_second.min(FORGET_REQUESTS_PER_SECOND);
                self.forget_pace.takes(per_second, now)
            }
            Endpoint::BulkUpdate | Endpoint::TrackPurchase => true,
        };
        if !is_in_time {
            return too_often();
        }

        let users: BTreeSet<_> = items.iter().filter_map(user_of).collect();
        let fault = self.behaviour.next_fault(items.len(), users.len());
        if let Some(fault) = fault {
            *self.received.counts.faults.entry(fault).or_default() += 1;
        }
        let index = |state: &mut Self| state.behaviour.choose(items.len());
        match fault {
            Some(Fault::Unauthorized) => {
                IterableResponse::error(401, "BadApiKey", "Invalid API key", &nothing)
            }
            Some(Fault::Forbidden) => {
                IterableResponse::error(403, "Forbidden", "Forbidden", &nothing)
            }
            Some(Fault::TooLarge) => {
                IterableResponse::error(413, "BatchTooLarge", "Request body too large", &nothing)
            }
            Some(Fault::RateLimited) => too_often(),
            Some(Fault::Unavailable) => {
                IterableResponse::error(503, "GenericError", "Service unavailable", &nothing)
            }
            Some(Fault::Refused) => {
                IterableResponse::error(400, "BadParams", "Bad parameters", &nothing)
            }
            Some(Fault::InvalidItem) => {
                let path = format!("obj.events[{}].dataFields", index(self));
                IterableResponse::problems(
                    endpoint.path(),
                    vec![check::Problem {
                        path,
                        detail: "Object value expected",
                    }],
                )
            }
            Some(Fault::ResponseLost) => {
                self.take(endpoint, items, None);
                IterableResponse::error(503, "GenericError", "Service unavailable", &nothing)
            }
            Some(Fault::ResponseCut) => {
                let mut response = self.take(endpoint, items, None);
                response.body.truncate(response.body.len() / 2);
                response
            }
            Some(Fault::Hang) => {
                let mut response = self.take(endpoint, items, None);
                response.delay = HANG;
                response
            }
            Some(Fault::UsersFailed | Fault::UnnamedFailures) | None => {
                self.take(endpoint, items, fault)
            }
        }
    }
}

fn too_often() -> IterableResponse {
    let mut response = IterableResponse::error(
        429,
        "RateLimitExceeded",
        "Rate limit exceeded",
        &Value::Null,
    );
    response.retry_after_s = Some(1);
    response
}
