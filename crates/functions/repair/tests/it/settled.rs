//! Items about which nothing more is to be done.

use axum::http::StatusCode;
use event_model::rejected::MarkStatus;
use serde_json::json;

use crate::rig::Rig;

#[tokio::test]
async fn settled_items_are_marked_with_why() {
    let rig = Rig::new().await;
    let ids = ["row.2026-11-20.0.b", "line.app_events.2026-11-19.7.run-1"];

    let (one, _) = rig
        .post("/row.2026-11-20.5.b/settle", &json!({"note": "one"}))
        .await;
    let (many, answer) = rig
        .post("/settle", &json!({"ids": ids, "note": "a test of ours"}))
        .await;

    assert_eq!((one, many), (StatusCode::OK, StatusCode::OK));
    assert_eq!(answer["done"], 2);
    let marks = rig.marks().await;
    assert_eq!(marks.len(), 3);
    assert!(marks.iter().all(|mark| mark.status == MarkStatus::Settled));
    for id in ids {
        let mark = marks.iter().find(|mark| mark.id == id).unwrap();
        assert_eq!(mark.note.as_deref(), Some("a test of ours"));
        assert_eq!(mark.at, "2026-11-21T12:00:00Z");
    }
}
