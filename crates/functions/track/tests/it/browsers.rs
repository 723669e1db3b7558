use axum::http::StatusCode;

use crate::{
    firehose::Firehose,
    rig::{KEY, Rig, request},
};

const ORIGIN: (&str, &str) = ("origin", "https://shop.example.com");

#[tokio::test]
async fn preflight_needs_no_key_and_allows_what_trackers_send() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;
    let asked = [
        ORIGIN,
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-api-key"),
    ];

    let answer = rig.send(request("OPTIONS", &asked, "")).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert_eq!(answer.headers["access-control-allow-methods"], "POST");
    let allowed = answer.headers["access-control-allow-headers"]
        .to_str()
        .unwrap();
    for header in [
        "x-api-key",
        "authorization",
        "content-type",
        "content-encoding",
    ] {
        assert!(allowed.contains(header), "{allowed}");
    }
    assert_eq!(answer.headers["access-control-max-age"], "86400");
}

#[tokio::test]
async fn pages_may_read_responses_and_refusals() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;

    for (headers, status) in [
        (&[ORIGIN, KEY][..], StatusCode::NO_CONTENT),
        (&[ORIGIN], StatusCode::UNAUTHORIZED),
    ] {
        let answer = rig.send(request("POST", headers, r#"{"event":"a"}"#)).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
    }
}

#[tokio::test]
async fn only_listed_origins_are_allowed_when_there_is_a_list() {
    let firehose = Firehose::start([]).await;
    let origins = "https://shop.example.com, https://other.example.com";
    let rig = Rig::with(&firehose.url, &[("ALLOWED_ORIGINS", origins)]).await;

    let listed = rig
        .send(request("POST", &[ORIGIN, KEY], r#"{"event":"a"}"#))
        .await;
    let foreign = rig
        .send(request(
            "POST",
            &[("origin", "https://evil.example.com"), KEY],
            r#"{"event":"a"}"#,
        ))
        .await;

    assert_eq!(listed.headers["access-control-allow-origin"], ORIGIN.1);
    assert!(!foreign.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn other_methods_and_paths_have_the_error_body() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;

    let get = rig.send(request("GET", &[KEY], "")).await;
    let other = rig
        .send(axum::http::Request::post("/other").body("".into()).unwrap())
        .await;

    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(get.headers["allow"], "POST");
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    assert!(other.body.contains("resource not found"));
}
