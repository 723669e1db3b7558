use aws_io::gzip;
use serde_json::Value;
use sqlx::PgPool;

use crate::rig::{Rig, batch};

const DAY: &str = "raw/sparkpost/dt=2026-03-01";

fn reasons(lines: &[Value]) -> Vec<(&str, &str)> {
    lines
        .iter()
        .map(|line| {
            (
                line["source_key"].as_str().unwrap(),
                line["reason"].as_str().unwrap(),
            )
        })
        .collect()
}

#[sqlx::test(migrations = "../../../migrations")]
async fn objects_that_can_never_be_loaded_are_rejected_alone(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let whole = gzip::encode(&batch(0..10));
    let bomb = gzip::encode(&vec![b' '; 1 << 20]).repeat(33);
    let bad =
        ["1-plain", "2-cut", "3-bomb", "4-missing"].map(|name| format!("{DAY}/{name}.json.gz"));
    rig.put(&bad[0], b"[]".to_vec()).await;
    rig.put(&bad[1], whole[..whole.len() - 9].to_vec()).await;
    rig.put(&bad[2], bomb).await;
    let foreign = format!("{DAY}/5-not-a-batch.txt");
    let good = rig.archive("good", &batch(0..10)).await;

    let retried = rig
        .deliver(&[&bad[0], &bad[1], &good, &bad[2], &bad[3], &foreign])
        .await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [10, 0, 1]);
    assert_eq!(rig.metric("objects_rejected"), 5);
    let lines = rig.rejections().await;
    assert_eq!(
        reasons(&lines),
        [
            (bad[0].as_str(), "not_gzip"),
            (bad[1].as_str(), "not_gzip"),
            (bad[2].as_str(), "too_large"),
            (bad[3].as_str(), "object_missing"),
            (foreign.as_str(), "not_a_batch_key"),
        ]
    );
    assert!(
        lines
            .iter()
            .all(|line| !line["detail"].as_str().unwrap().is_empty() && line["item"].is_null())
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn message_that_is_no_notification_is_one_rejected_line_with_its_text(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let good = rig.archive("good", &batch(0..1)).await;
    let messages = [r#""hello""#.to_owned(), rig.notification(&[&good])];

    for _ in 0..2 {
        let retried = rig
            .deliver_messages(&messages, std::time::Duration::from_mins(1))
            .await;
        assert!(retried.is_empty());
    }

    assert_eq!(rig.rows().await, [1, 0, 1]);
    assert_eq!(
        rig.rejections().await,
        [serde_json::json!({
            "reason": "not_a_notification",
            "detail": "not an S3 event notification from line 1, column 7",
            "source_key": "0",
            "item": r#""hello""#,
        })]
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn message_is_retried_while_its_rejected_line_cannot_be_written(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let missing = format!("{DAY}/missing.json.gz");
    let notification = rig.notification(&[&missing]);
    let mut unwritable = rig.clone();
    unwritable.deps.bucket = format!("{}-is-not-there", rig.deps.bucket);

    let retried = unwritable
        .deliver_messages(&[notification], std::time::Duration::from_mins(1))
        .await;

    assert_eq!(retried, [0]);
    assert_eq!(
        (rig.metric("retried"), rig.metric("objects_rejected")),
        (1, 0)
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn notification_with_one_bad_object_loads_the_others(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let good = rig.archive("good", &batch(0..2)).await;
    let missing = format!("{DAY}/missing.json.gz");
    let notification = rig.notification(&[&missing, &good]);

    let retried = rig
        .deliver_messages(&[notification], std::time::Duration::from_mins(1))
        .await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [2, 0, 1]);
    assert_eq!(
        reasons(&rig.rejections().await),
        [(missing.as_str(), "object_missing")]
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn notification_about_another_bucket_is_rejected_at_once_unless_it_is_replayed(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let good = rig.archive("good", &batch(0..2)).await;
    let own = rig.notification(&[&good]);
    let foreign = own.replace(&rig.deps.bucket, "somebody-elses");
    let replayed = foreign.replace("ObjectCreated:Put", "ObjectCreated:Replay");

    let retried = rig
        .deliver_messages(&[foreign, replayed, own], std::time::Duration::from_mins(1))
        .await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [2, 0, 1]);
    let lines = rig.rejections().await;
    assert_eq!(
        reasons(&lines),
        [
            (good.as_str(), "other_bucket"),
            (
                format!("s3://somebody-elses/{good}").as_str(),
                "other_bucket"
            ),
        ],
        "the replayed one is refused by S3"
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn object_without_a_byte_is_passed_over(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let marker = format!("{DAY}/_SUCCESS");
    rig.put(&marker, Vec::new()).await;
    let notification = rig
        .notification(&[&marker])
        .replace("\"key\"", "\"size\":0,\"key\"");

    let retried = rig
        .deliver_messages(&[notification], std::time::Duration::from_mins(1))
        .await;

    assert!(retried.is_empty());
    assert!(rig.rejections().await.is_empty());
}
