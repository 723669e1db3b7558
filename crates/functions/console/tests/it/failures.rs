//! What pages say when the API has no answer. Nothing is written here, so nothing can be lost: an event function's three rules become
//! that asking twice changes nothing, that one odd event spoils no list, and that what is down is said to be.

use axum::http::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    api::{Api, KEY},
    browser::{Browser, STACK, event, keys, now},
    html,
    served::served,
    sessions::GUARDED,
};

#[tokio::test]
async fn same_request_twice_gives_the_same_page_and_only_reads() {
    let api = Api::over(vec![event("open", 1, 5), event("delivery", 2, 6)]).await;
    let mut browser = Browser::signed_in(&api).await;

    for path in GUARDED {
        let (first, second) = (browser.get(path).await, browser.get(path).await);
        assert_eq!(
            (first.status, first.body),
            (second.status, second.body),
            "{path}"
        );
    }
    assert!(api.asked().iter().all(|asked| asked.method == "GET"));
}

#[tokio::test]
async fn one_odd_event_among_good_ones_is_shown_and_spoils_nothing() {
    let odd = json!({
        "type": { "not": "text" }, "timestamp": "2026-11-21T11:00:00.000Z", "event_id": ["x"], "rcpt_to": 7, "subject": null, "bounce_class": {}, "nested": [[[{}]]],
    });
    let api = Api::over(vec![event("open", 1, 5), odd, event("delivery", 2, 70)]).await;
    let mut browser = Browser::signed_in(&api).await;

    for path in [
        "/console/events",
        "/console",
        "/console/recipient?address=7",
        "/console/event?from=2026-11-21T11:00:00Z&to=2026-11-21T11:00:01Z",
    ] {
        let seen = browser.get(path).await;
        assert_eq!(seen.status, StatusCode::OK, "{path}: {}", seen.text());
        html::check(&seen.body);
    }
    let list = browser.get("/console/events").await;
    assert!(
        list.text().contains("3 events")
            && list.body.contains("id=1&amp;")
            && list.body.contains("id=2&amp;")
    );
}

#[tokio::test]
async fn refusals_of_the_api_are_told_in_words_with_the_form_to_change() {
    let api = Api::over(vec![event("open", 1, 5)]).await;
    let refused = json!({ "errors": [{ "message": "invalid parameter", "description": "bounce_classes \"<b>x\" is not a number", "param": "bounce_classes" }] });
    api.refuse("bounce_classes=x", 400, refused);
    for (status, text) in [
        (503, "unavailable"),
        (504, "slow"),
        (500, "broken"),
        (401, "denied"),
    ] {
        api.refuse(text, status, json!({ "errors": [{ "message": text }] }));
    }
    let mut browser = Browser::signed_in(&api).await;
    let mut status = async |value: &str| {
        browser
            .get(&format!("/console/events?bounce_classes={value}"))
            .await
    };

    let bad = status("x").await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
    assert!(
        bad.text()
            .contains("Bounce class: bounce_classes \"<b>x\" is not a number"),
        "{}",
        bad.text()
    );
    assert!(bad.body.contains("name=\"bounce_classes\" value=\"x\""));
    html::check(&bad.body);
    for (value, expected, words) in [
        (
            "unavailable",
            StatusCode::SERVICE_UNAVAILABLE,
            "cannot be reached at the moment",
        ),
        (
            "slow",
            StatusCode::GATEWAY_TIMEOUT,
            "Choose a shorter range",
        ),
        (
            "broken",
            StatusCode::BAD_GATEWAY,
            "did not answer as it should",
        ),
        (
            "denied",
            StatusCode::BAD_GATEWAY,
            "did not answer as it should",
        ),
    ] {
        let seen = status(value).await;
        assert_eq!(seen.status, expected, "{value}");
        assert!(seen.text().contains(words), "{value}: {}", seen.text());
        html::check(&seen.body);
    }
}

#[tokio::test]
async fn what_cannot_be_counted_leaves_the_list() {
    let api = Api::over(vec![event("open", 1, 5)]).await;
    api.refuse(
        "group_by=",
        504,
        json!({ "errors": [{ "message": "the search took too long" }] }),
    );
    let mut browser = Browser::signed_in(&api).await;

    let seen = browser.get("/console/events").await;

    assert_eq!(seen.status, StatusCode::OK);
    assert!(
        seen.text().contains("1 event") && seen.text().contains("There is no plot of this search"),
        "{}",
        seen.text()
    );
    assert_eq!(
        browser.get("/console").await.status,
        StatusCode::GATEWAY_TIMEOUT
    );
}

#[tokio::test]
async fn api_that_is_away_or_talks_nonsense_is_a_page_in_words() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let nonsense = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let talking = nonsense.local_addr().unwrap();
    let router = axum::Router::new().fallback(async || "<html>no JSON</html>");
    tokio::spawn(async move { axum::serve(nonsense, router).await });

    for origin in [format!("http://{nobody}"), format!("http://{talking}")] {
        let mut browser = Browser::of(&origin, STACK, keys(KEY), now);
        browser.sign_in("/console", KEY).await;
        for path in [
            "/console",
            "/console/events",
            "/console/event?id=1",
            "/console/message?id=m",
            "/console/recipient?address=a",
            "/console/reports/bounces",
            "/console/reports/engagement",
        ] {
            let seen = browser.get(path).await;
            assert_eq!(seen.status, StatusCode::BAD_GATEWAY, "{origin}{path}");
            assert!(
                seen.text().contains("did not answer as it should")
                    && seen.body.contains("Sign out")
            );
            html::check(&seen.body);
        }
    }
}

#[tokio::test]
async fn key_that_was_replaced_meanwhile_is_read_again_and_redirections_are_not_followed() {
    let api = Api::over(vec![event("open", 1, 5)]).await;
    let mut stale = Browser::of(&api.origin, STACK, keys("not-the-apis-key"), now);
    stale.sign_in("/console", "not-the-apis-key").await;
    assert_eq!(
        stale.get("/console/events").await.status,
        StatusCode::BAD_GATEWAY
    );

    let elsewhere = Api::over(vec![]).await;
    let target = elsewhere.origin.clone();
    let router = axum::Router::new().fallback(async move || {
        axum::response::Redirect::temporary(&format!("{target}/api/v1/events/message"))
    });
    let origin = served(router).await;
    let mut browser = Browser::of(&origin, STACK, keys(KEY), now);
    browser.sign_in("/console", KEY).await;

    assert_eq!(
        browser.get("/console/events").await.status,
        StatusCode::BAD_GATEWAY
    );
    assert_eq!(elsewhere.asked(), [], "the key went to another host");
}

#[tokio::test]
async fn parameters_that_are_not_understood_keep_the_form() {
    let api = Api::over(vec![]).await;
    let mut browser = Browser::signed_in(&api).await;

    for (query, words) in [
        ("from=yesterday", "from is not a time"),
        ("from=2026-11-22&to=2026-11-21", "from is not before to"),
        (
            "timezone=Nowhere/City",
            "Time zone is not a known time zone",
        ),
        ("metadata=gold", "Metadata is no key and value"),
        (
            &format!("recipients={}", "a".repeat(2_000)),
            "too long a search",
        ),
    ] {
        let seen = browser.get(&format!("/console/events?{query}")).await;
        assert_eq!(seen.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(seen.text().contains(words), "{query}: {}", seen.text());
        assert!(seen.body.contains("role=\"search\""));
    }
    assert!(api.asked().is_empty());
}
