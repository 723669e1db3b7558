use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn sizes() -> impl Strategy<Value = Sizes> {
    let events = (0..3000_u64, 0..=100_u64, 0..800_u64, 0..3000_u64);
    (events, 0..60_u64, 0..400_u64).prop_map(
        |((email_events, other_senders_percent, app_events, product_events), kills, faults)| {
            Sizes {
                email_events,
                other_senders_percent,
                app_events,
                product_events,
                kills,
                faults,
            }
        },
    )
}

proptest! {
    #[test]
    fn a_seed_repeats_its_plan(seed in any::<u64>(), sizes in sizes()) {
        prop_assert_eq!(Plan::new(seed, sizes), Plan::new(seed, sizes));
    }

    #[test]
    fn every_event_is_new_in_exactly_one_batch(seed in any::<u64>(), sizes in sizes()) {
        let plan = Plan::new(seed, sizes);

        for pipeline in Pipeline::ALL {
            let mut next = 0;
            for batch in plan.batches.iter().filter(|batch| batch.pipeline == pipeline) {
                prop_assert_eq!(batch.first, next);
                next += batch.count;
                prop_assert!(batch.again.iter().all(|event| *event < batch.first));
                prop_assert_eq!(batch.events().count(), batch.events().collect::<BTreeSet<_>>().len());
            }
            prop_assert_eq!(next, sizes.events(pipeline));
        }
    }

    #[test]
    fn every_batch_is_posted_and_nothing_else(seed in any::<u64>(), sizes in sizes()) {
        let plan = Plan::new(seed, sizes);

        let posted: BTreeSet<usize> = plan.posts.iter().map(|post| post.batch).collect();

        prop_assert_eq!(posted, (0..plan.batches.len()).collect());
    }

    #[test]
    fn as_many_faults_and_kills_are_planned_as_were_asked_for(seed in any::<u64>(), sizes in sizes()) {
        let plan = Plan::new(seed, sizes);
        let count = |is: fn(&DisruptionKind) -> bool| {
            plan.disruptions.iter().filter(|disruption| is(&disruption.kind)).count() as u64
        };

        prop_assert_eq!(count(|kind| matches!(kind, DisruptionKind::Fault(..))), sizes.faults);
        let kills = count(|kind| {
            matches!(kind, DisruptionKind::Kill { .. } | DisruptionKind::KillAtCall { .. })
        });
        prop_assert_eq!(kills, sizes.kills);
        prop_assert!(plan.disruptions.is_sorted_by_key(|disruption| disruption.after_posts));
        prop_assert!(plan.disruptions.iter().all(|disruption| disruption.after_posts <= plan.posts.len()));
    }
}

const MANY: Sizes = Sizes {
    email_events: 20_000,
    other_senders_percent: 33,
    app_events: 2_000,
    product_events: 20_000,
    kills: 40,
    faults: 300,
};

#[test]
fn other_senders_have_their_share_of_the_events() {
    let plan = Plan::new(1, MANY);
    let mut counts: BTreeMap<Option<OtherSender>, u64> = BTreeMap::new();
    for batch in &plan.batches {
        if batch.pipeline == Pipeline::EmailEvents {
            *counts.entry(batch.other).or_default() += batch.count;
        }
    }

    assert!((12_000..15_000).contains(&counts[&None]), "{counts:?}");
    for other in OtherSender::ALL {
        let expected = 20_000 * 33 * other.share() / 10_000;
        let range = expected / 2..expected * 2;
        assert!(range.contains(&counts[&Some(other)]), "{counts:?}");
    }
}

#[test]
fn another_seed_gives_another_plan() {
    let (one, two) = (Plan::new(1, MANY), Plan::new(2, MANY));

    assert_ne!(one.batches, two.batches);
    assert_ne!(one.disruptions, two.disruptions);
}

#[test]
fn batches_are_posted_again_and_out_of_order() {
    let plan = Plan::new(1, MANY);
    let mut times: BTreeMap<usize, u32> = BTreeMap::new();
    for post in &plan.posts {
        *times.entry(post.batch).or_default() += 1;
    }

    assert!(times.values().filter(|times| **times > 1).count() > 10);
    assert!(!plan.posts.is_sorted_by_key(|post| post.batch));
    assert!(plan.batches.iter().any(|batch| !batch.again.is_empty()));
    assert!(plan.batches.iter().any(|batch| batch.bad > 0));
}

/// Every call fails in each of its ways before any pair is repeated.
#[test]
fn faults_are_of_every_kind() {
    let pairs: usize = Site::ALL.iter().map(|site| site.faults().len()).sum();
    let few = Sizes {
        faults: pairs as u64,
        ..MANY
    };

    let planned: BTreeSet<(Site, Fault)> = Plan::new(7, few)
        .disruptions
        .into_iter()
        .filter_map(|disruption| match disruption.kind {
            DisruptionKind::Fault(site, fault) => Some((site, fault)),
            _ => None,
        })
        .collect();

    assert_eq!(planned.len(), pairs);
    assert!(pairs > 100);
}
