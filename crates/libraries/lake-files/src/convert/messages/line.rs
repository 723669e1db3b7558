//! An app event as the object that its row is read from: what has a column in front, under the names that
//! `tables/app_events.json` asks for, and behind it the rest of the batch and of the event, as they were sent.

use std::ops::RangeInclusive;

use event_model::{
    json::JsonObject,
    mparticle::{Batch, Environment, Event, Int64, event_id},
};

use super::rest::rest_of;

/// The members that all events of a batch share.
pub(super) struct BatchLine {
    columns: JsonObject,
    /// What has no column, as it was sent; empty when there is nothing.
    rest: String,
}

impl BatchLine {
    /// Of the batch that `json` is.
    pub(super) fn of(batch: &Batch<'_>, json: &str) -> Self {
        let mut columns = JsonObject::default();
        let mut taken: Vec<&[&str]> = vec![&["events"]];
        if let Some(mpid) = batch.user_mpid().and_then(Int64::as_i64) {
            columns.integer("mpid", mpid);
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
                columns.text(name, &text);
                taken.push(path);
            }
        }
        let rest = rest_of(json, &taken).unwrap_or_default().into_owned();
        Self { columns, rest }
    }

    /// How much of each event's line it is.
    pub(super) fn len(&self) -> usize {
        self.columns.size_bytes() + self.rest.len()
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
        let mut object = begin(line);
        let mut taken: Vec<&[&str]> = Vec::new();
        object.text("eventKey", &event_id(event, batch));
        if !event_type.as_str().is_empty() {
            object.text("eventType", event_type.as_str());
            taken.push(if event.is_typed_inside() {
                &["data", "event_type"]
            } else {
                &["event_type"]
            });
        }
        if let Some((ms, is_own)) = data.time_ms(batch, accepted) {
            object.integer("ts", ms);
            // The batch's time is said of the batch, too.
            if is_own {
                taken.push(&["data", "timestamp_unixtime_ms"]);
            }
        }
        let name = data.name(&event_type);
        let name_path = name.as_ref().map(|(key, _)| ["data", *key]);
        if let (Some((_, name)), Some(path)) = (name, &name_path) {
            object.text("eventName", &name);
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
                object.integer(name, id);
                taken.push(path);
            }
        }
        let rest = rest_of(event.json, &taken);
        object.append(&self.columns);
        if let Some(sent_at) = sent_at {
            object.text("sentAt", sent_at);
        }
        if !self.rest.is_empty() {
            object.json("batch", &self.rest);
        }
        if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
            object.json("event", &rest);
        }
        object.end();
    }
}

/// Writes the line of a request to treat two users as one.
pub(super) fn write_alias(line: &mut Vec<u8>, id: &str, sent_at: Option<&str>, json: &str) {
    let mut object = begin(line);
    object.text("eventKey", id);
    if let Some(sent_at) = sent_at {
        object.text("sentAt", sent_at);
    }
    object.json("batch", json);
    object.end();
}

fn begin(line: &mut Vec<u8>) -> JsonObject<&mut Vec<u8>> {
    line.clear();
    JsonObject::begin(line)
}
