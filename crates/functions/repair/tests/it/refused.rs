//! Requests and items that are refused, each with its reason.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::rig::Rig;

#[tokio::test]
async fn wrong_requests_and_paths_are_refused() {
    let rig = Rig::new().await;
    let id = "row.2026-11-20.0.b";

    for (method, path, body, status) in [
        ("POST", "/retry", json!({}), 400),
        ("POST", "/retry", json!({"ids": ["x"]}), 400),
        ("POST", "/settle", json!({"ids": [id]}), 400),
        ("POST", "/settle", json!({"ids": [id], "note": " "}), 400),
        ("POST", "/x/retry", Value::Null, 400),
        ("GET", "/retry", Value::Null, 405),
        ("POST", "/row.2026-11-20.0.b", json!({}), 404),
        ("POST", "/row.2026-11-20.0.b/delete", json!({}), 404),
        ("POST", "", json!({}), 404),
    ] {
        let (answered, answer) = rig.send(method, path, body.to_string()).await;
        assert_eq!(answered.as_u16(), status, "{method} {path}: {answer}");
    }
    assert!(rig.keys("").await.is_empty());
}

#[tokio::test]
async fn an_item_that_cannot_be_sent_is_told_why_and_stays_open_beside_others() {
    let rig = Rig::new().await;
    rig.put(
        "raw/sparkpost/dt=2026-11-20/there.json.gz",
        aws_io::gzip::encode(b"[1]"),
    )
    .await;
    let gone = "row.2026-11-20.0.gone";

    let (alone, answer) = rig
        .send("POST", &format!("/{gone}/retry"), String::new())
        .await;
    let both = rig
        .retry(&[gone, "row.2026-11-20.0.there", "row.2026-11-20.1.there"])
        .await;

    assert_eq!(alone, StatusCode::UNPROCESSABLE_ENTITY);
    let description = answer["errors"][0]["description"].as_str().unwrap();
    assert!(description.contains("no batch gone"), "{description}");
    assert_eq!((&both["done"], &both["impossible"]), (&json!(1), &json!(2)));
    assert!(
        both["results"][2]["problem"]
            .as_str()
            .unwrap()
            .contains("no item 1")
    );
    let marks = rig.marks().await;
    assert_eq!(marks.len(), 1);
    assert_eq!(marks[0].id, "row.2026-11-20.0.there");
}

#[tokio::test]
async fn nothing_is_marked_while_s3_is_away() {
    let mut rig = Rig::new().await;
    rig.deps.s3 = aws_io::Aws::local("http://127.0.0.1:1").await.s3();

    let (retried, _) = rig
        .send("POST", "/row.2026-11-20.0.b/retry", String::new())
        .await;
    let (settled, _) = rig
        .post("/row.2026-11-20.0.b/settle", &json!({"note": "x"}))
        .await;

    assert_eq!(
        (retried, settled),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::SERVICE_UNAVAILABLE
        )
    );
}
