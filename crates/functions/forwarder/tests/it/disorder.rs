//! Everything at once: a destination that fails at random, and runs that are interrupted at random.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;
use tokio::time::timeout;

use crate::rig::{Rig, now_s, screen_views};

const EVENTS: usize = 2_000;
const CUTS: usize = 20;

/// The same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Another run of the dice with `CISTERN_TEST_SEED`.
fn seed() -> u64 {
    std::env::var("CISTERN_TEST_SEED").map_or(20_261_121, |text| text.parse().unwrap())
}

#[tokio::test]
async fn every_event_arrives_whatever_fails_and_whenever_runs_are_cut_off() {
    let seed = seed();
    let mut dice = Dice(seed);
    let mut rig = Rig::new().await;
    rig.max_calls = 25;
    rig.seed = seed;
    rig.settings.request_timeout = Duration::from_millis(500);
    let mut expected = BTreeSet::new();
    while expected.len() < EVENTS {
        let user = format!("user-{}", dice.below(300));
        let ids: Vec<String> = (0..=dice.below(8))
            .map(|n| format!("event-{}-{n}", expected.len()))
            .collect();
        let events: Vec<(&str, i64)> = ids
            .iter()
            .map(|id| {
                (
                    id.as_str(),
                    now_s() - i64::try_from(dice.below(3_000)).unwrap(),
                )
            })
            .collect();
        rig.send(&screen_views(&user, &events)).await;
        expected.extend(ids);
    }
    rig.change(json!({ "random": { "share": 0.2, "seed": seed } }));

    for _ in 0..CUTS {
        let cut = Duration::from_millis(50 + dice.below(1_200));
        let _ = timeout(cut, rig.run_for(Duration::from_secs(4))).await;
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
