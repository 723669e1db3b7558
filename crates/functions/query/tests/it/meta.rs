//! The API's own documentation.

use axum::http::StatusCode;

use crate::service::Service;

#[tokio::test]
async fn documentation_and_samples_need_no_database() {
    let service = Service::with(|_| {});

    for path in [
        "/api/v1/events/message/documentation",
        "/api/v1/message-events/events/documentation",
    ] {
        let documentation = service.get(path).await.json();
        assert_eq!(
            documentation["results"].as_array().unwrap().len(),
            18,
            "{path}"
        );
    }
    let newer = service
        .get("/api/v1/events/message/samples?events=bounce")
        .await
        .json();
    let older = service
        .get("/api/v1/message-events/events/samples/?events=bounce,open")
        .await
        .json();
    assert_eq!(newer["results"][0]["customer_id"], 1);
    assert_eq!(older["results"][1]["customer_id"], "1");

    let refused = service
        .get("/api/v1/events/message/samples?events=bounce;open")
        .await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.json()["errors"][0]["param"], "events");
}
