//! What arrived.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use crate::fault::Fault;

/// How many bodies are kept.
const BODIES: usize = 64;

/// The latest version of an event or a purchase.
#[derive(Clone, Debug, Serialize)]
pub struct Arrival {
    /// Its id; generated for an event without one.
    pub id: String,
    /// How often it was accepted.
    pub deliveries: u32,
    /// The event, or the purchase.
    pub event: Box<RawValue>,
}

/// Counts of requests and responses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Events by id.
    pub events: u64,
    /// How often events were accepted, including repetitions.
    pub event_deliveries: u64,
    /// Purchases by id.
    pub purchases: u64,
    /// How often purchases were accepted, including repetitions.
    pub purchase_deliveries: u64,
    /// Users that were created.
    pub users: u64,
    /// Responses by path and status.
    pub responses: BTreeMap<String, BTreeMap<u16, u64>>,
    /// How often each fault occurred.
    pub faults: BTreeMap<Fault, u64>,
    /// The largest number of events in a request.
    pub most_events_in_a_request: u64,
    /// The largest body.
    pub largest_body_bytes: u64,
}

/// Everything that arrived.
#[derive(Debug, Default)]
pub(crate) struct Received {
    events: Vec<Arrival>,
    event_indices: HashMap<String, usize>,
    purchases: BTreeMap<String, Arrival>,
    /// The last bodies with events.
    bodies: VecDeque<Vec<u8>>,
    users: BTreeSet<(&'static str, String)>,
    /// The type of each field of each event name, as it first arrived.
    types: HashMap<(String, String), &'static str>,
    pub(crate) counts: Counts,
}

/// A field whose type differs from its first.
#[derive(Debug)]
pub(crate) struct Mismatch {
    pub(crate) field: String,
    pub(crate) expected: &'static str,
    pub(crate) incoming: &'static str,
}

impl Received {
    pub(crate) fn take_event(&mut self, event: &Value) {
        self.counts.event_deliveries += 1;
        let id = match event.get("id").and_then(Value::as_str) {
            Some(id) => id.to_owned(),
            None => format!("without-id-{}", self.events.len()),
        };
        let Ok(raw) = serde_json::value::to_raw_value(event) else {
            return;
        };
        let known = self
            .event_indices
            .get(&id)
            .and_then(|index| self.events.get_mut(*index));
        if let Some(arrival) = known {
            arrival.deliveries += 1;
            arrival.event = raw;
            return;
        }
        self.event_indices.insert(id.clone(), self.events.len());
        self.events.push(Arrival {
            id,
            deliveries: 1,
            event: raw,
        });
        self.counts.events += 1;
    }

    pub(crate) fn take_purchase(&mut self, purchase: &Value) {
        let id = match purchase.get("id").and_then(Value::as_str) {
            Some(id) => id.to_owned(),
            None => format!("without-id-{}", self.purchases.len()),
        };
        let Ok(raw) = serde_json::value::to_raw_value(purchase) else {
            return;
        };
        let earlier = self.purchases.get(&id).map_or(0, |known| known.deliveries);
        let arrival = Arrival {
            id: id.clone(),
            deliveries: earlier + 1,
            event: raw,
        };
        self.purchases.insert(id, arrival);
        self.counts.purchase_deliveries += 1;
        self.counts.purchases = self.purchases.len() as u64;
    }

    pub(crate) fn create_user(&mut self, field: &'static str, name: &str) {
        self.users.insert((field, name.to_owned()));
        self.counts.users = self.users.len() as u64;
    }

    pub(crate) fn remove_user(&mut self, field: &'static str, name: &str) {
        self.users.remove(&(field, name.to_owned()));
        self.counts.users = self.users.len() as u64;
    }

    pub(crate) fn knows(&self, field: &'static str, name: &str) -> bool {
        self.users.contains(&(field, name.to_owned()))
    }

    /// The events from an index on, in the order of their first arrival.
    pub(crate) fn events(&self, after: usize, limit: usize) -> &[Arrival] {
        let from = after.min(self.events.len());
        let until = from.saturating_add(limit).min(self.events.len());
        self.events.get(from..until).unwrap_or_default()
    }

    pub(crate) fn event(&self, id: &str) -> Option<&Arrival> {
        self.events.get(*self.event_indices.get(id)?)
    }

    pub(crate) fn purchase(&self, id: &str) -> Option<&Arrival> {
        self.purchases.get(id)
    }

    /// Stores a body, and drops the oldest if there are too many.
    pub(crate) fn keep_body(&mut self, body: &[u8]) {
        self.bodies.truncate(BODIES - 1);
        self.bodies.push_front(body.to_vec());
    }

    /// The last bodies with events, the newest first.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.bodies.iter().map(Vec::as_slice)
    }

    /// Records the types of the fields of these events; records nothing if one of them has another type than before.
    pub(crate) fn learn_types(&mut self, events: &[Value]) -> Result<(), Mismatch> {
        let mut learned: HashMap<(String, String), &'static str> = HashMap::new();
        for event in events {
            let name = event
                .get("eventName")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let fields = event.get("dataFields").and_then(Value::as_object);
            for (field, value) in fields.into_iter().flat_map(Map::iter) {
                let Some(incoming) = type_of(value) else {
                    continue;
                };
                let key = (name.to_owned(), field.clone());
                match self.types.get(&key).or_else(|| learned.get(&key)) {
                    Some(expected) if *expected != incoming => {
                        return Err(Mismatch {
                            field: field.clone(),
                            expected,
                            incoming,
                        });
                    }
                    Some(_) => {}
                    None => {
                        learned.insert(key, incoming);
                    }
                }
            }
        }
        self.types.extend(learned);
        Ok(())
    }
}

fn type_of(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some("boolean"),
        Value::Number(_) => Some("double"),
        Value::String(_) => Some("string"),
        Value::Array(_) => Some("array"),
        Value::Object(_) => Some("object"),
    }
}
