//! An app event as the object that its row is read from: what has a column in front, under the names that
//! `tables/app_events.json` asks for, and behind it the rest of the batch and of the event, as they were sent.

use std::ops::RangeInclusive;

use event_model::mparticle::{Batch, Environment, Event, Int64, event_id};
use serde_json::Value;

use super::rest::rest_of;

/// What is said once for all events of a batch.
pub(super) struct BatchLine {
    /// Members with a comma behind each.
    columns: String,
    /// What has no column, as it was sent; empty when there is nothing.
    rest: String,
}

impl BatchLine {
    /// Of the batch that `json` is.
    pub(super) fn of(batch: &Batch<'_>, json: &str) -> Self {
        let mut columns = String::new();
        let mut taken: Vec<&[&str]> = vec![&["events"]];
        if let Some(mpid) = batch.user_mpid().and_then(Int64::as_i64) {
            push(&mut columns, "mpid", mpid);
            taken.push(&["mpid"]);
        }
        let environment = match batch.environment() {
            Environment::Production => Some("production".into()),
            Environment::Development => Some("development".into()),
            Environment::Other(name) => Some(name),
            Environment::Absent => None,
        };
        let texts: [(_, _, &[&str]); 4] = [
            ("environment", environment, &["environment"]),
            ("platform", batch.platform(), &["device_info", "platform"]),
            (
                "applicationName",
                batch.application_name(),
                &["application_info", "application_name"],
            ),
            (
                "applicationVersion",
                batch.application_version(),
                &["application_info", "application_version"],
            ),
        ];
        for (name, text, path) in texts {
            if let Some(text) = text {
                push(&mut columns, name, &*text);
                taken.push(path);
            }
        }
        let rest = rest_of(json, &taken).unwrap_or_default().into_owned();
        Self { columns, rest }
    }

    /// How much of each event's line it is.
    pub(super) fn len(&self) -> usize {
        self.columns.len() + self.rest.len()
    }

    /// Writes the line of one of the batch's events, whose time is one of `accepted`.
    pub(super) fn write_event(
        &self,
        line: &mut Vec<u8>,
        event: &Event<'_>,
        batch: &Batch<'_>,
        sent_at: Option<&str>,
        accepted: &RangeInclusive<i64>,
    ) {
        let data = event.data();
        let event_type = event.event_type();
        let mut columns = String::new();
        let mut taken: Vec<&[&str]> = Vec::new();
        push(&mut columns, "eventKey", event_id(event, &data, batch));
        if !event_type.as_str().is_empty() {
            push(&mut columns, "eventType", event_type.as_str());
            taken.push(if event.is_typed_inside() {
                &["data", "event_type"]
            } else {
                &["event_type"]
            });
        }
        if let Some((ms, is_own)) = data.time_ms(batch, accepted) {
            push(&mut columns, "ts", ms);
            // The batch's time is said of the batch, too.
            if is_own {
                taken.push(&["data", "timestamp_unixtime_ms"]);
            }
        }
        let name = data.name(&event_type);
        let name_path = name.as_ref().map(|(key, _)| ["data", *key]);
        if let (Some((_, name)), Some(path)) = (name, &name_path) {
            push(&mut columns, "eventName", &*name);
            taken.push(path);
        }
        let ids: [(_, _, &[&str]); 2] = [
            ("eventId", data.event_id, &["data", "event_id"]),
            ("sessionId", data.session_id, &["data", "session_id"]),
        ];
        for (name, field, path) in ids {
            // mParticle uses 0 for "none".
            let id = field.integer().filter(|id| !id.is_zero());
            if let Some(id) = id.and_then(Int64::as_i64) {
                push(&mut columns, name, id);
                taken.push(path);
            }
        }
        let rest = rest_of(event.json.json().unwrap_or_default(), &taken);
        let objects = [
            ("batch", &*self.rest),
            ("event", rest.as_deref().unwrap_or_default()),
        ];
        write_line(line, sent_at, &[&columns, &self.columns], &objects);
    }
}

/// Writes the line of a request to treat two users as one.
pub(super) fn write_alias(line: &mut Vec<u8>, id: &str, sent_at: Option<&str>, json: &str) {
    let mut columns = String::new();
    push(&mut columns, "eventKey", id);
    write_line(line, sent_at, &[&columns], &[("batch", json)]);
}

fn write_line(
    line: &mut Vec<u8>,
    sent_at: Option<&str>,
    columns: &[&String],
    objects: &[(&str, &str)],
) {
    let mut text = String::from("{");
    for members in columns {
        text.push_str(members);
    }
    if let Some(sent_at) = sent_at {
        push(&mut text, "sentAt", sent_at);
    }
    for (name, json) in objects {
        if !json.is_empty() {
            text.push('"');
            text.push_str(name);
            text.push_str("\":");
            text.push_str(json);
            text.push(',');
        }
    }
    text.pop();
    text.push('}');
    line.clear();
    line.extend_from_slice(text.as_bytes());
}

/// Adds a member and a comma.
fn push(members: &mut String, name: &str, value: impl Into<Value>) {
    members.push('"');
    members.push_str(name);
    members.push_str("\":");
    members.push_str(&value.into().to_string());
    members.push(',');
}
