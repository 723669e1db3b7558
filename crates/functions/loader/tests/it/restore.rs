//! Rebuilding the tables from the objects of another stack, as in docs/deploy.md.

use sqlx::{AssertSqlSafe, PgPool};

use crate::rig::{Rig, batch};

/// Like `aws s3 sync`: the objects under the same keys in another bucket.
async fn sync(from: &Rig, to: &Rig) -> Vec<String> {
    let listed = from
        .deps
        .s3
        .list_objects_v2()
        .bucket(&from.deps.bucket)
        .prefix("raw/")
        .send()
        .await
        .unwrap();
    let mut keys = Vec::new();
    for object in listed.contents() {
        let key = object.key().unwrap();
        let copy = to
            .deps
            .s3
            .copy_object()
            .copy_source(format!("{}/{key}", from.deps.bucket))
            .bucket(&to.deps.bucket)
            .key(key);
        copy.send().await.unwrap();
        keys.push(key.to_owned());
    }
    keys
}

/// The events and the counts, except the times of loading.
async fn contents(rig: &Rig) -> String {
    let sql = "
        select string_agg(line, e'\\n' order by line)
        from (
            select concat_ws(' ', ts, event_key, type, rcpt_to, event) as line from email_events
            union all
            select concat_ws(' ', batch_key, events, inserted, rejected) from batches
        ) as lines";
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(rig.pool())
        .await
        .unwrap()
}

#[sqlx::test(migrations = "../../../migrations")]
async fn objects_of_another_stack_make_the_same_tables_whatever_comes_twice(pool: PgPool) {
    let old = Rig::new(&pool).await;
    let mut keys = Vec::new();
    for index in 0..4 {
        let body = batch(index * 10..index * 10 + 10);
        keys.push(old.archive(&format!("b{index}"), &body).await);
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert!(old.deliver(&keys).await.is_empty());
    let before = contents(&old).await;
    // The new stack's database has nothing but its tables.
    for table in ["email_events", "batches"] {
        let sql = format!("truncate {table}");
        sqlx::query(AssertSqlSafe(sql))
            .execute(&pool)
            .await
            .unwrap();
    }
    let new = Rig::new(&pool).await;

    for _ in 0..2 {
        let synced = sync(&old, &new).await;
        let synced: Vec<&str> = synced.iter().map(String::as_str).collect();
        assert!(new.deliver(&synced).await.is_empty());
    }

    assert_eq!(contents(&new).await, before);
    assert_eq!(new.rows().await, [40, 0, 4]);
}
