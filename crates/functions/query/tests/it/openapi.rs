//! `openapi.json`, compared with the implementation.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use event_query::parameter_names;
use serde_json::Value;
use sqlx::PgPool;

use crate::{
    schema::assert_valid,
    service::{Answer, NOW, Service, TestEvent},
};

async fn document(service: &Service) -> Value {
    service.get("/openapi.json").await.json()
}

fn events() -> Vec<TestEvent> {
    let old = TestEvent::new(92_356_927_693_813_856, "bounce", 1_454_442_600);
    let recent = (0..3).map(|id| {
        TestEvent::new(id, "click", NOW.unix_timestamp() - 3_600)
            .with("customer_id", "1")
            .with("subaccount_id", "7")
    });
    recent.chain([old]).collect()
}

/// The required parameters of each path, with their examples.
fn required(document: &Value, path: &str) -> String {
    let parameters = document["paths"][path]["get"]["parameters"].as_array();
    parameters
        .into_iter()
        .flatten()
        .filter(|parameter| parameter["required"] == true && parameter["in"] == "query")
        .map(|parameter| {
            format!(
                "{}={}",
                parameter["name"].as_str().unwrap(),
                parameter["example"].as_str().unwrap()
            )
        })
        .collect::<Vec<_>>()
        .join("&")
}

/// Compares a response with the one documented for its status.
fn assert_documented(document: &Value, path: &str, answer: &Answer) {
    let status = answer.status.as_str();
    let mut response = &document["paths"][path]["get"]["responses"][status];
    if let Some(reference) = response["$ref"].as_str() {
        response = document.pointer(&reference[1..]).unwrap();
    }
    assert!(!response.is_null(), "{path} does not document {status}");
    let schema = &response["content"]["application/json"]["schema"];
    assert_valid(document, schema, &answer.json(), path);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn every_path_answers_as_documented(pool: PgPool) {
    let service = Service::over(&pool);
    service.load(&events()).await;
    let document = document(&service).await;

    let paths = document["paths"].as_object().unwrap();
    for path in paths.keys().filter(|path| !paths[*path]["get"].is_null()) {
        let uri = format!(
            "{}?{}",
            path.replace("{event_id}", "1"),
            required(&document, path)
        );
        let right = service.get(&uri).await;
        let paged = service.get(&format!("{uri}&per_page=1&links=list")).await;
        let post = service
            .send(
                Request::builder()
                    .method(Method::POST)
                    .uri(&uri)
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        let long = service.get(&format!("{uri}&{}", "x".repeat(5_000))).await;

        let statuses = [&right, &paged, &post, &long].map(|answer| answer.status.as_u16());
        // Paths with parameters refuse those that have no effect.
        let listed = document["paths"][path]["get"]["parameters"].as_array();
        let takes_pages = listed.is_none_or(|listed| {
            let per_page = "#/components/parameters/PerPage";
            let takes_links = "#/components/parameters/Links";
            [per_page, takes_links].iter().all(|reference| {
                listed
                    .iter()
                    .any(|parameter| parameter["$ref"] == *reference)
            })
        });
        let of_paged = if takes_pages { 200 } else { 400 };
        assert_eq!(statuses, [200, of_paged, 405, 414], "{path}");
        for answer in [right, paged, post, long] {
            assert_documented(&document, path, &answer);
        }
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn errors_are_as_documented(pool: PgPool) {
    let service = Service::over(&pool);
    let away = Service::with(|_| {});
    let document = document(&service).await;

    for path in [
        "/api/v1/events/message",
        "/api/v1/message-events",
        "/api/v1/events/counts",
        "/api/v1/rejected",
        "/api/v1/sums",
    ] {
        let uri = format!("{path}?{}", required(&document, path));
        let wrong = service.get(&format!("{uri}&from=yesterday")).await;
        let unreached = away.get(&uri).await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
        assert_eq!(unreached.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_documented(&document, path, &wrong);
        assert_documented(&document, path, &unreached);
    }
    assert_documented(
        &document,
        "/api/v1/events/message/{event_id}",
        &service.get("/api/v1/events/message/x").await,
    );
    assert_documented(&document, "/healthz", &away.get("/healthz").await);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn every_parameter_is_documented_with_an_example_that_works(pool: PgPool) {
    let service = Service::over(&pool);
    let document = document(&service).await;

    let mut documented = BTreeSet::new();
    for parameter in document["components"]["parameters"]
        .as_object()
        .unwrap()
        .values()
    {
        let name = parameter["name"].as_str().unwrap();
        let example = match &parameter["example"] {
            Value::String(text) => text.clone(),
            Value::Null => continue,
            number => number.to_string(),
        };
        let beside = if name == "ab_test_versions" {
            "&ab_tests=x"
        } else {
            ""
        };
        let answer = service
            .search(&format!("{name}={}{beside}", example.replace(' ', "%20")))
            .await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{name}: {}",
            String::from_utf8_lossy(&answer.bytes)
        );
        documented.insert(name.to_owned());
    }

    let known: BTreeSet<_> = parameter_names().map(str::to_owned).collect();
    assert_eq!(documented, known);
    for path in ["/api/v1/events/message", "/api/v1/message-events"] {
        let listed = document["paths"][path]["get"]["parameters"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(
            listed,
            document["components"]["parameters"]
                .as_object()
                .unwrap()
                .len(),
            "{path}"
        );
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn every_field_that_events_are_documented_to_have_is_in_their_schema(pool: PgPool) {
    let service = Service::over(&pool);
    let document = document(&service).await;
    let fields = &document["components"]["schemas"]["Event"]["properties"];

    let types = service
        .get("/api/v1/events/message/documentation")
        .await
        .json();
    let documented: BTreeSet<String> = types["results"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|members| members.as_object().unwrap().keys().cloned())
        .filter(|name| !["display_name", "event_description"].contains(&name.as_str()))
        .collect();

    assert!(documented.len() > 60, "{}", documented.len());
    for name in documented {
        assert!(!fields[&name].is_null(), "{name}");
    }
}
