//! The stand-in from its clients' view.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt;
use iterable_stand_in::{StandIn, router};
use serde_json::{Value, json};
use tower::ServiceExt;

async fn call(router: &Router, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Api-Key", "key")
        .body(Body::from(body))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (
        status,
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    )
}

async fn track(router: &Router, events: Value) -> (StatusCode, Value) {
    call(
        router,
        "POST",
        "/api/events/trackBulk",
        &json!({ "events": events }),
    )
    .await
}

async fn control(router: &Router, change: Value) {
    let (status, _) = call(router, "POST", "/_control", &change).await;
    assert_eq!(status, StatusCode::OK);
}

fn event(id: &str, user: &str) -> Value {
    json!({ "userId": user, "eventName": "e", "id": id, "createdAt": 1_700_000_000, "dataFields": { "a": "x" } })
}

#[tokio::test]
async fn events_are_kept_by_id_and_repetitions_counted() {
    let router = router(StandIn::default());

    let (status, response) = track(&router, json!([event("1", "a"), event("2", "b")])).await;
    track(&router, json!([event("1", "a")])).await;

    assert_eq!(
        (status, response["successCount"].clone()),
        (StatusCode::OK, json!(2))
    );
    let (_, counts) = call(&router, "GET", "/_received", &Value::Null).await;
    assert_eq!(
        (counts["events"].clone(), counts["event_deliveries"].clone()),
        (json!(2), json!(3))
    );
    let (_, events) = call(&router, "GET", "/_received/events?after=1", &Value::Null).await;
    assert_eq!(events[0]["id"], "2");
    let (_, one) = call(&router, "GET", "/_received/events/1", &Value::Null).await;
    assert_eq!(
        (one["deliveries"].clone(), one["event"]["userId"].clone()),
        (json!(2), json!("a"))
    );
    let (status, _) = call(&router, "GET", "/_received/events/3", &Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    call(&router, "DELETE", "/_received", &Value::Null).await;
    let (_, counts) = call(&router, "GET", "/_received", &Value::Null).await;
    assert_eq!(counts["events"], 0);
}

#[tokio::test]
async fn bad_event_refuses_the_request_and_is_named() {
    let router = router(StandIn::default());
    let mut bad = event("2", "b");
    bad["createdAt"] = json!("now");

    let (status, response) = track(&router, json!([event("1", "a"), bad])).await;

    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(response["code"], "BadJsonBody");
    assert_eq!(
        response["params"],
        json!({ "obj.events[1].createdAt": "Integer value expected" })
    );
    let (_, counts) = call(&router, "GET", "/_received", &Value::Null).await;
    assert_eq!(counts["events"], 0);
}

#[tokio::test]
async fn field_keeps_its_first_type() {
    let router = router(StandIn::default());
    track(&router, json!([event("1", "a")])).await;
    let mut other = event("2", "a");
    other["dataFields"]["a"] = json!(5);

    let (status, response) = track(&router, json!([other])).await;

    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(response["code"], "RequestFieldsTypesMismatched");
    assert_eq!(
        response["params"]["validationErrors"]["project:::a"]["expectedType"],
        "string"
    );
}

#[tokio::test]
async fn users_are_known_malformed_or_forgotten() {
    let router = router(StandIn::default());
    control(&router, json!({ "only_known_users": true, "forgotten_users": ["f"], "disallowed_event_names": ["no"] }))
        .await;
    call(
        &router,
        "POST",
        "/api/users/bulkUpdate",
        &json!({ "users": [{ "userId": "a" }] }),
    )
    .await;
    let mut disallowed = event("5", "a");
    disallowed["eventName"] = json!("no");

    let events = json!([
        event("1", "a"),
        event("2", "b"),
        event("3", "f"),
        event("4", "x "),
        disallowed
    ]);
    let (status, response) = track(&router, events).await;

    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (
            response["successCount"].clone(),
            response["failCount"].clone()
        ),
        (json!(1), json!(4))
    );
    assert_eq!(response["failedUpdates"]["notFoundUserIds"], json!(["b"]));
    assert_eq!(response["failedUpdates"]["forgottenUserIds"], json!(["f"]));
    assert_eq!(response["failedUpdates"]["invalidUserIds"], json!(["x "]));
    assert_eq!(response["disallowedEventNames"], json!(["no"]));
}

#[tokio::test]
async fn a_user_is_forgotten_and_refused_from_then_on() {
    let router = router(StandIn::default());
    let forget = async |body: Value| call(&router, "POST", "/api/users/forget", &body).await;
    control(&router, json!({ "requests_per_second": 0 })).await;

    let (status, response) = forget(json!({ "userId": "a" })).await;

    assert_eq!(
        (status, response["code"].clone()),
        (StatusCode::OK, json!("Success"))
    );
    let (_, response) = track(&router, json!([event("1", "a"), event("2", "b")])).await;
    assert_eq!(response["failedUpdates"]["forgottenUserIds"], json!(["a"]));
    for (body, code) in [
        (json!({}), "BadJsonBody"),
        (json!({ "email": "a@x.org", "userId": "a" }), "BadJsonBody"),
        (json!({ "email": "a" }), "InvalidEmailAddressError"),
    ] {
        let (status, response) = forget(body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(response["code"], code, "{body}");
    }

    control(&router, json!({ "requests_per_second": 10 })).await;
    let mut statuses = Vec::new();
    for _ in 0..100 {
        statuses.push(forget(json!({ "email": "a@x.org" })).await.0);
    }
    assert_eq!(statuses[..3], [StatusCode::OK; 3]);
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS));
}

#[tokio::test]
async fn purchases_make_their_user() {
    let router = router(StandIn::default());
    control(&router, json!({ "only_known_users": true })).await;
    let purchase = json!({ "user": { "userId": "a" }, "id": "p", "total": 1.5, "createdAt": 1,
        "items": [{ "id": "i", "name": "n", "price": 1.5, "quantity": 1 }] });

    let (status, response) = call(&router, "POST", "/api/commerce/trackPurchase", &purchase).await;

    assert_eq!(
        (status, response["code"].clone()),
        (StatusCode::OK, json!("Success"))
    );
    let (_, response) = track(&router, json!([event("1", "a")])).await;
    assert_eq!(response["successCount"], 1);
}

#[tokio::test]
async fn it_fails_as_it_is_told() {
    let router = router(StandIn::default());
    for (fault, status, taken) in [
        ("users_failed", 200, 1),
        ("unnamed_failures", 200, 1),
        ("invalid_item", 400, 0),
        ("refused", 400, 0),
        ("unauthorized", 401, 0),
        ("forbidden", 403, 0),
        ("too_large", 413, 0),
        ("rate_limited", 429, 0),
        ("unavailable", 503, 0),
        ("response_lost", 503, 2),
        ("response_cut", 200, 2),
    ] {
        call(&router, "DELETE", "/_received", &Value::Null).await;
        control(
            &router,
            json!({ "next": [{ "fault": fault }], "requests_per_second": 0 }),
        )
        .await;

        let (answered, _) = track(&router, json!([event("1", "a"), event("2", "b")])).await;

        let (_, counts) = call(&router, "GET", "/_received", &Value::Null).await;
        assert_eq!(
            (answered.as_u16(), counts["events"].clone()),
            (status, json!(taken)),
            "{fault}"
        );
        assert_eq!(counts["faults"][fault], 1);
    }
}

#[tokio::test]
async fn key_is_asked_for_once_one_is_set() {
    let router = router(StandIn::default());
    control(&router, json!({ "api_key": "other" })).await;

    let (status, response) = track(&router, json!([event("1", "a")])).await;

    assert_eq!(
        (status, response["code"].clone()),
        (StatusCode::UNAUTHORIZED, json!("BadApiKey"))
    );
}

#[tokio::test]
async fn control_that_cannot_be_meant_is_refused() {
    let router = router(StandIn::default());

    let (status, _) = call(&router, "POST", "/_control", &json!({ "nxt": [] })).await;

    assert_eq!(status, StatusCode::BAD_REQUEST);
}
