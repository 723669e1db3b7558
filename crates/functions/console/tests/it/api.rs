//! Takes the API's place: events in memory, found and counted as the API's tests record it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::served::served;

/// The key that retries and settles.
pub(crate) const REPAIR_KEY: &str = "0123456789abcdef-repair-key";

/// The key that it takes.
pub(crate) const KEY: &str = "0123456789abcdef-query-key";

/// What it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
}

#[derive(Default)]
struct Inner {
    events: Vec<Value>,
    asked: Mutex<Vec<Asked>>,
    rejected: Mutex<Vec<Value>>,
    /// What was to be retried or settled: the action, and the request.
    repaired: Mutex<Vec<(String, Value)>>,
    /// What it answers to addresses that hold a text.
    refusals: Mutex<Vec<(String, u16, Value)>>,
}

/// The stand-in, and what it has seen.
#[derive(Clone)]
pub(crate) struct Api {
    inner: Arc<Inner>,
    pub(crate) origin: String,
}

impl Api {
    /// Over these events, which it serves the newest first.
    pub(crate) async fn over(mut events: Vec<Value>) -> Self {
        events.sort_by_key(|event| {
            std::cmp::Reverse(event["timestamp"].as_str().unwrap_or("").to_owned())
        });
        let inner = Arc::new(Inner {
            events,
            ..Inner::default()
        });
        let router = Router::new()
            .route("/api/v1/events/message", get(search))
            .route("/api/v1/events/message/{id}", get(show))
            .route("/api/v1/events/counts", get(counts))
            .route("/api/v1/sums", get(sums))
            .route("/api/v1/rejected", get(rejected))
            .route("/api/v1/rejected/{action}", post(repair))
            .with_state(Arc::clone(&inner));
        let origin = served(router).await;
        Self { inner, origin }
    }

    /// From now on addresses that hold this text are refused.
    pub(crate) fn refuse(&self, part: &str, status: u16, body: Value) {
        self.inner
            .refusals
            .lock()
            .unwrap()
            .push((part.to_owned(), status, body));
    }

    /// An item that could not be used, newest first.
    pub(crate) fn reject(&self, item: Value) {
        self.inner.rejected.lock().unwrap().push(item);
    }

    pub(crate) fn repaired(&self) -> Vec<(String, Value)> {
        self.inner.repaired.lock().unwrap().clone()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().unwrap().clone()
    }
}

/// Writes down what was asked, and whether it is refused.
fn refusal(inner: &Inner, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let query = form_urlencoded::parse(uri.query().unwrap_or("").as_bytes())
        .into_owned()
        .collect();
    let asked = Asked {
        method: method.clone(),
        path: uri.path().to_owned(),
        query,
    };
    inner.asked.lock().unwrap().push(asked);
    if headers.get("authorization").is_none_or(|key| key != KEY) {
        return Some(
            (
                StatusCode::FORBIDDEN,
                Json(json!({ "message": "Forbidden" })),
            )
                .into_response(),
        );
    }
    let address = uri.to_string();
    let refusals = inner.refusals.lock().unwrap();
    let (_, status, body) = refusals
        .iter()
        .find(|(part, _, _)| address.contains(part))?;
    Some((StatusCode::from_u16(*status).unwrap(), Json(body.clone())).into_response())
}

fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

fn member(parameter: &str) -> Option<&str> {
    Some(match parameter {
        "events" => "type",
        "recipients" => "rcpt_to",
        "messages" => "message_id",
        "campaigns" => "campaign_id",
        "bounce_classes" => "bounce_class",
        "recipient_domains" => "recipient_domain",
        _ => return None,
    })
}

/// Whether a text has the words of a value side by side, as the API compares campaigns and domains.
fn has_words(text: &str, value: &str) -> bool {
    let words = |text: &str| {
        let lower = text.to_lowercase();
        let words: Vec<_> = lower
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        format!(" {} ", words.join(" "))
    };
    words(text).contains(&words(value))
}

/// The events that match, by the parameters that the tests use.
fn matching<'a>(inner: &'a Inner, pairs: &[(String, String)]) -> Vec<&'a Value> {
    let one = |name: &str| {
        pairs
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    };
    let time = |name: &str| one(name).map(|text| text.parse::<Timestamp>().unwrap());
    let (from, to) = (time("from"), time("to"));
    let is_exact = one("match") == Some("exact");
    inner
        .events
        .iter()
        .filter(|event| {
            let at: Timestamp = event["timestamp"].as_str().unwrap().parse().unwrap();
            from.is_none_or(|from| at >= from) && to.is_none_or(|to| at < to)
        })
        .filter(|event| {
            let mut names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
            names.dedup();
            names
                .into_iter()
                .filter_map(|name| Some((name, member(name)?)))
                .all(|(name, member)| {
                    let values = pairs
                        .iter()
                        .filter(|(given, _)| given == name)
                        .flat_map(|(_, values)| values.split(','));
                    let by_words = ["campaigns", "recipient_domains"].contains(&name) && !is_exact;
                    values.into_iter().any(|value| {
                        event[member].as_str().is_some_and(|text| {
                            text == value || (by_words && has_words(text, value))
                        })
                    })
                })
        })
        .collect()
}

async fn search(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    if let Some(refusal) = refusal(&inner, &method, &uri, &headers) {
        return refusal;
    }
    let query = query.unwrap_or_default();
    let pairs = pairs(&query);
    let one = |name: &str| {
        pairs
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.clone())
    };
    let found = matching(&inner, &pairs);
    let per_page: usize = one("per_page").map_or(1_000, |text| text.parse().unwrap());
    let skipped: usize = one("cursor").map_or(0, |text| text.parse().unwrap());
    let page: Vec<_> = found.iter().skip(skipped).take(per_page).collect();
    let end = skipped + page.len();
    if let Some(format) = one("format") {
        let lines: Vec<_> = page.iter().map(ToString::to_string).collect();
        return ([("content-type", format)], lines.join("\n")).into_response();
    }
    let kept = pairs.iter().filter(|(name, _)| name != "cursor");
    let next = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("cursor", &end.to_string())
        .finish();
    let links = if end < found.len() {
        json!({ "next": format!("/api/v1/events/message?{next}") })
    } else {
        json!({})
    };
    Json(json!({ "results": page, "total_count": found.len(), "links": links })).into_response()
}

async fn show(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    if let Some(refusal) = refusal(&inner, &method, &uri, &headers) {
        return refusal;
    }
    let found: Vec<_> = inner
        .events
        .iter()
        .filter(|event| event["event_id"].as_str() == Some(&id))
        .collect();
    if found.is_empty() {
        return (
            StatusCode::NOT_FOUND,
            Json(json!({ "errors": [{ "message": "resource not found" }] })),
        )
            .into_response();
    }
    Json(json!({ "total_count": found.len(), "results": found, "links": {} })).into_response()
}

async fn counts(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    if let Some(refusal) = refusal(&inner, &method, &uri, &headers) {
        return refusal;
    }
    let pairs = pairs(&query.unwrap_or_default());
    let one = |name: &str| {
        pairs
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    };
    let zone = jiff::tz::TimeZone::get(one("timezone").unwrap_or("UTC"));
    let zone = zone.unwrap_or(jiff::tz::TimeZone::UTC);
    let dimensions: Vec<_> = one("group_by").unwrap().split(',').collect();
    let key = |event: &Value, dimension: &str| {
        let time: Timestamp = event["timestamp"].as_str().unwrap().parse().unwrap();
        let label = |form| json!(time.to_zoned(zone.clone()).strftime(form).to_string());
        match dimension {
            "hour" => label("%Y-%m-%dT%H:00"),
            "day" => label("%Y-%m-%d"),
            "month" => label("%Y-%m"),
            "campaign" => event["campaign_id"].clone(),
            "template" => event["template_id"].clone(),
            other => event[other].clone(),
        }
    };
    let mut groups: Vec<(Vec<Value>, u64)> = Vec::new();
    let mut places: HashMap<Vec<String>, usize> = HashMap::new();
    for event in matching(&inner, &pairs) {
        let keys: Vec<_> = dimensions
            .iter()
            .map(|dimension| key(event, dimension))
            .collect();
        let name = keys.iter().map(ToString::to_string).collect();
        let place = *places.entry(name).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => groups.push((keys, 1)),
        }
    }
    groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    match one("limit") {
        Some(limit) => {
            assert_eq!(one("order"), Some("count"), "the largest are meant");
            groups.truncate(limit.parse().unwrap());
        }
        None if groups.len() > 10_000 => {
            let errors = json!([{ "message": "invalid", "param": "group_by" }]);
            return (StatusCode::BAD_REQUEST, Json(json!({ "errors": errors }))).into_response();
        }
        None => {}
    }
    let results: Vec<_> = groups
        .into_iter()
        .map(|(keys, count)| {
            let mut group: Map<_, _> = dimensions
                .iter()
                .map(|name| (*name).to_owned())
                .zip(keys)
                .collect();
            group.insert("count".to_owned(), json!(count));
            Value::Object(group)
        })
        .collect();
    Json(json!({ "results": results })).into_response()
}

/// Each day of a week with one event more than the day before, of which one is rejected; app events have no sums.
async fn sums(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = refusal(&inner, &method, &uri, &headers) {
        return refusal;
    }
    let days = (15..=21).map(|day| {
        json!({
            "day": format!("2026-11-{day}"), "pipeline": "email_events", "batches": 1, "received": day, "stored": day - 3, "duplicate": 2,
            "rejected": 1, "difference": 0, "last_loaded_at": format!("2026-11-{day}T09:00:00.000Z"),
        })
    });
    let state = |pipeline: &str, has_sums: bool| json!({ "pipeline": pipeline, "has_sums": has_sums, "newest_event_at": null });
    Json(json!({
        "results": days.collect::<Vec<_>>(),
        "pipelines": [state("email_events", true), state("app_events", false)],
    }))
    .into_response()
}

async fn rejected(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    if let Some(refusal) = refusal(&inner, &method, &uri, &headers) {
        return refusal;
    }
    let pairs = pairs(&query.unwrap_or_default());
    let one = |name: &str| {
        pairs
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.clone())
    };
    let items = inner.rejected.lock().unwrap().clone();
    let found: Vec<_> = items
        .into_iter()
        .filter(|item| one("pipeline").is_none_or(|name| item["pipeline"] == name.as_str()))
        .filter(|item| {
            one("reason").is_none_or(|part| item["reason"].as_str().unwrap().contains(&part))
        })
        .collect();
    let skipped: usize = one("cursor").map_or(0, |text| text.parse().unwrap());
    let per_page: usize = one("per_page").unwrap().parse().unwrap();
    let page: Vec<_> = found.iter().skip(skipped).take(per_page).collect();
    let end = skipped + page.len();
    let links = if end < found.len() {
        json!({ "next": format!("/api/v1/rejected?cursor={end}") })
    } else {
        json!({})
    };
    Json(json!({ "results": page, "stores": ["postgres", "s3"], "links": links })).into_response()
}

/// Items whose ids begin with `gone` cannot be sent again.
async fn repair(
    State(inner): State<Arc<Inner>>,
    headers: HeaderMap,
    Path(action): Path<String>,
    Json(request): Json<Value>,
) -> Response {
    if headers
        .get("authorization")
        .is_none_or(|key| key != REPAIR_KEY)
    {
        return (
            StatusCode::FORBIDDEN,
            Json(json!({ "message": "Forbidden" })),
        )
            .into_response();
    }
    let ids = request["ids"].as_array().unwrap().clone();
    inner.repaired.lock().unwrap().push((action, request));
    let is_gone = |id: &Value| id.as_str().unwrap().starts_with("gone");
    let impossible = ids.iter().filter(|id| is_gone(id)).count();
    let results: Vec<_> = ids
        .iter()
        .map(|id| {
            let problem = is_gone(id).then_some("its source is gone");
            json!({ "id": id, "status": null, "retried_as": null, "problem": problem })
        })
        .collect();
    let done = ids.len() - impossible;
    Json(json!({ "dry_run": false, "done": done, "impossible": impossible, "results": results }))
        .into_response()
}
