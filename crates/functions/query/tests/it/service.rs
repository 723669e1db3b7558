//! The function under test, and events to load into its database.

use std::{io::Read, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use event_model::{BatchKey, Counts, EventKey, sparkpost::parse_batch};
use event_query::IndexedKeys;
use event_store::{DatabaseConfig, LoadOutcome, Store};
use flate2::read::GzDecoder;
use http_body_util::BodyExt;
use query::{Deps, router};
use serde_json::{Map, Value, json};
use sqlx::{ConnectOptions, PgPool};
use time::{OffsetDateTime, macros::datetime};
use tower::ServiceExt;

/// The function's clock.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

/// The metadata keys that the function considers indexed.
pub(crate) fn indexed_keys() -> IndexedKeys {
    IndexedKeys::new(["user_id".to_owned()])
}

pub(crate) struct Service {
    pub(crate) router: Router,
    pub(crate) store: Store,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// As sent.
    pub(crate) bytes: Vec<u8>,
}

/// An event to be loaded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TestEvent {
    pub(crate) id: u64,
    pub(crate) event_type: &'static str,
    pub(crate) unix_seconds: i64,
    /// The rest of the payload.
    pub(crate) members: Map<String, Value>,
}

impl Service {
    pub(crate) fn over(pool: &PgPool) -> Self {
        Self::with(|config| config.url = pool.connect_options().to_url_lossy().to_string().into())
    }

    /// With other settings than those of the test's own database.
    pub(crate) fn with(change: impl FnOnce(&mut DatabaseConfig)) -> Self {
        let mut config = DatabaseConfig::new(
            "postgres://127.0.0.1:1/nowhere".to_owned().into(),
            "query tests",
        );
        config.retry_for = Duration::ZERO;
        change(&mut config);
        let store = Store::connect_lazy(&config).unwrap();
        let router = router(Deps {
            store: store.clone(),
            indexed_keys: Arc::new(indexed_keys()),
            rejected_objects: None,
            free_sql: None,
            clock: || NOW,
        });
        Self { router, store }
    }

    pub(crate) async fn load(&self, events: &[TestEvent]) {
        let body =
            serde_json::to_vec(&events.iter().map(TestEvent::to_element).collect::<Vec<_>>())
                .unwrap();
        let outcome = self
            .store
            .load_batch(&BatchKey::new(None, &body), &parse_batch(&body, NOW))
            .await
            .unwrap();

        let stored = u64::try_from(events.len()).unwrap();
        assert_eq!(
            outcome,
            LoadOutcome::Loaded(Counts {
                stored,
                duplicate: 0,
                rejected: 0,
                erased: 0,
            })
        );
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer {
            status: parts.status,
            headers: parts.headers,
            bytes,
        }
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.send(Request::get(uri).body(Body::empty()).unwrap())
            .await
    }

    /// Searches with these parameters.
    pub(crate) async fn search(&self, query: &str) -> Answer {
        self.get(&format!("/api/v1/events/message?{query}")).await
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        let is_gzip = self
            .headers
            .get(header::CONTENT_ENCODING)
            .is_some_and(|coding| coding == "gzip");
        let mut plain = Vec::new();
        if is_gzip {
            GzDecoder::new(self.bytes.as_slice())
                .read_to_end(&mut plain)
                .unwrap();
        } else {
            plain.clone_from(&self.bytes);
        }
        serde_json::from_slice(&plain).unwrap()
    }

    /// The ids of the events in a page, in its order.
    pub(crate) fn event_ids(&self) -> Vec<u64> {
        assert_eq!(self.status, StatusCode::OK, "{}", self.json());
        let id = |event: &Value| event["event_id"].as_str().unwrap().parse().unwrap();
        self.json()["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(id)
            .collect()
    }

    pub(crate) fn next(&self) -> Option<String> {
        self.json()["links"]["next"].as_str().map(str::to_owned)
    }

    pub(crate) fn total_count(&self) -> u64 {
        self.json()["total_count"].as_u64().unwrap()
    }
}

impl TestEvent {
    pub(crate) fn new(id: u64, event_type: &'static str, unix_seconds: i64) -> Self {
        let event = Self {
            id,
            event_type,
            unix_seconds,
            members: Map::new(),
        };
        event.with("rcpt_to", format!("user-{}@example.com", id % 7))
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The sort key of a response, ascending.
    pub(crate) fn place(&self) -> (i64, EventKey) {
        (
            self.unix_seconds,
            EventKey::from_id(self.event_type, &self.id.to_string()),
        )
    }

    fn to_element(&self) -> Value {
        let mut event = self.members.clone();
        event.insert("type".to_owned(), self.event_type.into());
        event.insert("event_id".to_owned(), self.id.to_string().into());
        event.insert("timestamp".to_owned(), self.unix_seconds.to_string().into());
        json!({ "msys": { "message_event": event } })
    }
}

/// The ids in the order of a response: newest first, by descending key within a second.
pub(crate) fn ids_newest_first<'a>(events: impl IntoIterator<Item = &'a TestEvent>) -> Vec<u64> {
    let mut events: Vec<_> = events.into_iter().collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.place()));
    events.into_iter().map(|event| event.id).collect()
}
