//! SparkPost's form of an event from a webhook, written once more and independently.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};
use time::OffsetDateTime;

pub(super) fn time_of(posted: &Value) -> Result<OffsetDateTime> {
    let seconds = posted["timestamp"].as_str().context("a timestamp")?;
    Ok(OffsetDateTime::from_unix_timestamp(seconds.parse()?)?)
}

/// To the millisecond, as SparkPost writes times.
pub(super) fn iso(at: OffsetDateTime, zone: &str) -> String {
    let (date, (hour, minute, second)) = (at.date(), at.to_hms());
    format!("{date}T{hour:02}:{minute:02}:{second:02}.000{zone}")
}

/// The Events API's form of an event from a webhook.
pub(super) fn as_event(posted: &Value) -> Result<Value> {
    let mut event = posted.clone();
    event["timestamp"] = iso(time_of(posted)?, "Z").into();
    for id in ["customer_id", "subaccount_id"] {
        if let Some(text) = posted[id].as_str() {
            event[id] = text.parse::<u64>()?.into();
        }
    }
    if let Some(seconds) = posted["scheduled_time"].as_str() {
        let at = OffsetDateTime::from_unix_timestamp(seconds.parse()?)?;
        event["scheduled_time"] = iso(at, "Z").into();
    }
    for (domain, address) in [
        ("recipient_domain", "rcpt_to"),
        ("sending_domain", "friendly_from"),
    ] {
        if let (Value::Null, Some(address)) = (&posted[domain], posted[address].as_str()) {
            event[domain] = address.rsplit('@').next().into();
        }
    }
    Ok(event)
}

/// The older API's form.
pub(super) fn as_message_event(posted: &Value) -> Result<Value> {
    let mut event = as_event(posted)?;
    event["tdate"] = event["timestamp"].take();
    event["timestamp"] = iso(time_of(posted)?, "+00:00").into();
    for id in ["customer_id", "subaccount_id"] {
        if event[id].is_u64() {
            event[id] = event[id].to_string().into();
        }
    }
    if let Some(place) = event["geo_ip"].as_object_mut() {
        for value in place.values_mut().filter(|value| value.is_number()) {
            *value = value.to_string().into();
        }
    }
    if let Some(metadata) = event["rcpt_meta"].as_object_mut() {
        for value in metadata.values_mut() {
            if let Some(items) = value.as_array() {
                let names = (0..).map(|index: u32| index.to_string());
                *value = names
                    .zip(items.iter().cloned())
                    .collect::<Map<_, _>>()
                    .into();
            }
        }
    }
    // Indexing an absent member of a mutable object inserts a null.
    if let Some(members) = event.as_object_mut() {
        members.retain(|name, value| !value.is_null() || posted.get(name).is_some());
    }
    Ok(event)
}
