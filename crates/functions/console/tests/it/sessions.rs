//! Who gets in, for how long, and who does not.

use axum::http::StatusCode;
use jiff::Timestamp;

use crate::{
    api::{Api, KEY},
    browser::{Browser, Keys, ORIGIN, STACK, keys, now},
};

/// Every address that shows something.
pub(crate) const GUARDED: [&str; 17] = [
    "/console",
    "/console?from=-7d",
    "/console/events",
    "/console/events/new",
    "/console/event?id=1",
    "/console/event/json?id=1",
    "/console/message?id=m1",
    "/console/recipient?address=ada@example.com",
    "/console/reports/bounces",
    "/console/reports/time-to-open",
    "/console/reports/engagement?format=csv",
    "/console/rejected",
    "/console/rejected/repair",
    "/console/product-events",
    "/console/app-events",
    "/console/export?format=csv",
    "/console/nowhere",
];

fn minutes_later(minutes: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() + minutes * 60).unwrap()
}

#[tokio::test]
async fn no_page_answers_without_a_session_and_the_api_hears_nothing() {
    let api = Api::over(vec![]).await;
    let mut browser = Browser::before(&api);

    for path in GUARDED {
        let seen = browser.get(path).await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN, "{path}");
        assert!(
            seen.body.contains("name=\"key\"") && !seen.body.contains("Sign out"),
            "{path}"
        );
        let forged = browser
            .get_with(path, &[("cookie", "__Host-cistern-00000000=v1.1.1.00.00")])
            .await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN, "{path}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        assert!(
            browser
                .send(method, "/console/events", &[], String::new())
                .await
                .status
                .is_client_error()
        );
    }
    assert_eq!(api.asked(), []);
}

#[tokio::test]
async fn key_opens_the_page_that_was_asked_for_and_is_nowhere_to_be_seen() {
    let api = Api::over(vec![]).await;
    for key in [KEY, " 0123456789abcdef-query-key\n", "the-key-before"] {
        let mut browser = Browser::before(&api);

        let answer = browser
            .sign_in("/console/events?recipients=a%40b.c&from=-7d", key)
            .await;

        assert_eq!(
            (answer.status, answer.header("location")),
            (
                StatusCode::SEE_OTHER,
                "/console/events?recipients=a%40b.c&from=-7d"
            )
        );
        let cookie = answer
            .cookies()
            .into_iter()
            .find(|cookie| !cookie.contains("Max-Age=0"))
            .unwrap()
            .to_owned();
        assert!(cookie.starts_with("__Host-cistern-"), "{cookie}");
        assert!(
            cookie.ends_with("; Path=/; Max-Age=28800; HttpOnly; SameSite=Strict; Secure"),
            "{cookie}"
        );
        let page = browser.get(answer.header("location")).await;
        assert_eq!(page.status, StatusCode::OK);
        for text in [&cookie, &page.body, &answer.body] {
            assert!(!text.contains(key.trim()) && !text.contains(KEY));
        }
    }
}

#[tokio::test]
async fn wrong_keys_are_told_so_and_after_five_the_address_has_to_wait() {
    let api = Api::over(vec![]).await;
    let mut browser = Browser::before(&api);

    for key in [
        "wrong",
        "",
        &"k".repeat(600),
        "0123456789abcdef-query-kez",
        "x",
    ] {
        let answer = browser.sign_in("/console", key).await;
        assert_eq!(
            (answer.status, browser.session()),
            (StatusCode::FORBIDDEN, None),
            "{key}"
        );
        assert!(answer.text().contains("This is not the key"));
    }
    let late = browser.sign_in("/console", KEY).await;
    browser.address = "198.51.100.3";
    let elsewhere = browser.sign_in("/console", KEY).await;

    assert_eq!(
        (late.status, late.header("retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, "10")
    );
    assert!(late.text().contains("Wait 10 seconds"));
    assert_eq!(elsewhere.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn forms_of_other_pages_sign_nobody_in() {
    let api = Api::over(vec![]).await;
    let same = [("origin", ORIGIN), ("sec-fetch-site", "same-origin")];
    let mut browser = Browser::before(&api);
    let form = browser.get("/console").await;
    let mut other = Browser::before(&api);
    let foreign = other.get("/console").await;
    let fields = |token: String| {
        [
            ("token", token),
            ("path", form.field("path")),
            ("key", KEY.to_owned()),
        ]
    };

    let cases: [(&[(&str, &str)], String); 5] = [
        (&same, foreign.field("token")),
        (&same, String::new()),
        (&[], form.field("token")),
        (&[("origin", "null")], form.field("token")),
        (
            &[("origin", ORIGIN), ("sec-fetch-site", "cross-site")],
            form.field("token"),
        ),
    ];
    for (headers, token) in cases {
        let answer = browser
            .post("/console/sign-in", &fields(token), headers)
            .await;
        assert_eq!(
            (answer.status, browser.session()),
            (StatusCode::FORBIDDEN, None),
            "{headers:?}"
        );
    }
    let good = browser
        .post("/console/sign-in", &fields(form.field("token")), &same)
        .await;
    assert_eq!(good.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn nobody_is_led_to_another_host() {
    let api = Api::over(vec![]).await;
    for path in [
        "https://evil.example/",
        "//evil.example",
        "/console//evil.example",
        "/console.deadbeef",
    ] {
        let mut browser = Browser::before(&api);
        let form = browser.get("/console").await;
        let fields = [
            ("token", form.field("token")),
            ("path", path.to_owned()),
            ("key", KEY.to_owned()),
        ];

        let answer = browser
            .post("/console/sign-in", &fields, &[("origin", ORIGIN)])
            .await;

        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::SEE_OTHER, "/console"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn session_of_one_stack_or_key_opens_no_other() {
    let api = Api::over(vec![]).await;
    let browser = Browser::signed_in(&api).await;
    let others = [
        (
            Browser::of(
                &api.origin,
                "arn:aws:cloudformation:eu-west-1:1:stack/mail/two",
                keys(KEY),
                now,
            ),
            KEY,
        ),
        (
            Browser::of(&api.origin, STACK, keys("rotated"), now),
            "rotated",
        ),
    ];

    for (other, key) in others {
        let mut there = other.clone();
        assert_eq!(
            there.sign_in("/console", key).await.status,
            StatusCode::SEE_OTHER
        );
        assert_eq!(
            there.get("/console/nowhere").await.status,
            StatusCode::NOT_FOUND
        );
        // Under the name of the other stack's cookie too.
        let name = there
            .cookies
            .iter()
            .find(|(name, _)| !name.contains("sign-in"))
            .unwrap()
            .0
            .clone();
        let mut moved = browser.moved_to(&other);
        moved.cookies.retain(|(known, _)| *known != name);
        moved
            .cookies
            .push((name, browser.session().unwrap().to_owned()));
        assert_eq!(moved.get("/console").await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn session_ends_with_rest_and_at_its_end_and_lives_while_used() {
    let api = Api::over(vec![]).await;
    let at = |clock| Browser::of(&api.origin, STACK, keys(KEY), clock);
    let browser = Browser::signed_in(&api).await;

    let mut early = browser.moved_to(&at(|| minutes_later(14)));
    let mut later = browser.moved_to(&at(|| minutes_later(59)));
    let mut rested = browser.moved_to(&at(|| minutes_later(60)));

    assert_eq!(early.get("/console").await.cookies().len(), 0);
    assert_eq!(rested.get("/console").await.status, StatusCode::FORBIDDEN);
    let renewed = later.get("/console").await;
    assert!(
        renewed.cookies()[0].contains(&format!("Max-Age={}", 8 * 3_600 - 59 * 60)),
        "{:?}",
        renewed.cookies()
    );
    assert_eq!(
        later
            .moved_to(&at(|| minutes_later(118)))
            .get("/console")
            .await
            .status,
        StatusCode::OK
    );

    let clocks: [fn() -> Timestamp; 9] = [
        || minutes_later(50),
        || minutes_later(100),
        || minutes_later(150),
        || minutes_later(200),
        || minutes_later(250),
        || minutes_later(300),
        || minutes_later(350),
        || minutes_later(400),
        || minutes_later(450),
    ];
    let mut used = browser;
    for clock in clocks {
        used = used.moved_to(&at(clock));
        assert_eq!(used.get("/console").await.status, StatusCode::OK);
    }
    assert_eq!(
        used.moved_to(&at(|| minutes_later(480)))
            .get("/console")
            .await
            .status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn signing_out_takes_the_session_and_only_by_our_form() {
    let api = Api::over(vec![]).await;
    let mut browser = Browser::signed_in(&api).await;
    let token = browser.get("/console").await.field("token");
    let form = |token: &str| [("token", token.to_owned())];

    let forged = browser
        .post("/console/sign-out", &form("00"), &[("origin", ORIGIN)])
        .await;
    let elsewhere = browser
        .post(
            "/console/sign-out",
            &form(&token),
            &[("origin", "https://evil.example")],
        )
        .await;
    let by_link = browser.get("/console/sign-out").await;
    assert_eq!(
        (forged.status, elsewhere.status, by_link.status),
        (
            StatusCode::FORBIDDEN,
            StatusCode::FORBIDDEN,
            StatusCode::SEE_OTHER
        )
    );
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);

    let out = browser
        .post("/console/sign-out", &form(&token), &[("origin", ORIGIN)])
        .await;
    assert_eq!(
        (out.status, browser.cookies.len()),
        (StatusCode::SEE_OTHER, 0)
    );
    assert_eq!(browser.get("/console").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn link_from_another_site_leads_through_a_page_of_ours() {
    let api = Api::over(vec![]).await;
    let mut browser = Browser::signed_in(&api).await;
    let session = std::mem::take(&mut browser.cookies);
    let path = "/console/events?from=-7d&events=bounce";

    // The browser keeps a strict cookie back.
    let first = browser
        .get_with(path, &[("sec-fetch-site", "cross-site")])
        .await;
    browser.cookies = session;
    let second = browser
        .get_with(path, &[("sec-fetch-site", "same-origin")])
        .await;

    assert_eq!(first.status, StatusCode::OK);
    assert!(
        first
            .body
            .contains("content=\"0;url=/console/events?from=-7d&amp;events=bounce\""),
        "{}",
        first.body
    );
    assert!(!first.body.contains("name=\"key\""));
    assert_eq!(second.status, StatusCode::OK);
    browser.cookies.clear();
    assert!(
        browser
            .get_with(path, &[("sec-fetch-site", "same-origin")])
            .await
            .body
            .contains("name=\"key\"")
    );
}

#[tokio::test]
async fn keys_that_cannot_be_read_let_nobody_in_and_say_so() {
    let api = Api::over(vec![]).await;
    let mut browser = Browser::of(&api.origin, STACK, Keys(None), now);

    for path in GUARDED {
        let seen = browser.get(path).await;
        assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(seen.text().contains("keys cannot be read right now"));
    }
    assert_eq!(
        browser
            .post(
                "/console/sign-in",
                &[("key", KEY.to_owned())],
                &[("origin", ORIGIN)]
            )
            .await
            .status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(api.asked(), []);
}
