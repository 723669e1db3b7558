use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_io::Aws;
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use time::{Duration, macros::datetime};

use super::*;
use crate::operator::import::objects::pack;

/// A bucket that only creates objects, and returns them.
type Bucket = Arc<Mutex<BTreeMap<String, Bytes>>>;

async fn create(
    State(bucket): State<Bucket>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    assert_eq!(headers["if-none-match"], "*");
    let mut bucket = bucket.lock().unwrap();
    if bucket.contains_key(&key) {
        return StatusCode::PRECONDITION_FAILED;
    }
    bucket.insert(key, body);
    StatusCode::OK
}

async fn read(State(bucket): State<Bucket>, Path(key): Path<String>) -> Bytes {
    bucket.lock().unwrap()[&key].clone()
}

async fn storing() -> (Storing, Bucket) {
    let bucket = Bucket::default();
    let app = Router::new()
        .route("/b/{*key}", get(read).put(create))
        .with_state(Arc::clone(&bucket));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let storing = Storing {
        s3: Aws::local(&url).await.s3(),
        bucket: "b".to_owned(),
    };
    (storing, bucket)
}

#[tokio::test]
async fn items_that_are_imported_on_two_days_are_one_object() {
    let bare = r#"{"type":"click","event_id":"2","timestamp":"soon"}"#;
    let enveloped = format!(r#"{{"msys":{{"track_event":{bare}}}}}"#);
    let first_day = datetime!(2026-01-31 12:00 UTC);
    for (kind, first, again, key) in [
        (
            Kind::Email,
            bare,
            enveloped.as_str(),
            "raw/sparkpost/dt=2026-01-31/import-",
        ),
        (
            Kind::App,
            r#"{"events":[]}"#,
            r#"{"events":[]}"#,
            "raw/mparticle/dt=2026-01-31/hour=12/import-",
        ),
        (
            Kind::Product,
            r#"{"event":"login"}"#,
            r#"{"event":"login"}"#,
            "raw/track/dt=2026-01-31/hour=12/import-",
        ),
    ] {
        let (storing, bucket) = storing().await;
        let mut stored = Vec::new();
        for (items, now) in [(first, first_day), (again, first_day + Duration::days(9))] {
            for object in pack(kind, &[items], now) {
                stored.push(storing.store(&object, now).await.unwrap());
            }
        }

        let is_new: Vec<bool> = stored.iter().map(|stored| stored.is_new).collect();
        assert_eq!(is_new, [true, false], "{kind:?}");
        assert_eq!(stored[0].key, stored[1].key);
        assert!(stored[0].key.starts_with(key), "{}", stored[0].key);
        let keys: Vec<String> = bucket.lock().unwrap().keys().cloned().collect();
        let raw = keys.iter().filter(|key| key.starts_with("raw/"));
        assert_eq!(raw.count(), 1, "{keys:?}");
    }
}

#[tokio::test]
async fn other_items_are_another_object() {
    let (storing, bucket) = storing().await;
    let now = datetime!(2026-01-31 12:00 UTC);
    for kind in [Kind::Email, Kind::App, Kind::Product] {
        for items in [r#"{"type":"open"}"#, r#"{"type":"click"}"#] {
            for object in pack(kind, &[items], now) {
                assert!(
                    storing.store(&object, now).await.unwrap().is_new,
                    "{kind:?}"
                );
            }
        }
    }

    assert_eq!(bucket.lock().unwrap().len(), 2 * 6);
}
