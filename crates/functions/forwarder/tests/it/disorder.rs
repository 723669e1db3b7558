//! Everything at once: a destination that fails at random, and runs that are interrupted at random.

use std::{collections::BTreeSet, time::Duration};

use event_samples::random::Random;
use serde_json::json;
use tokio::time::timeout;

use crate::rig::{Rig, now_s, screen_views};

const EVENTS: usize = 2_000;
const INTERRUPTIONS: usize = 20;

/// Another sequence with `CISTERN_TEST_SEED`.
fn seed() -> u64 {
    std::env::var("CISTERN_TEST_SEED").map_or(20_261_121, |text| text.parse().unwrap())
}

#[tokio::test]
async fn every_event_arrives_whatever_fails_and_whenever_runs_are_cut_off() {
    let seed = seed();
    let mut random = Random::new(seed);
    let mut rig = Rig::new().await;
    rig.max_calls = 25;
    rig.seed = seed;
    rig.settings.request_timeout = Duration::from_millis(500);
    let mut expected = BTreeSet::new();
    while expected.len() < EVENTS {
        let user = format!("user-{}", random.below(300));
        let ids: Vec<String> = (0..=random.below(8))
            .map(|n| format!("event-{}-{n}", expected.len()))
            .collect();
        let events: Vec<(&str, i64)> = ids
            .iter()
            .map(|id| {
                (
                    id.as_str(),
                    now_s() - i64::try_from(random.below(3_000)).unwrap(),
                )
            })
            .collect();
        rig.send(&screen_views(&user, &events)).await;
        expected.extend(ids);
    }
    rig.change(json!({ "random": { "share": 0.2, "seed": seed } }));

    for _ in 0..INTERRUPTIONS {
        let time_limit = Duration::from_millis(50 + random.below(1_200));
        let _ = timeout(time_limit, rig.run_for(Duration::from_secs(4))).await;
    }
    rig.run_until_empty().await;

    let rejected = rig.rejected().await;
    assert!(
        rejected.is_empty(),
        "seed {seed}: good events were rejected: {rejected:?}"
    );
    let arrived = rig.arrived();
    assert_eq!(
        arrived.difference(&expected).count(),
        0,
        "seed {seed}: ids that nobody sent"
    );
    assert_eq!(
        expected.difference(&arrived).count(),
        0,
        "seed {seed}: ids that did not arrive"
    );
    assert_eq!(rig.dead_letters().await, 0, "seed {seed}");
    assert!(
        rig.stand_in.counts().faults.len() >= 5,
        "seed {seed}: {:?}",
        rig.stand_in.counts().faults
    );
}
