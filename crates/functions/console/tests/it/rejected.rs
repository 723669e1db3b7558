//! What could not be used: the list, its groups, and the sums of the overview.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    api::{Api, KEY, REPAIR_KEY},
    browser::{Browser, ORIGIN, Seen, event},
    html,
};

fn item(pipeline: &str, reason: &str, text: &str) -> Value {
    json!({
        "pipeline": pipeline, "store": "s3", "reason": reason, "detail": format!("detail of {reason}"), "rejected_at": "2026-11-21T10:00:00Z",
        "source_key": "raw/sparkpost/dt=2026-11-21/a.json.gz", "batch_key": null, "message_id": null, "ordinal": 3, "item": text,
        "item_base64": null, "item_bytes": text.len(), "is_item_truncated": false,
    })
}

#[tokio::test]
async fn items_are_told_by_reason_and_each_with_what_was_received() {
    let api = Api::over(vec![]).await;
    for n in 0..25 {
        let reason = if n % 5 == 0 {
            "timestamp is not a time"
        } else {
            "field type is missing"
        };
        api.reject(item("email_events", reason, &format!("{{\"n\": {n}}}")));
    }
    api.reject(item("app_events", "too_old", "an app event"));
    let mut browser = Browser::signed_in(&api).await;

    let first = browser.get("/console/rejected").await;
    let second = browser.get(&first.link("cursor=")).await;
    let apps = browser.get("/console/rejected?pipeline=app_events").await;
    let narrowed = browser.get(&first.link("reason=timestamp")).await;
    let wrong = browser.get("/console/rejected?pipeline=nothing").await;
    let page = browser.get("/console/app-events").await;
    let products = browser.get("/console/product-events").await;

    for seen in [&first, &second, &apps, &narrowed, &wrong, &page, &products] {
        assert_eq!(seen.status, StatusCode::OK);
        html::check(&seen.body);
    }
    for (seen, words) in [
        (&first, "field type is missingEmail events16"),
        (&first, "timestamp is not a timeEmail events4"),
        (&first, "20 items, and more"),
        (&first, "{\"n\": 0}"),
        (&second, "{\"n\": 24}"),
        (&second, "an app event"),
        (&apps, "1 item"),
        (&apps, "raise the limit"),
        (&narrowed, "5 items"),
        (&wrong, "is email_events, app_events or product_events"),
        (&page, "too_old1"),
        (&products, "None."),
    ] {
        assert!(seen.text().contains(words), "{words}: {}", seen.text());
    }
}

#[tokio::test]
async fn hostile_items_stay_text_and_a_page_stays_small() {
    let api = Api::over(vec![]).await;
    for _ in 0..40 {
        let text = "\"<script>window.planted=1</script>".repeat(200);
        api.reject(item(&text, &text, &text));
    }
    let mut binary = item("email_events", "not UTF-8", "");
    binary["item"] = Value::Null;
    binary["item_base64"] = json!("/w==");
    let mut browser = Browser::signed_in(&api).await;

    let seen = browser.get("/console/rejected").await;
    api.reject(binary);
    let last = browser.get("/console/rejected?reason=UTF-8").await;

    html::check(&seen.body);
    assert!(!seen.body.contains("<script>w"));
    assert!(seen.body.len() < 100 * 1024, "{} bytes", seen.body.len());
    let words = "in base64, because it is not UTF-8";
    assert!(last.text().contains(words), "{}", last.text());
}

#[tokio::test]
async fn overview_has_the_sums_of_each_pipeline_and_does_without() {
    let api = Api::over(vec![event("open", 1, 5)]).await;
    let mut browser = Browser::signed_in(&api).await;

    let with = browser.get("/console?from=-7d").await;
    let long = browser.get("/console?from=-2000d").await;
    api.refuse("/api/v1/sums", 503, json!({}));
    let without = browser.get("/console?from=-7d").await;

    html::check(&with.body);
    // 15 to 21 a day.
    for words in [
        "Email events1261051470 ✓",
        "summed up from the forwarder's log",
    ] {
        assert!(with.text().contains(words), "{words}: {}", with.text());
    }
    assert!(with.text().contains("Email batches by day of loading"));
    assert!(!long.text().contains("Email batches by day of loading"));
    assert_eq!(
        (long.status, without.status),
        (StatusCode::OK, StatusCode::OK)
    );
    assert!(
        without.text().contains("Not summed up"),
        "{}",
        without.text()
    );
}

/// The tokens of a page's forms: the one to sign out, and the one to repair.
fn tokens(page: &Seen) -> Vec<String> {
    let fields = page.body.split("name=\"token\" value=\"").skip(1);
    let tokens: Vec<String> = fields.map(|rest| rest[..64].to_owned()).collect();
    assert_eq!(tokens.len(), 2);
    tokens
}

#[tokio::test]
async fn chosen_items_are_retried_and_settled_with_the_key_that_the_form_asks_for() {
    let api = Api::over(vec![]).await;
    let mut first = item("email_events", "timestamp is not a time", "{}");
    first["id"] = json!("row.2026-11-21.0.b");
    first["status"] = json!("open");
    api.reject(first);
    let mut browser = Browser::signed_in(&api).await;
    let page = browser.get("/console/rejected").await;
    let token = &tokens(&page)[1];
    let ours = [("origin", ORIGIN), ("sec-fetch-site", "same-origin")];
    let fields = |action: &str, key: &str, note: &str| {
        [
            ("token", token.clone()),
            ("id", "row.2026-11-21.0.b".to_owned()),
            ("id", "gone.1".to_owned()),
            ("key", key.to_owned()),
            ("note", note.to_owned()),
            ("action", action.to_owned()),
        ]
    };
    let path = "/console/rejected/repair";

    html::check(&page.body);
    assert!(page.body.contains("value=\"row.2026-11-21.0.b\""));
    for (action, key, note, status) in [
        ("retry", KEY, "", StatusCode::FORBIDDEN),
        ("settle", REPAIR_KEY, "", StatusCode::BAD_REQUEST),
        ("delete", REPAIR_KEY, "x", StatusCode::BAD_REQUEST),
    ] {
        let seen = browser.post(path, &fields(action, key, note), &ours).await;
        assert_eq!(seen.status, status, "{action}: {}", seen.text());
        html::check(&seen.body);
    }
    assert_eq!(api.repaired(), []);
    let retried = browser
        .post(path, &fields("retry", REPAIR_KEY, ""), &ours)
        .await;
    let settled = browser
        .post(path, &fields("settle", REPAIR_KEY, "a test"), &ours)
        .await;

    html::check(&retried.body);
    assert!(
        retried.text().contains("1 item was sent again"),
        "{}",
        retried.text()
    );
    assert!(
        retried
            .text()
            .contains("gone.1 was not: its source is gone"),
        "{}",
        retried.text()
    );
    assert!(!retried.body.contains(REPAIR_KEY));
    assert!(settled.text().contains("settled"));
    let ids = json!(["row.2026-11-21.0.b", "gone.1"]);
    assert_eq!(
        api.repaired(),
        [
            ("retry".to_owned(), json!({"ids": ids, "note": null})),
            ("settle".to_owned(), json!({"ids": ids, "note": "a test"})),
        ]
    );
}

#[tokio::test]
async fn after_a_mistake_the_same_list_comes_back_with_what_was_filled_in() {
    let api = Api::over(vec![]).await;
    for (id, reason) in [
        ("row.1", "bad <time>"),
        ("row.2", "bad <time>"),
        ("row.3", "other"),
    ] {
        let mut shown = item("email_events", reason, "{}");
        shown["id"] = json!(id);
        api.reject(shown);
    }
    let mut browser = Browser::signed_in(&api).await;
    let page = browser
        .get("/console/rejected?pipeline=email_events&reason=bad&from=-30d")
        .await;
    let token = &tokens(&page)[1];
    let ours = [("origin", ORIGIN), ("sec-fetch-site", "same-origin")];
    let post = |key: &str, note: &str, action: &str| {
        [
            ("token", token.clone()),
            ("list", page.field("list")),
            ("id", "row.2".to_owned()),
            ("key", key.to_owned()),
            ("note", note.to_owned()),
            ("action", action.to_owned()),
        ]
    };
    let path = "/console/rejected/repair";

    let no_note = browser
        .post(path, &post(REPAIR_KEY, "", "settle"), &ours)
        .await;
    let wrong_key = browser
        .post(path, &post(KEY, "fixed \"it\"", "retry"), &ours)
        .await;
    let done = browser
        .post(path, &post(REPAIR_KEY, "", "retry"), &ours)
        .await;

    // Enter in a field presses the first button of the form.
    let form = page
        .body
        .split("action=\"/console/rejected/repair\"")
        .nth(1)
        .unwrap();
    let first = form
        .split("<button")
        .nth(1)
        .unwrap()
        .split('>')
        .next()
        .unwrap();
    assert!(first.contains("disabled"), "{first}");
    // Each checkbox has a name of its own.
    assert!(
        page.body
            .contains("aria-label=\"Choose: bad &lt;time&gt;, 2026-11-21 10:00:00\"")
    );
    for (seen, words) in [(&no_note, "a note is needed"), (&wrong_key, "not the key")] {
        html::check(&seen.body);
        assert!(seen.text().contains(words), "{}", seen.text());
        assert!(seen.text().contains("2 items"), "{}", seen.text());
        let chosen = seen.body.split("value=\"row.2\"").nth(1).unwrap();
        assert!(chosen.starts_with(" checked"), "{chosen:.40}");
        assert_eq!(seen.body.matches(" checked").count(), 1);
        assert!(!seen.body.contains(REPAIR_KEY));
    }
    assert_eq!(wrong_key.field("note"), "fixed &quot;it&quot;");
    let back = done.link("reason=bad");
    assert!(
        back.contains("from=-30d") && back.contains("pipeline=email_events"),
        "{back}"
    );
}

#[tokio::test]
async fn forms_of_other_pages_and_sessions_change_nothing() {
    let api = Api::over(vec![]).await;
    let mut one = Browser::signed_in(&api).await;
    let mut other = Browser::signed_in(&api).await;
    let mut shown = item("email_events", "bad", "{}");
    shown["id"] = json!("row.2026-11-21.0.b");
    api.reject(shown);
    let page = one.get("/console/rejected").await;
    let tokens = tokens(&page);
    let fields = |token: &str| {
        [
            ("token", token.to_owned()),
            ("id", "row.2026-11-21.0.b".to_owned()),
            ("key", REPAIR_KEY.to_owned()),
            ("action", "retry".to_owned()),
        ]
    };
    let path = "/console/rejected/repair";
    let ours = [("origin", ORIGIN), ("sec-fetch-site", "same-origin")];

    for token in &tokens {
        let foreign = other.post(path, &fields(token), &ours).await;
        let elsewhere = one
            .post(path, &fields(token), &[("origin", "https://evil.example")])
            .await;
        assert_eq!(
            (foreign.status, elsewhere.status),
            (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN)
        );
    }
    let empty = one.post(path, &fields(""), &ours).await;

    assert_eq!(empty.status, StatusCode::FORBIDDEN);
    assert_eq!(api.repaired(), []);
}
