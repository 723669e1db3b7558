//! Items of erased people.

use erasure::{Person, Tombstones};
use serde_json::json;
use sqlx::PgPool;

use crate::rig::{Rig, batch, event};

const KEY: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";

/// The list has the recipient of the event 1.
async fn with_list(rig: &Rig) {
    let person = Person::new(&["USER1@example.com"], &[""; 0]).unwrap();
    let names = Tombstones::hashes(KEY, &person).unwrap();
    let list = json!({ "people": [{ "erasure": "e", "added_at": "2026-03-01T00:00:00Z", "names": names }] });
    rig.put("state/erasures/key", KEY.into()).await;
    rig.put("state/erasures/people.json", list.to_string().into())
        .await;
}

#[sqlx::test(migrations = "../../../migrations")]
async fn items_of_erased_people_are_left_out_counted_and_noted(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    with_list(&rig).await;
    // The last one would be rejected.
    let body = serde_json::to_vec(&[
        event(1, 1_770_000_000),
        event(2, 1_770_000_000),
        event(1, 1),
    ])
    .unwrap();
    let key = rig.archive("a", &body).await;
    let others = rig.archive("b", &batch(5..7)).await;

    let retried = rig.deliver(&[&key, &others]).await;

    assert!(retried.is_empty());
    assert_eq!(rig.rows().await, [3, 0, 2]);
    assert_eq!(rig.counts(), [5, 3, 0, 0]);
    assert_eq!(rig.metric("erased"), 2);
    assert_eq!(rig.number("select sum(erased) from batches").await, 2);
    assert_eq!(rig.notes().await, [key]);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn nothing_is_loaded_while_the_list_cannot_be_read(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    with_list(&rig).await;
    rig.put("state/erasures/people.json", b"{".to_vec()).await;
    let key = rig.archive("a", &batch(0..3)).await;

    let retried = rig.deliver(&[&key]).await;

    assert_eq!(retried, [0]);
    assert_eq!(rig.rows().await, [0, 0, 0]);
}
