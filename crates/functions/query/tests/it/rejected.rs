//! Rejected items, from Postgres and from S3.

use axum::http::StatusCode;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sqlx::{Executor, PgPool};

use crate::service::{Answer, Service};

/// Rows of the same instant, of several days, with bytes that are not UTF-8 and one that is longer than is shown.
const ROWS: &str = r#"
    insert into email_events_rejected (batch_key, ordinal, reason, raw, rejected_at) values
        ('a', 0, '`timestamp` is not a time', '{"type":"open"}', '2026-11-20 10:00+00'),
        ('a', 1, '`Timestamp` is not a time', '\xff00', '2026-11-20 10:00+00'),
        ('b', 0, 'it is not an object', '7', '2026-11-20 10:00+00'),
        ('c', 3, '100% odd_', convert_to(repeat('é', 5000), 'UTF8'), '2026-11-18 23:59:59+00')"#;

async fn list(service: &Service, query: &str) -> Answer {
    service.get(&format!("/api/v1/rejected?{query}")).await
}

fn places(answer: &Answer) -> Vec<(String, i64)> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    let place = |item: &Value| {
        let batch = item["batch_key"].as_str().unwrap();
        (batch.to_owned(), item["ordinal"].as_i64().unwrap())
    };
    answer.json()["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(place)
        .collect()
}

#[sqlx::test(migrations = "../../../migrations")]
async fn pages_of_any_size_hold_each_row_once_newest_first(pool: PgPool) {
    let service = Service::over(&pool);
    pool.execute(ROWS).await.unwrap();
    let expected = [("b", 0), ("a", 1), ("a", 0), ("c", 3)];

    for per_page in 1..=5 {
        let mut link = Some(format!("/api/v1/rejected?per_page={per_page}&from=-30d"));
        let mut found = Vec::new();
        while let Some(at) = link {
            let answer = service.get(&at).await;
            found.extend(places(&answer));
            link = answer.next();
        }
        assert_eq!(
            found,
            expected.map(|(batch, ordinal)| (batch.to_owned(), ordinal)),
            "{per_page}"
        );
    }
}

/// A cursor with this content and the checksum that anybody can compute.
async fn forged(pool: &PgPool, content: &Value) -> String {
    let mut bytes = serde_json::to_vec(content).unwrap();
    let check: Vec<u8> = sqlx::query_scalar("select substring(sha256($1) for 4)")
        .bind(&bytes)
        .fetch_one(pool)
        .await
        .unwrap();
    bytes.extend(check);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[sqlx::test(migrations = "../../../migrations")]
async fn cursor_of_a_right_checksum_is_followed_or_refused(pool: PgPool) {
    let service = Service::over(&pool);
    pool.execute(ROWS).await.unwrap();
    let link = list(&service, "per_page=1").await.next().unwrap();
    let (_, cursor) = link.split_once("cursor=").unwrap();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).unwrap();
    let content: Value = serde_json::from_slice(&bytes[..bytes.len() - 4]).unwrap();
    let (day, at) = (content["day"].clone(), content["row"][0].clone());
    let line = |key: &str, end: u64| json!(["email_events", key, end]);

    let rows = [
        json!([at, "a", 0]),
        json!([at, "\u{0}", 0]),
        json!([at, "é", 0]),
        json!([at, "", 0]),
        json!([at, "a".repeat(10_000), 0]),
        json!([at, "a", -1]),
        json!([i64::MIN, "a", 0]),
        json!([i64::MAX, "a", 0]),
        json!([0, "a", 0]),
        Value::Null,
    ];
    let lines = [
        Value::Null,
        line("rejected/email_events/dt=2026-11-20/a.ndjson", 7),
        line("rejected/email_events/dt=2026-11-20/a.ndjson", u64::MAX),
        line("rejected/email_events/dt=2026-11-19/a.ndjson", 0),
        line("state/keys.ndjson", 0),
        line("", 0),
    ];
    let days = [
        day,
        json!(0),
        json!(-1_930_999),
        json!(i32::MIN),
        json!(i32::MAX),
    ];
    let ranges = [
        (content["from"].clone(), content["to"].clone()),
        (content["to"].clone(), content["from"].clone()),
        (json!(i64::MIN), json!(i64::MAX)),
        (
            json!(-62_167_219_200_000_000_i64),
            json!(253_402_300_799_999_999_i64),
        ),
        (
            json!(-62_167_219_200_000_000_i64),
            json!(-62_167_219_200_000_000_i64),
        ),
    ];
    let mut followed = 0;
    for (row, line) in rows
        .iter()
        .flat_map(|row| lines.iter().map(move |line| (row, line)))
    {
        for (day, (from, to)) in days
            .iter()
            .flat_map(|day| ranges.iter().map(move |range| (day, range)))
        {
            let mut content = content.clone();
            for (name, value) in [
                ("row", row),
                ("line", line),
                ("day", day),
                ("from", from),
                ("to", to),
            ] {
                content[name] = value.clone();
            }
            let cursor = forged(&pool, &content).await;
            let answer = list(&service, &format!("per_page=1&cursor={cursor}")).await;

            let is_answered = [StatusCode::OK, StatusCode::BAD_REQUEST].contains(&answer.status);
            assert!(is_answered, "{content}: {}", answer.status);
            followed += u32::from(answer.status == StatusCode::OK);
        }
    }
    // Its own row, and the line of the same day.
    assert_eq!(followed, 2);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn items_are_shown_as_received_and_cut_with_a_mark(pool: PgPool) {
    let service = Service::over(&pool);
    pool.execute(ROWS).await.unwrap();

    let answer = list(&service, "").await.json();

    let items = answer["results"].as_array().unwrap();
    let shown = |index: usize| {
        let item = &items[index];
        (
            item["item_base64"].clone(),
            item["item_bytes"].clone(),
            item["is_item_truncated"].clone(),
        )
    };
    assert_eq!(items[2]["item"], r#"{"type":"open"}"#);
    assert_eq!(
        items[2]["source_key"],
        "raw/sparkpost/dt=2026-11-20/a.json.gz"
    );
    assert_eq!(shown(1), (json!("/wA="), json!(2), json!(false)));
    assert_eq!(shown(3), (json!(null), json!(10_000), json!(true)));
    assert_eq!(items[3]["item"].as_str().unwrap(), "é".repeat(2_048));
    assert_eq!(answer["stores"], json!(["postgres"]));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn reason_range_and_pipeline_narrow_the_list(pool: PgPool) {
    let service = Service::over(&pool);
    pool.execute(ROWS).await.unwrap();

    for (query, expected) in [
        ("reason=%60TIMESTAMP%60", vec![("a", 1), ("a", 0)]),
        ("reason=0%25%20odd_", vec![("c", 3)]),
        ("reason=_dd", vec![]),
        ("from=2026-11-19", vec![("b", 0), ("a", 1), ("a", 0)]),
        ("to=2026-11-19", vec![("c", 3)]),
        ("pipeline=app_events,product_events", vec![]),
        ("pipeline=email_events&per_page=1", vec![("b", 0)]),
    ] {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(batch, ordinal): (&str, i64)| (batch.to_owned(), ordinal))
            .collect();
        assert_eq!(places(&list(&service, query).await), expected, "{query}");
    }
    let other = list(&service, "pipeline=events").await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST);
    assert_eq!(other.json()["errors"][0]["param"], "pipeline");
}

mod in_s3 {
    use query::{Deps, RejectedObjects, router};
    use test_bucket::Bucket;

    use super::*;
    use crate::service::{NOW, indexed_keys};

    async fn bucket(objects: &[(String, String)]) -> Bucket {
        let bucket = Bucket::create("rejected").await;
        for (key, body) in objects {
            bucket.put(key, body.as_bytes()).await;
        }
        bucket
    }

    /// A service over a bucket of its own in the emulator.
    async fn service(pool: &PgPool, objects: &[(String, String)]) -> Service {
        let Bucket { s3, name: bucket } = bucket(objects).await;
        let Service { store, .. } = Service::over(pool);
        let router = router(Deps {
            store: store.clone(),
            indexed_keys: std::sync::Arc::new(indexed_keys()),
            rejected_objects: Some(RejectedObjects::with_client(bucket, s3)),
            free_sql: None,
            clock: || NOW,
        });
        Service { router, store }
    }

    fn line(detail: &str, item: &str) -> String {
        let line = json!({"reason": "bad", "detail": detail, "source_key": "raw/x", "ordinal": 1, "item": item});
        format!("{line}\n")
    }

    fn details(answer: &Answer) -> Vec<String> {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
        let items = answer.json()["results"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| {
                item["detail"]
                    .as_str()
                    .or(item["batch_key"].as_str())
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    #[sqlx::test(migrations = "../../../migrations")]
    async fn pages_of_any_size_hold_each_line_and_row_once(pool: PgPool) {
        let long = "x".repeat(3 << 20);
        let key =
            |pipeline: &str, day: &str, name: &str| format!("rejected/{pipeline}/dt={day}/{name}");
        let service = service(
            &pool,
            &[
                // A line longer than a part, one that is not JSON, and a last one without its end.
                (
                    key("app_events", "2026-11-20", "b.ndjson"),
                    format!(
                        "{}{}not JSON\n{}",
                        line("two", "x"),
                        line("three", &long),
                        line("four", "y").trim_end()
                    ),
                ),
                (
                    key("app_events", "2026-11-20", "a.ndjson"),
                    line("one", "x"),
                ),
                (
                    key("product_events", "2026-11-20", "a.ndjson"),
                    line("five", "x"),
                ),
                (
                    key("email_events", "2026-11-19", "a.ndjson"),
                    line("six", "x"),
                ),
                (
                    key("email_events", "2026-11-19", "a.parquet"),
                    line("a file", "x"),
                ),
                (
                    key("product_events", "2026-11-10", "a.ndjson"),
                    line("too old", "x"),
                ),
                (
                    key("product_events", "2026-11-22", "a.ndjson"),
                    line("of tomorrow", "x"),
                ),
            ],
        )
        .await;
        pool.execute(ROWS).await.unwrap();
        let expected = [
            "b", "a", "a", "one", "two", "three", "four", "five", "six", "c",
        ];

        for per_page in [1, 2, 3, 4, 7, 10, 100] {
            let mut link = Some(format!("/api/v1/rejected?per_page={per_page}"));
            let mut found = Vec::new();
            while let Some(at) = link {
                let answer = service.get(&at).await;
                found.extend(details(&answer));
                link = answer.next();
            }
            assert_eq!(found, expected, "{per_page}");
        }
        let narrowed = list(&service, "reason=THREE&pipeline=app_events").await;
        let item = narrowed.json()["results"][0].clone();
        assert_eq!(details(&narrowed), ["three"]);
        assert_eq!(item["is_item_truncated"], true);
        assert_eq!(item["item_bytes"], 3 << 20);
        assert_eq!(item["item"].as_str().unwrap().len(), 4_096);
        assert_eq!(narrowed.json()["stores"], json!(["postgres", "s3"]));
    }

    #[sqlx::test(migrations = "../../../migrations")]
    async fn items_have_ids_and_the_last_mark_of_each_decides_its_status(pool: PgPool) {
        let mark = |id: &str, status: &str, note: &str| {
            let at = "2026-11-21T11:00:00Z";
            format!(
                "{}\n",
                json!({"id": id, "status": status, "at": at, "note": note, "retried_as": "raw/x"})
            )
        };
        let marks = |pipeline: &str, name: &str, lines: String| {
            (
                format!("state/rejected/{pipeline}/dt=2026-11-20/{name}.ndjson"),
                lines,
            )
        };
        let first = line("one", "x");
        let second = format!("line.app_events.2026-11-20.{}.a", first.len());
        let service = service(
            &pool,
            &[
                (
                    "rejected/app_events/dt=2026-11-20/a.ndjson".to_owned(),
                    first + &line("two", "y"),
                ),
                marks("app_events", "1", mark(&second, "retried", "")),
                marks(
                    "email_events",
                    "1",
                    mark("row.2026-11-20.0.a", "settled", "a test"),
                ),
                marks(
                    "email_events",
                    "2",
                    mark("row.2026-11-20.1.a", "settled", "early"),
                ),
                marks(
                    "email_events",
                    "3",
                    mark("row.2026-11-20.1.a", "retried", "late"),
                ),
            ],
        )
        .await;
        pool.execute(ROWS).await.unwrap();

        let all = list(&service, "from=2026-11-20").await.json();
        let shown: Vec<_> = all["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| {
                (
                    item["id"].clone(),
                    item["status"].clone(),
                    item["note"].clone(),
                )
            })
            .collect();

        assert_eq!(
            shown,
            [
                (json!("row.2026-11-20.0.b"), json!("open"), Value::Null),
                (json!("row.2026-11-20.1.a"), json!("retried"), json!("late")),
                (
                    json!("row.2026-11-20.0.a"),
                    json!("settled"),
                    json!("a test")
                ),
                (
                    json!("line.app_events.2026-11-20.0.a"),
                    json!("open"),
                    Value::Null
                ),
                (json!(second), json!("retried"), json!("")),
            ]
        );
        for (status, expected) in [
            ("open", vec!["b", "one"]),
            ("retried", vec!["a", "two"]),
            ("settled", vec!["a"]),
        ] {
            for per_page in [1, 2, 10] {
                let mut link = Some(format!(
                    "/api/v1/rejected?from=2026-11-20&status={status}&per_page={per_page}"
                ));
                let mut found = Vec::new();
                while let Some(at) = link {
                    let answer = service.get(&at).await;
                    found.extend(details(&answer));
                    link = answer.next();
                }
                assert_eq!(found, expected, "{status} {per_page}");
            }
        }
    }
}
