//! Events of erased people.

use erasure::{Person, Tombstones};
use serde_json::json;

use crate::rig::{NONE, Rig};

const KEY: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";

async fn rig() -> Rig {
    let rig = Rig::new().await;
    let person = Person::new(&["jane@x.org"], &["u-1001"]).unwrap();
    let names = Tombstones::hashes(KEY, &person).unwrap();
    let list = json!({ "people": [{ "erasure": "e", "added_at": "2026-03-01T00:00:00Z", "names": names }] });
    rig.put("state/erasures/key", KEY).await;
    rig.put("state/erasures/people.json", list.to_string())
        .await;
    rig
}

#[tokio::test]
async fn events_of_erased_people_are_no_rows_in_any_table_and_are_counted_and_noted() {
    let rig = rig().await;
    let email = |address: &str| json!({"msys": {"message_event": {"type": "delivery", "timestamp": "1772366400", "rcpt_to": address}}});
    let emails = json!([email("JANE@x.org"), email("bob@x.org")]).to_string();
    let product = "{\"userId\":\"u-1001\",\"event\":\"a\"}\n{\"userId\":\"bob\",\"event\":\"a\"}\n";
    let message = |address: &str| {
        let event = json!({"event_type": "custom_event", "data": {"event_name": "a"}});
        let body = json!({"user_identities": {"email": address}, "events": [event, event]});
        json!({"messageId": "m", "sentAt": "2026-03-01T10:00:00Z", "body": body.to_string()})
            .to_string()
    };
    let messages = format!("{}\n{}\n", message("jane@x.org"), message("bob@x.org"));
    let keys = [
        "raw/sparkpost/dt=2026-03-01/a.json.gz",
        "raw/track/dt=2026-03-01/hour=10/a.gz",
        "raw/mparticle/dt=2026-03-01/hour=10/a.ndjson.gz",
    ];
    for (key, body) in keys.iter().zip([&emails, product, &messages]) {
        rig.put(key, body.as_bytes()).await;
    }

    assert_eq!(rig.deliver(&keys).await, NONE);

    let rows: Vec<String> = rig
        .files()
        .await
        .into_values()
        .flatten()
        .map(|row| format!("{row:?}"))
        .collect();
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.contains("bob")), "{rows:?}");
    assert_eq!(rig.counts(), [8, 4, 0, 0, 0]);
    let text = rig.metric_lines();
    assert!(text.contains(r#""lake_erased":2"#), "{text}");
    let mut noted: Vec<String> = rig
        .objects("state/erasures/late/")
        .await
        .into_values()
        .map(|key| String::from_utf8(key.to_vec()).unwrap())
        .collect();
    noted.sort();
    let mut expected = keys.map(str::to_owned);
    expected.sort();
    assert_eq!(noted, expected);
}
