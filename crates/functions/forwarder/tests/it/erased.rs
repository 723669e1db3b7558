//! Events of erased people.

use erasure::{Person, Tombstones};
use serde_json::json;

use crate::{accounting::assert_accounted, rig::Rig};

const KEY: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";

#[tokio::test]
async fn events_of_erased_people_are_neither_archived_nor_sent_and_are_counted() {
    let mut rig = Rig::new().await;
    let person = Person::new(&["jane@x.org"], &[""; 0]).unwrap();
    let names = Tombstones::hashes(KEY, &person).unwrap();
    let list = json!({ "people": [{ "erasure": "e", "added_at": "2026-03-01T00:00:00Z", "names": names }] });
    rig.erased = Tombstones::new(KEY, &serde_json::from_value(list).unwrap()).unwrap();
    let batch = |address: &str| {
        let event =
            |name: &str| json!({"event_type": "screen_view", "data": {"screen_name": name}});
        json!({"user_identities": {"email": address, "customer_id": address},
            "events": [event("a"), event("b")]})
    };
    rig.send(&batch("jane@x.org").to_string()).await;
    rig.send(&json!([batch("JANE@x.org"), batch("bob@x.org")]).to_string())
        .await;

    let report = rig.run().await;

    assert_eq!(report.events.received(), 6);
    assert_eq!(report.events.skipped_total(), 4);
    assert_accounted(&rig, 6).await;
    let archived = rig.archived_text().await.to_lowercase();
    assert!(
        archived.contains("bob@x.org") && !archived.contains("jane"),
        "{archived}"
    );
}
