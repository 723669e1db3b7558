//! What the API answers, as far as pages need it.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::form_urlencoded;

/// One event: a flat object whose members are almost all text.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(transparent)]
pub(crate) struct Event(pub(crate) Map<String, Value>);

impl Event {
    /// A member as text; none when it is absent, empty, or no text or number.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.0.get(name)? {
            Value::String(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    /// What happened; an event without a type is not stored.
    pub(crate) fn kind(&self) -> Cow<'_, str> {
        self.text("type").unwrap_or_default()
    }

    /// When it happened; none when the time is not one.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        self.text("timestamp")?.parse().ok()
    }
}

/// A page of a search.
#[derive(Debug, Deserialize)]
pub(crate) struct EventPage {
    pub(crate) results: Vec<Event>,
    pub(crate) total_count: u64,
    /// `gte` when counting stopped before the end.
    #[serde(default)]
    pub(crate) total_count_relation: Option<String>,
    #[serde(default)]
    links: Links,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Links {
    next: Option<String>,
}

impl Links {
    fn cursor(&self) -> Option<String> {
        let (_, query) = self.next.as_ref()?.split_once('?')?;
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs
            .find(|(name, _)| name == "cursor")
            .map(|(_, cursor)| cursor.into_owned())
    }
}

impl EventPage {
    /// What leads to the next page: of its address the cursor alone, as all else is known here.
    pub(crate) fn next_cursor(&self) -> Option<String> {
        self.links.cursor()
    }

    /// Whether there are more matches than were counted.
    pub(crate) fn is_at_least(&self) -> bool {
        self.total_count_relation.as_deref() == Some("gte")
    }
}

/// What became of one pipeline's items on one day.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DaySums {
    pub(crate) day: String,
    pub(crate) pipeline: String,
    pub(crate) received: u64,
    pub(crate) stored: u64,
    pub(crate) duplicate: u64,
    pub(crate) rejected: u64,
    /// What was received and is none of these; negative when more came out than went in.
    pub(crate) difference: i64,
    pub(crate) last_loaded_at: Option<String>,
}

/// What is known of one pipeline.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PipelineState {
    pub(crate) pipeline: String,
    /// The others are counted by metrics alone.
    pub(crate) has_sums: bool,
}

/// The accounts of a range.
#[derive(Debug, Deserialize)]
pub(crate) struct Sums {
    pub(crate) results: Vec<DaySums>,
    pub(crate) pipelines: Vec<PipelineState>,
}

/// What could not be used, with the reason.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RejectedItem {
    /// Names it in requests to retry or settle it; none of an older API.
    #[serde(default)]
    pub(crate) id: Option<String>,
    /// `open`, `retried` or `settled`.
    #[serde(default)]
    pub(crate) status: Option<String>,
    #[serde(default)]
    pub(crate) note: Option<String>,
    #[serde(default)]
    pub(crate) retried_as: Option<String>,
    pub(crate) pipeline: String,
    /// `postgres` or `s3`.
    pub(crate) store: String,
    pub(crate) reason: String,
    pub(crate) detail: Option<String>,
    pub(crate) rejected_at: Option<String>,
    pub(crate) source_key: Option<String>,
    pub(crate) ordinal: Option<u64>,
    pub(crate) item: Option<String>,
    pub(crate) item_base64: Option<String>,
    pub(crate) item_bytes: Option<u64>,
    pub(crate) is_item_truncated: bool,
}

/// What became of rejected items that were retried or settled.
#[derive(Debug, Deserialize)]
pub(crate) struct Repaired {
    pub(crate) done: u64,
    pub(crate) results: Vec<RepairOutcome>,
}

/// What became of one of them.
#[derive(Debug, Deserialize)]
pub(crate) struct RepairOutcome {
    pub(crate) id: String,
    /// Why it cannot be sent again.
    pub(crate) problem: Option<String>,
}

/// A page of rejected items.
#[derive(Debug, Deserialize)]
pub(crate) struct RejectedPage {
    pub(crate) results: Vec<RejectedItem>,
    /// What was read: `postgres`, and `s3` where the API may read the bucket.
    #[serde(default)]
    pub(crate) stores: Vec<String>,
    #[serde(default)]
    links: Links,
}

impl RejectedPage {
    /// As [`EventPage::next_cursor`].
    pub(crate) fn next_cursor(&self) -> Option<String> {
        self.links.cursor()
    }
}

/// Events that have the same values in the dimensions that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// In the order of the dimensions; none for events that lack the member.
    pub(crate) keys: Vec<Option<String>>,
    pub(crate) count: u64,
}

impl Group {
    pub(crate) fn of(members: &Map<String, Value>, dimensions: &[&str]) -> Self {
        let key = |dimension: &&str| match members.get(*dimension) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let count = members
            .get("count")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        Self {
            keys: dimensions.iter().map(key).collect(),
            count,
        }
    }

    /// One of its keys.
    pub(crate) fn key(&self, index: usize) -> Option<&str> {
        self.keys.get(index)?.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn page_with_and_without_a_next_one() {
        let page = |links| -> EventPage {
            serde_json::from_value(json!({ "results": [{ "type": "open", "customer_id": 1, "x": null }], "total_count": 3, "links": links })).unwrap()
        };

        let next = page(json!({ "next": "/api/v1/events/message?per_page=1&cursor=A%2Bb&from=x" }));
        assert_eq!(next.next_cursor().as_deref(), Some("A+b"));
        assert_eq!(page(json!({})).next_cursor(), None);
        let event = &next.results[0];
        assert_eq!(
            (event.kind().as_ref(), event.text("customer_id").as_deref()),
            ("open", Some("1"))
        );
        assert_eq!((event.text("x"), event.time()), (None, None));
    }

    #[test]
    fn groups_keep_what_is_missing() {
        let group = json!({ "day": "2026-11-21", "campaign": null, "count": 7 });
        let group = Group::of(group.as_object().unwrap(), &["campaign", "day"]);

        assert_eq!(
            (group.key(0), group.key(1), group.key(2), group.count),
            (None, Some("2026-11-21"), None, 7)
        );
    }
}
