//! Accepts the items of a valid request, one by one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Endpoint, State};
use crate::{
    check,
    fault::Fault,
    response::{Failures, IterableResponse},
};

impl State {
    pub(super) fn take(
        &mut self,
        endpoint: Endpoint,
        items: &[Value],
        fault: Option<Fault>,
    ) -> IterableResponse {
        match endpoint {
            Endpoint::TrackBulk => self.take_events(items, fault),
            Endpoint::BulkUpdate => self.take_users(items),
            Endpoint::TrackPurchase => self.take_purchase(items),
            Endpoint::Forget => self.take_forgotten(items),
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
                return invalid_user(field);
            }
            self.received.create_user(field, name);
            self.received.take_purchase(purchase);
        }
        IterableResponse::error(200, "Success", "Purchase tracked", &json!({}))
    }

    /// Forgets users, whose events are refused from then on.
    fn take_forgotten(&mut self, users: &[Value]) -> IterableResponse {
        for (field, name) in users.iter().filter_map(user_of) {
            let behaviour = &mut self.behaviour;
            if !check::is_well_formed_user(field, name) || behaviour.invalid_users.contains(name) {
                return invalid_user(field);
            }
            behaviour.forgotten_users.insert(name.to_owned());
            self.received.remove_user(field, name);
        }
        IterableResponse::error(200, "Success", "User forgotten", &json!({}))
    }
}

fn invalid_user(field: &str) -> IterableResponse {
    let code = if field == "email" {
        "InvalidEmailAddressError"
    } else {
        "InvalidUserIdError"
    };
    IterableResponse::error(400, code, "Invalid user", &Value::Null)
}

pub(super) fn user_of(item: &Value) -> Option<(&'static str, &str)> {
    ["email", "userId"]
        .into_iter()
        .find_map(|field| Some((field, item.get(field)?.as_str()?)))
}
