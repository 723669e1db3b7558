//! App events by the forwarder's log, and the queues of the overview.

use axum::http::StatusCode;
use serde_json::json;

use crate::{
    api::{Api, KEY},
    aws::Services,
    browser::{Browser, STACK, event, keys, now},
    html,
};

async fn browser(services: &Services, api: &Api) -> Browser {
    let load = format!("{}/1/load", services.endpoint);
    let archive = format!("{}/1/archive", services.endpoint);
    let settings = [
        ("FORWARDER_LOG_GROUP", "forwarder-log"),
        ("LOAD_QUEUE_URL", load.as_str()),
        ("ARCHIVE_QUEUE_URL", &archive),
    ];
    let mut browser = Browser::with_aws(
        &api.origin,
        STACK,
        keys(KEY),
        now,
        &services.endpoint,
        &settings,
    );
    let answer = browser.sign_in("/console", KEY).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    browser
}

#[tokio::test]
async fn page_tells_what_became_of_app_events_and_what_was_answered() {
    let services = Services::start().await;
    let api = Api::over(vec![]).await;
    let mut browser = browser(&services, &api).await;
    let at = |minutes_ago: i64| now().as_millisecond() - minutes_ago * 60_000;
    let counted = json!({
        "pipeline": "app_events", "received": 10, "sent": 6, "skipped": 3, "rejected": 1, "late": 3,
        "skipped_by_reason": { "type_off": 3 }, "rejected_by_reason": { "<script>x</script>": 1 }, "notes": { "field_renamed": 2 },
    });
    let unavailable = "destination unavailable, request will be repeated";
    services.log(at(60 * 30), counted.clone());
    services.log(at(50), counted.clone());
    services.log(
        at(49),
        json!({ "message": unavailable, "detail": "status 503" }),
    );
    services.log(at(48), json!({ "message": "run ended", "end": "DestinationRefused(\"status 401\")", "received": 10, "sent": 6, "requests": 2 }));
    services.log(at(5), counted);

    let day = browser.get("/console/app-events").await;
    let week = browser.get("/console/app-events?from=-7d").await;
    services.go_down();
    let without = browser.get("/console/app-events").await;

    for seen in [&day, &week, &without] {
        assert_eq!(seen.status, StatusCode::OK);
        html::check(&seen.body);
    }
    for words in [
        "2012620 ✓6 (50.0 %)",
        "type off6",
        "field renamed4",
        "status 5031",
        "the destination refuses the key or the address: status 401",
        "2 requests in 1 run;",
    ] {
        assert!(day.text().contains(words), "{words}: {}", day.text());
    }
    assert!(week.text().contains("3018930 ✓"), "{}", week.text());
    assert!(
        without.text().contains("cannot be read at the moment"),
        "{}",
        without.text()
    );
}

#[tokio::test]
async fn stack_that_forwards_nothing_says_so() {
    let api = Api::over(vec![]).await;
    let mut browser = Browser::signed_in(&api).await;

    let seen = browser.get("/console/app-events").await;

    html::check(&seen.body);
    assert!(seen.text().contains("EnableForwarder"), "{}", seen.text());
}

#[tokio::test]
async fn overview_has_the_queues_when_the_database_is_down() {
    let services = Services::start().await;
    let api = Api::over(vec![]).await;
    api.refuse("/api/v1/", 503, json!({}));
    let mut browser = browser(&services, &api).await;

    let seen = browser.get("/console").await;

    html::check(&seen.body);
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    for words in [
        "The database cannot be reached",
        "Batches to be loaded into Postgres1 23402loader",
    ] {
        assert!(seen.text().contains(words), "{words}: {}", seen.text());
    }
}

#[tokio::test]
async fn overview_counts_the_queues_and_does_without() {
    let services = Services::start().await;
    let api = Api::over(vec![event("open", 1, 5)]).await;
    let mut browser = browser(&services, &api).await;

    let seen = browser.get("/console").await;
    services.go_down();
    let without = browser.get("/console").await;

    html::check(&seen.body);
    for words in [
        "Batches to be loaded into Postgres1 23402loader",
        "Objects to be converted for the lake1 23400archiver",
        "set it aside",
    ] {
        assert!(seen.text().contains(words), "{words}: {}", seen.text());
    }
    assert!(!seen.text().contains("app events to be forwarded"));
    assert_eq!(without.status, StatusCode::OK);
    assert!(without.text().contains("not counted"), "{}", without.text());
}
