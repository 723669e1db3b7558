//! The configurable behaviour of the stand-in.

use std::collections::{BTreeSet, VecDeque};

use event_samples::random::Random;
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, RandomFaults, ScriptedFault};

/// How many requests per second Iterable accepts to `trackBulk`.
const BULK_REQUESTS_PER_SECOND: u32 = 10;

/// The behaviour of the stand-in. The default accepts everything that is well formed, with any key.
#[derive(Clone, Debug, Serialize)]
pub struct Behaviour {
    /// The only accepted key; any if none is set.
    pub api_key: Option<String>,
    /// Whether users that were never created are refused.
    pub only_known_users: bool,
    /// Users that are always unknown, by address or id.
    pub unknown_users: BTreeSet<String>,
    /// Users whose address or id is treated as malformed.
    pub invalid_users: BTreeSet<String>,
    /// Users who asked to be forgotten.
    pub forgotten_users: BTreeSet<String>,
    /// Names of events that are refused.
    pub disallowed_event_names: BTreeSet<String>,
    /// The delay of every response.
    pub latency_ms: u64,
    /// Requests per second that `trackBulk` accepts before it answers 429; 0 for any number.
    pub requests_per_second: u32,
    /// How the next requests fail.
    pub next: VecDeque<ScriptedFault>,
    /// How requests fail at random.
    pub random: Option<RandomFaults>,
    #[serde(skip)]
    numbers: Random,
}

/// A change of behaviour: fields that are not set do not change.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    /// See [`Behaviour::api_key`]; empty accepts any key again.
    pub api_key: Option<String>,
    /// See [`Behaviour::only_known_users`].
    pub only_known_users: Option<bool>,
    /// See [`Behaviour::unknown_users`].
    pub unknown_users: Option<BTreeSet<String>>,
    /// See [`Behaviour::invalid_users`].
    pub invalid_users: Option<BTreeSet<String>>,
    /// See [`Behaviour::forgotten_users`].
    pub forgotten_users: Option<BTreeSet<String>>,
    /// See [`Behaviour::disallowed_event_names`].
    pub disallowed_event_names: Option<BTreeSet<String>>,
    /// See [`Behaviour::latency_ms`].
    pub latency_ms: Option<u64>,
    /// See [`Behaviour::requests_per_second`].
    pub requests_per_second: Option<u32>,
    /// See [`Behaviour::next`]; replaces the planned faults.
    pub next: Option<VecDeque<ScriptedFault>>,
    /// See [`Behaviour::random`]; a share of 0 stops it.
    pub random: Option<RandomFaults>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            api_key: None,
            only_known_users: false,
            unknown_users: BTreeSet::new(),
            invalid_users: BTreeSet::new(),
            forgotten_users: BTreeSet::new(),
            disallowed_event_names: BTreeSet::new(),
            latency_ms: 0,
            requests_per_second: BULK_REQUESTS_PER_SECOND,
            next: VecDeque::new(),
            random: None,
            numbers: Random::new(0),
        }
    }
}

impl Behaviour {
    /// Applies `change`.
    pub(crate) fn change(&mut self, change: Change) {
        if let Some(api_key) = change.api_key {
            self.api_key = Some(api_key).filter(|key| !key.is_empty());
        }
        set(&mut self.only_known_users, change.only_known_users);
        set(&mut self.unknown_users, change.unknown_users);
        set(&mut self.invalid_users, change.invalid_users);
        set(&mut self.forgotten_users, change.forgotten_users);
        set(
            &mut self.disallowed_event_names,
            change.disallowed_event_names,
        );
        set(&mut self.latency_ms, change.latency_ms);
        set(&mut self.requests_per_second, change.requests_per_second);
        set(&mut self.next, change.next);
        if let Some(random) = change.random {
            self.numbers = Random::new(random.seed);
            self.random = Some(random).filter(|random| random.share > 0.0);
        }
    }

    /// How a request with the given numbers of items and users fails, if it does. Planned faults come first and apply to any
    /// request; random faults never misreport a single item, or a user who is alone.
    pub(crate) fn next_fault(&mut self, item_count: usize, user_count: usize) -> Option<Fault> {
        if let Some(planned) = self.next.front_mut() {
            let fault = planned.fault;
            planned.times = planned.times.saturating_sub(1);
            if planned.times == 0 {
                self.next.pop_front();
            }
            return Some(fault);
        }
        let random = self.random.as_ref()?;
        if !self.numbers.chance(random.share) {
            return None;
        }
        let fault = random
            .faults
            .get(below(&mut self.numbers, random.faults.len()))
            .copied()?;
        let is_lie = match fault {
            Fault::UsersFailed => user_count < 2,
            fault => fault.is_about_items() && item_count < 2,
        };
        (!is_lie).then_some(fault)
    }

    /// A number below `bound`, to choose the users that a fault affects.
    pub(crate) fn choose(&mut self, bound: usize) -> usize {
        below(&mut self.numbers, bound)
    }
}

fn below(numbers: &mut Random, bound: usize) -> usize {
    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    usize::try_from(numbers.below(bound)).unwrap_or(0)
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behaviour(change: &str) -> Behaviour {
        let mut behaviour = Behaviour::default();
        behaviour.change(serde_json::from_str(change).unwrap());
        behaviour
    }

    #[test]
    fn planned_faults_come_in_order_and_then_no_more() {
        let mut behaviour =
            behaviour(r#"{"next":[{"fault":"rate_limited","times":2},{"fault":"unavailable"}]}"#);

        let faults: Vec<_> = (0..4).map(|_| behaviour.next_fault(1, 1)).collect();

        assert_eq!(
            faults,
            [
                Some(Fault::RateLimited),
                Some(Fault::RateLimited),
                Some(Fault::Unavailable),
                None
            ]
        );
    }

    #[test]
    fn random_faults_are_as_frequent_as_said_and_tell_no_lies_about_one_item() {
        let mut behaviour = behaviour(r#"{"random":{"share":0.2,"seed":3}}"#);

        let many = (0..10_000)
            .filter_map(|_| behaviour.next_fault(10, 10))
            .count();
        let single: Vec<_> = (0..1_000)
            .filter_map(|_| behaviour.next_fault(1, 1))
            .collect();

        assert!((1_800..2_200).contains(&many), "{many}");
        assert!(!single.is_empty() && single.iter().all(|fault| !fault.is_about_items()));
    }

    #[test]
    fn change_keeps_what_it_does_not_name() {
        let mut behaviour = behaviour(r#"{"api_key":"k","latency_ms":5}"#);

        behaviour
            .change(serde_json::from_str(r#"{"only_known_users":true,"api_key":""}"#).unwrap());

        assert_eq!(
            (
                behaviour.api_key,
                behaviour.latency_ms,
                behaviour.only_known_users
            ),
            (None, 5, true)
        );
    }
}
