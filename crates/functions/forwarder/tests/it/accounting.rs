//! Every event of every sample is accounted for: in the report, in the metrics, and at the destination.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::rig::Rig;

const EVERYTHING: &str = r#"{"scope":"everything","profiles":true,"events":{"profile":{"send":true}},
    "environments":["production","development","unknown","absent"],"identity":{"without":"placeholder"}}"#;

#[tokio::test]
async fn samples_are_accounted_for_by_default_and_when_everything_is_sent() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../events/mparticle");
    let bodies: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert!(bodies.len() > 30);
    for mapping in ["{}", EVERYTHING] {
        let rig = Rig::new().await.with_mapping(mapping);
        for body in &bodies {
            rig.send(body).await;
        }

        let report = rig.run().await;

        assert_accounted(&rig, report.events.received()).await;
        assert_eq!(report.messages.deleted, bodies.len() as u64);
    }
}

/// Checks the sums after a run that resolved everything.
pub(crate) async fn assert_accounted(rig: &Rig, received: u64) {
    assert_eq!(rig.depth().await.total(), 0);
    assert_eq!(rig.dead_letters().await, 0);
    let (sent, skipped, rejected) = (
        rig.metric("sent"),
        rig.metric("skipped"),
        rig.metric("rejected"),
    );
    assert_eq!(rig.metric("received"), received);
    assert_eq!(received, sent + skipped + rejected);
    assert_eq!(rig.rejected().await.len() as u64, rejected);
    assert_eq!(by_reason(rig, "skipped_by_reason"), skipped);
    assert_eq!(by_reason(rig, "rejected_by_reason"), rejected);
    let counts = rig.stand_in.counts();
    let updates: u64 = counts
        .responses
        .get("/api/users/bulkUpdate")
        .map_or(0, |responses| responses.values().sum());
    // Changes of attributes count as sent events, and become profile updates, which the stand-in does not count
    // individually.
    let arrived = counts.event_deliveries + counts.purchase_deliveries;
    assert!(
        arrived == sent || (updates > 0 && arrived < sent),
        "{arrived} arrived of {sent} sent"
    );
}

fn by_reason(rig: &Rig, name: &str) -> u64 {
    let text = rig.metrics.text();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter_map(|line| line[name].as_object().cloned())
        .flat_map(|reasons| reasons.into_iter().filter_map(|(_, count)| count.as_u64()))
        .sum()
}
