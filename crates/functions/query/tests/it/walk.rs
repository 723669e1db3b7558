//! Walks over many pages.

use std::collections::BTreeSet;

use sqlx::PgPool;
use time::Duration;

use crate::service::{NOW, Service, TestEvent, ids_newest_first};

/// Three thousand events, several to a second, in the day before now.
fn events() -> Vec<TestEvent> {
    let oldest = (NOW - Duration::hours(20)).unix_timestamp();
    let types = ["injection", "delivery", "bounce"].into_iter().cycle();
    (0..3_000_u32)
        .zip(types)
        .map(|(n, event_type)| TestEvent::new(n.into(), event_type, oldest + i64::from(n / 7)))
        .collect()
}

#[sqlx::test(migrations = "../../../migrations")]
async fn walk_has_no_gap_and_no_repetition_while_events_arrive(pool: PgPool) {
    let service = Service::over(&pool);
    let events = events();
    service.load(&events).await;

    let mut walked = Vec::new();
    let mut next = Some("/api/v1/events/message?per_page=130".to_owned());
    let mut late_ids = 1_000_000..;
    while let Some(uri) = next {
        let page = service.get(&uri).await;
        walked.extend(page.event_ids());
        assert_eq!(page.total_count(), 3_000);
        next = page.next();
        // Before, after and within the range of the walk: newest, oldest, and at the second of its position.
        let standing = events
            .iter()
            .find(|event| Some(&event.id) == walked.last())
            .map(|event| event.unix_seconds);
        let times = [
            standing,
            Some(NOW.unix_timestamp() - 70),
            Some(NOW.unix_timestamp() - 80_000),
        ];
        let late: Vec<_> = late_ids
            .by_ref()
            .zip(times.into_iter().flatten())
            .map(|(id, unix_seconds)| TestEvent::new(id, "click", unix_seconds))
            .collect();
        service.load(&late).await;
    }

    let distinct: BTreeSet<_> = walked.iter().collect();
    assert_eq!(distinct.len(), walked.len(), "a duplicate");
    let first_ones: Vec<_> = walked.into_iter().filter(|id| *id < 1_000_000).collect();
    assert_eq!(first_ones, ids_newest_first(&events));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn pages_are_as_long_as_asked_and_the_last_one_says_so(pool: PgPool) {
    let service = Service::over(&pool);
    service.load(&events()).await;

    for (per_page, lengths) in [
        (3_000, vec![3_000]),
        (1_500, vec![1_500, 1_500]),
        (2_999, vec![2_999, 1]),
    ] {
        let mut page = service.search(&format!("per_page={per_page}")).await;
        let mut seen = vec![page.event_ids().len()];
        while let Some(next) = page.next() {
            page = service.get(&next).await;
            seen.push(page.event_ids().len());
        }
        assert_eq!(seen, lengths);
        assert_eq!(page.json()["links"], serde_json::json!({}));
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn total_is_exact_up_to_its_cap_and_says_when_it_is_not(pool: PgPool) {
    let service = Service::over(&pool);
    let time = NOW.unix_timestamp() - 3_600;
    let events: Vec<_> = (0..10_001)
        .map(|id| TestEvent::new(id, "open", time))
        .collect();
    service.load(&events[..10_000]).await;

    let exact = service.search("per_page=1").await.json();
    service.load(&events[10_000..]).await;
    let capped = service.search("per_page=1").await;
    let second = service.get(&capped.next().unwrap()).await.json();

    assert_eq!(
        (&exact["total_count"], &exact["total_count_relation"]),
        (&10_000.into(), &serde_json::Value::Null)
    );
    for answer in [capped.json(), second] {
        assert_eq!(
            (&answer["total_count"], &answer["total_count_relation"]),
            (&10_000.into(), &"gte".into())
        );
    }
}
