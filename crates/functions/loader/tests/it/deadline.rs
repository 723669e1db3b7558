use std::time::Duration;

use sqlx::PgPool;

use crate::rig::{Rig, batch};

#[sqlx::test(migrations = "../../../migrations")]
async fn work_is_not_begun_when_the_time_is_used_up(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let key = rig.archive("a", &batch(0..3)).await;

    let retried = rig
        .deliver_messages(
            &[rig.notification(&[&key]), rig.notification(&[&key])],
            Duration::ZERO,
        )
        .await;

    assert_eq!(retried, [0, 1]);
    assert_eq!(rig.rows().await, [0, 0, 0]);
    assert_eq!((rig.metric("retried"), rig.counts()), (2, [0; 4]));
}
