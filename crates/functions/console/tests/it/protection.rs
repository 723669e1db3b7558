//! Headers, assets, and what the log says.

use axum::http::StatusCode;
use function_kit::capture::CapturedLog;

use crate::{
    api::{Api, KEY},
    browser::{Browser, ORIGIN, event},
    sessions::GUARDED,
};

#[tokio::test]
async fn every_answer_has_the_policy_and_its_companions() {
    let api = Api::over(vec![event("open", 1, 5)]).await;
    let mut signed_in = Browser::signed_in(&api).await;
    let mut stranger = Browser::before(&api);
    let others = [
        "/",
        "/console/assets/nothing.js",
        "/console/sign-in",
        "/console/sign-out",
        "/elsewhere",
    ];

    for path in GUARDED.into_iter().chain(others) {
        for browser in [&mut signed_in, &mut stranger] {
            let seen = browser.get(path).await;
            let policy = seen.header("content-security-policy");
            assert!(
                policy.starts_with(
                    "default-src 'none'; script-src https://console.example/console/assets/;"
                ),
                "{path}: {policy}"
            );
            for part in [
                "form-action 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
                "require-trusted-types-for 'script'",
            ] {
                assert!(policy.contains(part), "{path}: {part}");
            }
            assert!(!policy.contains("unsafe") && !policy.contains('*'));
            assert_eq!(seen.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(seen.header("referrer-policy"), "same-origin", "{path}");
            assert_eq!(seen.header("x-frame-options"), "DENY", "{path}");
            assert_eq!(seen.header("cache-control"), "no-store", "{path}");
        }
    }
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_open_to_all() {
    let api = Api::over(vec![]).await;
    let mut browser = Browser::before(&api);
    let page = browser.get("/console").await;
    let script = page
        .body
        .split("src=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();

    for (path, content_type) in [
        (page.link(".css"), "text/css; charset=utf-8"),
        (page.link(".svg"), "image/svg+xml"),
        (script, "text/javascript; charset=utf-8"),
    ] {
        let seen = browser.get(&path).await;
        assert_eq!(
            (seen.status, seen.header("content-type")),
            (StatusCode::OK, content_type),
            "{path}"
        );
        assert_eq!(
            seen.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert!(seen.body.len() < 30_000);
    }
    assert_eq!(
        browser.get("/console/assets/console.css").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn keys_cookies_addresses_and_what_is_looked_for_are_in_no_log() {
    let log = CapturedLog::start();
    let mut planted_event = event("bounce", 1, 5);
    planted_event["rcpt_to"] = "planted@example.com".into();
    planted_event["reason"] = "planted reason".into();
    let api = Api::over(vec![planted_event]).await;
    api.refuse("refused", 400, serde_json::json!({ "errors": [{ "message": "invalid parameter", "description": "planted words", "param": "x" }] }));
    api.refuse("broken", 500, serde_json::json!({ "planted": "body" }));
    let nonsense = serde_json::json!({ "results": "planted", "total_count": "planted" });
    api.refuse("nonsense", 200, nonsense);
    let mut browser = Browser::before(&api);
    browser.sign_in("/console", "planted-wrong-key").await;
    browser
        .post(
            "/console/sign-in",
            &[("key", "planted".to_owned())],
            &[("origin", ORIGIN)],
        )
        .await;
    browser.sign_in("/console", KEY).await;
    let session = browser.session().unwrap().to_owned();

    for path in GUARDED {
        for query in [
            "recipients=planted%40example.com",
            "recipients=refused-planted",
            "recipients=broken-planted",
            "recipients=nonsense-planted",
            "planted=1",
            "from=planted",
        ] {
            let joint = if path.contains('?') { '&' } else { '?' };
            browser
                .get_with(
                    &format!("{path}{joint}{query}"),
                    &[("referer", "https://planted.example/")],
                )
                .await;
        }
    }

    let printed = log.text();
    for line in [
        "page served",
        "file served",
        "request denied",
        "signed in",
        "API has no answer",
        "is not understood at line 1",
    ] {
        assert!(printed.contains(line), "{line} is missing: {printed}");
    }
    assert!(
        !printed.contains("planted") && !printed.contains(KEY) && !printed.contains(&session),
        "{printed}"
    );
}
