//! The function with a real Postgres, and a local server in CloudFormation's place.
//!
//! `DATABASE_URL` names a server on which databases may be created.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::put,
};
use function_kit::{Env, capture::CapturedLog};
use lambda_runtime::{Context, LambdaEvent};
use migrator::{Deps, HandleError, handle};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Executor, PgPool};
use time::OffsetDateTime;
use tokio::net::TcpListener;

/// A stand-in for CloudFormation's bucket: keeps what it receives.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<Vec<(HeaderMap, Value)>>>);

impl Answers {
    fn bodies(&self) -> Vec<Value> {
        let answers = self.0.lock().unwrap();
        answers.iter().map(|(_, body)| body.clone()).collect()
    }
}

/// Answers `refusals` requests with 500 before it accepts any; returns the URL for responses.
async fn listen(answers: &Answers, refusals: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/answer?signature=planted",
        listener.local_addr().unwrap()
    );
    let left = Arc::new(Mutex::new(refusals));
    let take = put(
        async move |State(answers): State<Answers>, headers: HeaderMap, body: String| {
            let mut left = left.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                return StatusCode::INTERNAL_SERVER_ERROR;
            }
            let body = serde_json::from_str(&body).unwrap();
            answers.0.lock().unwrap().push((headers, body));
            StatusCode::OK
        },
    );
    let router = Router::new()
        .route("/answer", take)
        .with_state(answers.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn deps(database_url: &str, settings: &[(&str, &str)]) -> Deps {
    let pairs = settings
        .iter()
        .copied()
        .chain([("DATABASE_URL", database_url)]);
    Deps::from_env(&Env::from_pairs(pairs), OffsetDateTime::now_utc).unwrap()
}

fn url_of(pool: &PgPool) -> String {
    pool.connect_options().to_url_lossy().to_string()
}

fn event(payload: Value, seconds_left: u64) -> LambdaEvent<Value> {
    let mut context = Context::default();
    let deadline = std::time::SystemTime::now() + Duration::from_secs(seconds_left);
    let since_epoch = deadline
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    context.deadline = since_epoch.as_millis().try_into().unwrap();
    LambdaEvent::new(payload, context)
}

fn request(request_type: &str, response_url: &str) -> Value {
    json!({
        "RequestType": request_type,
        "ResponseURL": response_url,
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/cistern/guid",
        "RequestId": "request-1",
        "LogicalResourceId": "Migration",
        "ResourceType": "Custom::Migration",
    })
}

async fn table_exists(pool: &PgPool, name: &str) -> bool {
    sqlx::query_scalar("select to_regclass($1) is not null")
        .bind(name)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = false)]
async fn create_migrates_maintains_and_answers(pool: PgPool) {
    let answers = Answers::default();
    let url = listen(&answers, 0).await;
    let deps = deps(&url_of(&pool), &[("METADATA_KEYS", "user_id")]);

    handle(&deps, event(request("Create", &url), 120))
        .await
        .unwrap();

    assert_eq!(
        answers.bodies(),
        [json!({
            "Status": "SUCCESS",
            "PhysicalResourceId": "cistern-database-schema",
            "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/cistern/guid",
            "RequestId": "request-1",
            "LogicalResourceId": "Migration",
        })]
    );
    assert!(!answers.0.lock().unwrap()[0].0.contains_key("content-type"));
    let weeks: i64 = sqlx::query_scalar(
        "select count(*) from pg_inherits where inhparent = 'email_events'::regclass",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(weeks, 5);
    assert!(table_exists(&pool, "email_events_meta_user_id").await);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn update_and_delete_keep_the_physical_id_and_delete_keeps_the_data(pool: PgPool) {
    let answers = Answers::default();
    let url = listen(&answers, 0).await;
    let deps = deps(&url_of(&pool), &[]);

    for request_type in ["Update", "Delete"] {
        let mut request = request(request_type, &url);
        request["PhysicalResourceId"] = json!("as-it-was");
        handle(&deps, event(request, 120)).await.unwrap();
    }

    for answer in answers.bodies() {
        assert_eq!(
            (&answer["Status"], &answer["PhysicalResourceId"]),
            (&json!("SUCCESS"), &json!("as-it-was"))
        );
    }
    assert_eq!(answers.bodies().len(), 2);
    assert!(table_exists(&pool, "email_events").await);
}

#[sqlx::test(migrations = false)]
async fn failed_migration_is_answered_with_its_reason(pool: PgPool) {
    pool.execute("create table batches (mine boolean)")
        .await
        .unwrap();
    let answers = Answers::default();
    let url = listen(&answers, 0).await;
    let deps = deps(&url_of(&pool), &[]);

    handle(&deps, event(request("Create", &url), 120))
        .await
        .unwrap();

    let answer = &answers.bodies()[0];
    assert_eq!(answer["Status"], "FAILED");
    assert_eq!(answer["PhysicalResourceId"], "cistern-database-schema");
    let reason = answer["Reason"].as_str().unwrap();
    assert!(reason.contains("migrating the database"), "{reason}");
    assert!(
        reason.contains(r#"relation "batches" already exists"#),
        "{reason}"
    );
}

#[sqlx::test(migrations = false)]
async fn delete_succeeds_without_a_database(_pool: PgPool) {
    let answers = Answers::default();
    let url = listen(&answers, 0).await;
    let deps = deps("postgres://nobody@127.0.0.1:1/nothing", &[]);

    handle(&deps, event(request("Delete", &url), 120))
        .await
        .unwrap();

    assert_eq!(answers.bodies()[0]["Status"], "SUCCESS");
}

#[tokio::test]
async fn wrong_setting_is_answered_and_does_not_leave_the_stack_waiting() {
    let answers = Answers::default();
    let url = listen(&answers, 0).await;
    let deps = deps(
        "postgres://nobody@127.0.0.1:1/nothing",
        &[("RETENTION_DAYS", "a month")],
    );

    handle(&deps, event(request("Update", &url), 120))
        .await
        .unwrap();
    let by_schedule = handle(&deps, event(json!({}), 120)).await.unwrap_err();

    let answer = &answers.bodies()[0];
    assert_eq!(answer["Status"], "FAILED");
    assert!(
        answer["Reason"]
            .as_str()
            .unwrap()
            .starts_with("RETENTION_DAYS is not valid")
    );
    assert!(matches!(by_schedule, HandleError::Config(_)));
}

#[tokio::test]
async fn database_that_does_not_come_up_is_answered_in_time() {
    let answers = Answers::default();
    let url = listen(&answers, 0).await;
    let deps = deps("postgres://nobody:planted@127.0.0.1:1/nothing", &[]);

    // Half a minute is reserved for the response, so there is one second to wait.
    handle(&deps, event(request("Create", &url), 31))
        .await
        .unwrap();

    let answer = &answers.bodies()[0];
    assert_eq!(answer["Status"], "FAILED");
    let reason = answer["Reason"].as_str().unwrap();
    assert!(reason.contains("not ready"), "{reason}");
    assert!(!reason.contains("planted"));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn answer_is_sent_again_until_it_is_taken_and_its_url_is_not_logged(pool: PgPool) {
    let answers = Answers::default();
    let url = listen(&answers, 2).await;
    let deps = deps(&url_of(&pool), &[]);
    let captured = CapturedLog::start();

    handle(&deps, event(request("Update", &url), 120))
        .await
        .unwrap();
    let nobody = request("Update", "http://127.0.0.1:1/answer?signature=planted");
    let error = handle(&deps, event(nobody, 120)).await.unwrap_err();

    assert_eq!(answers.bodies().len(), 1);
    assert!(matches!(error, HandleError::Answer(_)));
    let log = captured.text();
    assert!(log.contains("database maintained") && log.contains("response not delivered"));
    assert!(!log.contains("planted"), "{log}");
    assert!(!format!("{error:?} {}", function_kit::chain(&error)).contains("planted"));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn schedule_maintains_and_applies_the_retention(pool: PgPool) {
    pool.execute("select ensure_partition('2016-02-02')")
        .await
        .unwrap();
    assert!(table_exists(&pool, "email_w201601_52").await);
    let deps = deps(
        &url_of(&pool),
        &[("RETENTION_DAYS", "30"), ("PARTITIONS_AHEAD_WEEKS", "0")],
    );

    handle(&deps, event(json!({"source": "aws.scheduler"}), 120))
        .await
        .unwrap();

    assert!(!table_exists(&pool, "email_w201601_52").await);
    let weeks: i64 = sqlx::query_scalar(
        "select count(*) from pg_inherits where inhparent = 'email_events'::regclass",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(weeks, 1);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn schedule_merges_old_weeks_one_range_a_run_and_a_deploy_merges_none(pool: PgPool) {
    // Weeks as the previous release leaves them after years.
    pool.execute(
        "insert into partition_policy (as_of) values ('2022-04-01');
         select ensure_partition(week)
         from generate_series('2022-01-06'::timestamptz, '2022-05-26', '7 days') as week;
         update partition_policy set as_of = '2023-02-01';
         select ensure_partition(week)
         from generate_series('2023-01-06'::timestamptz, '2023-02-02', '7 days') as week",
    )
    .await
    .unwrap();
    let answers = Answers::default();
    let url = listen(&answers, 0).await;
    let deps = deps(&url_of(&pool), &[]);
    let old_partitions = async || -> Vec<String> {
        sqlx::query_scalar(
            "select name from event_partitions() where lo < '2024-01-01' order by lo",
        )
        .fetch_all(&pool)
        .await
        .unwrap()
    };

    handle(&deps, event(request("Update", &url), 120))
        .await
        .unwrap();
    assert_eq!(old_partitions().await.len(), 21 + 4);
    handle(&deps, event(json!({}), 120)).await.unwrap();
    assert_eq!(old_partitions().await.len(), 1 + 4);
    // Without time there is no merge, which is not a failure.
    handle(&deps, event(json!({}), 39)).await.unwrap();
    assert_eq!(old_partitions().await.len(), 1 + 4);
    handle(&deps, event(json!({}), 120)).await.unwrap();
    assert_eq!(
        old_partitions().await,
        ["email_w202201_21", "email_w202301_04"]
    );
}

#[sqlx::test(migrations = false)]
async fn schedule_that_fails_is_a_failed_invocation(pool: PgPool) {
    let deps = deps(&url_of(&pool), &[]);

    let error = handle(&deps, event(json!({}), 120)).await.unwrap_err();

    assert!(matches!(error, HandleError::Store(_)), "{error:?}");
}

/// The metadata index on `email_events`, and whether all weeks have it.
async fn metadata_index_is_complete(pool: &PgPool) -> Option<bool> {
    let sql = "
        select indisvalid
        from pg_index
        where indexrelid = to_regclass('email_events_meta_user_id')";
    sqlx::query_scalar(sql).fetch_optional(pool).await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn index_that_takes_longer_than_a_deploy_is_left_to_the_night(pool: PgPool) {
    let answers = Answers::default();
    let url = listen(&answers, 0).await;
    let without = deps(&url_of(&pool), &[]);
    handle(&without, event(request("Create", &url), 120))
        .await
        .unwrap();
    let with = deps(&url_of(&pool), &[("METADATA_KEYS", "user_id")]);
    let log = CapturedLog::start();
    // Building an index concurrently waits for all writers, however long they take.
    let mut writer = pool.begin().await.unwrap();
    writer
        .execute("lock table email_events in row exclusive mode")
        .await
        .unwrap();

    // Half a minute is reserved for the response, so there are some seconds to build it.
    handle(&with, event(request("Update", &url), 36))
        .await
        .unwrap();

    let bodies = answers.bodies();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[1]["Status"], "SUCCESS", "{}", bodies[1]);
    assert_ne!(metadata_index_is_complete(&pool).await, Some(true));
    let log = log.text();
    assert!(log.contains("postponed to the night"), "{log}");
    assert!(log.contains(r#""metadata_keys":"user_id""#), "{log}");

    writer.rollback().await.unwrap();
    handle(&with, event(json!({}), 120)).await.unwrap();

    assert_eq!(metadata_index_is_complete(&pool).await, Some(true));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn deploy_drops_nothing_that_a_rollback_would_miss(pool: PgPool) {
    let answers = Answers::default();
    let url = listen(&answers, 0).await;
    pool.execute("select ensure_partition('2016-02-02')")
        .await
        .unwrap();
    pool.execute(
        "
        insert into email_events_rejected (batch_key, ordinal, reason, raw, rejected_at)
        values ('old', 0, '', '', '2016-02-02')",
    )
    .await
    .unwrap();
    let before = deps(&url_of(&pool), &[("METADATA_KEYS", "user_id")]);
    handle(&before, event(request("Update", &url), 120))
        .await
        .unwrap();
    let lowered = deps(&url_of(&pool), &[("RETENTION_DAYS", "30")]);
    let count = async |sql: &'static str| -> i64 {
        sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap()
    };
    let rejected = "select count(*) from email_events_rejected";
    let of_2016 = "select count(*) from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent = 'email_events'::regclass and pg_get_expr(relpartbound, pg_class.oid) like '%2016%'";

    handle(&lowered, event(request("Update", &url), 120))
        .await
        .unwrap();
    assert_eq!(count(of_2016).await, 1);
    assert!(table_exists(&pool, "email_events_meta_user_id").await);
    assert_eq!(count(rejected).await, 1);

    handle(&lowered, event(json!({}), 120)).await.unwrap();
    assert_eq!(count(of_2016).await, 0);
    assert!(!table_exists(&pool, "email_events_meta_user_id").await);
    assert_eq!(count(rejected).await, 0);
}
