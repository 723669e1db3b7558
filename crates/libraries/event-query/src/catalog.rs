//! The API's own documentation: the searchable types, the members of each, and a sample of each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use event_model::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::dialect::Dialect;
use crate::endpoint::Endpoint;
use crate::error::ParamError;
use crate::filter::event_types;
use crate::raw_params::RawParams;
use crate::render::{EventStyle, write_event};
use crate::type_name::TypeName;
use crate::zone::Zone;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    serde_json::from_str(include_str!("catalog.json")).expect("a test has read this file")
});

/// The time of every sample, as `catalog.json` has it.
const SAMPLE_UNIX_SECONDS: i64 = 1_769_860_800;

#[derive(Debug, Deserialize)]
struct Catalog {
    fields: BTreeMap<String, Field>,
    /// Names of fields that occur together.
    sets: BTreeMap<String, Vec<String>>,
    types: BTreeMap<String, Type>,
}

#[derive(Debug, Deserialize)]
struct Field {
    description: String,
    sample: Value,
}

#[derive(Debug, Deserialize)]
struct Type {
    display_name: String,
    description: String,
    sets: Vec<String>,
    /// In addition to those of the sets.
    fields: Vec<String>,
}

impl Catalog {
    /// The fields of a type with their descriptions, in the order of their names.
    fn fields_of<'a>(&'a self, known: &'a Type) -> impl Iterator<Item = (&'a String, &'a Field)> {
        let in_sets = known
            .sets
            .iter()
            .filter_map(|set| self.sets.get(set))
            .flatten();
        let names: BTreeSet<&String> = in_sets.chain(&known.fields).collect();
        names
            .into_iter()
            .filter_map(|name| self.fields.get_key_value(name))
    }
}

/// Answers `GET /api/v1/events/message/documentation`: for each type its fields, each with a description and a sample.
pub fn documentation() -> Value {
    let described = |sample: Value, description: &str| json!({ "description": description, "sampleValue": sample });
    let results = CATALOG.types.iter().map(|(name, known)| {
        let mut members: Map<String, Value> = CATALOG
            .fields_of(known)
            .map(|(name, field)| {
                (
                    name.clone(),
                    described(field.sample.clone(), &field.description),
                )
            })
            .collect();
        members.insert(
            "type".to_owned(),
            described(json!(name), "Type of the event"),
        );
        members.insert(
            "display_name".to_owned(),
            described(json!(known.display_name), "Name of the type for people"),
        );
        members.insert(
            "event_description".to_owned(),
            described(json!(known.description), "What happened"),
        );
        Value::Object(members)
    });
    json!({ "results": results.collect::<Vec<_>>() })
}

/// Answers `GET /api/v1/events/message/samples`: one event of each type, or of the types that `events` names. A type
/// that is not described here has no sample.
///
/// # Errors
/// When `events` has an invalid name of a type, and on any other parameter.
pub fn samples(dialect: Dialect, query_string: &str) -> Result<Value, ParamError> {
    let given = RawParams::parse(query_string, Endpoint::Samples)?;
    let wanted = event_types(&given)?;
    let wanted: BTreeSet<&str> = wanted.iter().map(TypeName::as_str).collect();

    let samples = CATALOG
        .types
        .iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.contains(name.as_str()))
        .map(|(name, known)| sample(dialect, name, known));
    Ok(json!({ "results": samples.collect::<Vec<_>>() }))
}

fn sample(dialect: Dialect, name: &str, known: &Type) -> Value {
    let mut event: Map<String, Value> = CATALOG
        .fields_of(known)
        .map(|(name, field)| (name.clone(), field.sample.clone()))
        .collect();
    event.insert("type".to_owned(), json!(name));

    let mut out = Vec::new();
    let ts = Timestamp::from_unix_seconds(SAMPLE_UNIX_SECONDS).unwrap_or(Timestamp::MIN);
    let zone = Zone::UTC;
    write_event(
        &mut out,
        &EventStyle { dialect, zone },
        ts,
        &Value::Object(event).to_string(),
    )
    .expect("a sample is an object");
    serde_json::from_slice(&out).expect("an event is written as JSON")
}

#[cfg(test)]
mod tests {
    use event_model::sparkpost::EventType;

    use super::*;

    #[test]
    fn every_searchable_type_is_described_by_fields_that_are_there() {
        let described: Vec<&str> = CATALOG.types.keys().map(String::as_str).collect();
        let searchable = EventType::ALL
            .into_iter()
            .filter(|known| known.searchable());
        assert_eq!(
            described,
            searchable.map(EventType::as_str).collect::<Vec<_>>()
        );

        let in_sets: BTreeSet<&String> = CATALOG.sets.values().flatten().collect();
        let in_types: BTreeSet<&String> = CATALOG
            .types
            .values()
            .flat_map(|known| &known.fields)
            .collect();
        let used: BTreeSet<&String> = in_sets.union(&in_types).copied().collect();
        assert_eq!(used, CATALOG.fields.keys().collect());
        for known in CATALOG.types.values() {
            assert!(
                known.sets.iter().all(|set| CATALOG.sets.contains_key(set)),
                "{}",
                known.display_name
            );
        }
    }

    #[test]
    fn documentation_has_the_form_of_sparkposts() {
        let documentation = documentation();
        let bounce = &documentation["results"][3];

        assert_eq!(bounce["type"]["sampleValue"], "bounce");
        assert_eq!(bounce["display_name"]["sampleValue"], "Bounce");
        assert!(bounce["event_description"]["sampleValue"].is_string());
        assert_eq!(
            bounce["customer_id"],
            json!({
                "description": "SparkPost account that sent the message",
                "sampleValue": 1,
            })
        );
        assert_eq!(documentation["results"].as_array().map(Vec::len), Some(18));
    }

    #[test]
    fn samples_are_events_as_a_search_would_answer_them() {
        let newer = samples(Dialect::Events, "events=click,sms_status").unwrap();
        let older = samples(Dialect::MessageEvents, "events=click").unwrap();

        assert_eq!(newer["results"].as_array().map(Vec::len), Some(2));
        assert_eq!(newer["results"][0]["type"], "click");
        assert_eq!(
            newer["results"][0]["timestamp"],
            CATALOG.fields["timestamp"].sample
        );
        assert_eq!(newer["results"][1].get("event_id"), None);
        assert_eq!(older["results"][0]["customer_id"], "1");
        assert_eq!(older["results"][0]["geo_ip"]["latitude"], "39.1749");
        assert_eq!(
            samples(Dialect::Events, "").unwrap()["results"]
                .as_array()
                .map(Vec::len),
            Some(18)
        );
        assert_eq!(
            samples(Dialect::Events, "events=click,newer_than_this").unwrap()["results"]
                .as_array()
                .map(Vec::len),
            Some(1)
        );
        assert_eq!(
            samples(Dialect::Events, "events=click;open")
                .unwrap_err()
                .param,
            "events"
        );
    }
}
