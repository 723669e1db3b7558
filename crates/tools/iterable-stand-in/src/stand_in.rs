//! How a request is processed.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    behaviour::{Behaviour, Change},
    check,
    fault::Fault,
    pace::Pace,
    received::{Arrival, Counts, Received},
    response::{Failures, IterableResponse},
};

/// The largest accepted body.
const MAX_BODY_BYTES: usize = 4_000_000;
const HANG: Duration = Duration::from_mins(1);

/// The supported requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    TrackBulk,
    BulkUpdate,
    TrackPurchase,
}

/// One Iterable project. Cheap to clone; clones share their state.
#[derive(Clone, Debug)]
pub struct StandIn(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    behaviour: Behaviour,
    received: Received,
    bulk_pace: Pace,
}

impl Endpoint {
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::TrackBulk => "/api/events/trackBulk",
            Self::BulkUpdate => "/api/users/bulkUpdate",
            Self::TrackPurchase => "/api/commerce/trackPurchase",
        }
    }
}

impl Default for StandIn {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            behaviour: Behaviour::default(),
            received: Received::default(),
            bulk_pace: Pace::new(Instant::now()),
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
        };
        let items = match checked {
            Ok(items) => items,
            Err(problems) => return IterableResponse::problems(endpoint.path(), problems),
        };
        let per_second = self.behaviour.requests_per_second;
        if endpoint == Endpoint::TrackBulk && !self.bulk_pace.takes(per_second, Instant::now()) {
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

    fn take(
        &mut self,
        endpoint: Endpoint,
        items: &[Value],
        fault: Option<Fault>,
    ) -> IterableResponse {
        match endpoint {
            Endpoint::TrackBulk => self.take_events(items, fault),
            Endpoint::BulkUpdate => self.take_users(items),
            Endpoint::TrackPurchase => self.take_purchase(items),
        }
    }

    fn take_events(&mut self, events: &[Value], fault: Option<Fault>) -> IterableResponse {
        let counts = &mut self.received.counts;
        counts.most_events_in_a_request = counts.most_events_in_a_request.max(events.len() as u64);
        if let Err(mismatch) = self.received.learn_types(events) {
            return IterableResponse::mismatch(&mismatch);
        }
        let hit = self.behaviour.choose(events.len());
        let hit_user = events
            .get(hit)
            .and_then(user_of)
            .filter(|_| fault == Some(Fault::UsersFailed));
        let hit_index = (fault == Some(Fault::UnnamedFailures)).then_some(hit);
        let mut failures = Failures::default();
        let mut disallowed = BTreeSet::new();
        let mut success_count = 0;
        for (index, event) in events.iter().enumerate() {
            let Some((field, name)) = user_of(event) else {
                continue;
            };
            let event_name = event
                .get("eventName")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if let Some(cause) = self.objection(field, name) {
                failures.name(cause, field, name);
            } else if hit_user == Some((field, name)) {
                failures.name("invalid", field, name);
            } else if self.behaviour.disallowed_event_names.contains(event_name) {
                disallowed.insert(event_name.to_owned());
            } else if hit_index != Some(index) {
                self.received.take_event(event);
                success_count += 1;
            }
        }
        failures.disallowed_event_names = disallowed.into_iter().collect();
        failures.into_response(success_count, events.len() - success_count)
    }

    /// Why a user's events are refused.
    fn objection(&self, field: &'static str, name: &str) -> Option<&'static str> {
        let behaviour = &self.behaviour;
        if !check::is_well_formed_user(field, name) || behaviour.invalid_users.contains(name) {
            Some("invalid")
        } else if behaviour.forgotten_users.contains(name) {
            Some("forgotten")
        } else if behaviour.unknown_users.contains(name)
            || (behaviour.only_known_users && !self.received.knows(field, name))
        {
            Some("notFound")
        } else {
            None
        }
    }

    fn take_users(&mut self, users: &[Value]) -> IterableResponse {
        let mut failures = Failures::default();
        let mut success_count = 0;
        for (field, name) in users.iter().filter_map(user_of) {
            let refused = !check::is_well_formed_user(field, name)
                || self.behaviour.invalid_users.contains(name);
            if refused {
                failures.name("invalid", field, name);
            } else if self.behaviour.forgotten_users.contains(name) {
                failures.name("forgotten", field, name);
            } else {
                self.received.create_user(field, name);
                success_count += 1;
            }
        }
        failures.into_response(success_count, users.len() - success_count)
    }

    fn take_purchase(&mut self, purchases: &[Value]) -> IterableResponse {
        for purchase in purchases {
            let Some((field, name)) = purchase.get("user").and_then(user_of) else {
                continue;
            };
            if !check::is_well_formed_user(field, name)
                || self.behaviour.invalid_users.contains(name)
            {
                let code = if field == "email" {
                    "InvalidEmailAddressError"
                } else {
                    "InvalidUserIdError"
                };
                return IterableResponse::error(400, code, "Invalid user", &Value::Null);
            }
            self.received.create_user(field, name);
            self.received.take_purchase(purchase);
        }
        IterableResponse::error(200, "Success", "Purchase tracked", &json!({}))
    }
}

fn user_of(item: &Value) -> Option<(&'static str, &str)> {
    ["email", "userId"]
        .into_iter()
        .find_map(|field| Some((field, item.get(field)?.as_str()?)))
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
