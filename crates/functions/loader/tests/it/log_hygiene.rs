use function_kit::capture::CapturedLog;
use serde_json::json;
use sqlx::PgPool;

use crate::rig::{Rig, batch, closed_port, event};

#[sqlx::test(migrations = "../../../migrations")]
async fn bodies_addresses_and_passwords_are_in_no_log(pool: PgPool) {
    let log = CapturedLog::start();
    let rig = Rig::new(&pool).await;
    let mut odd = event(1, 1_770_000_000);
    odd["msys"]["message_event"]["rcpt_to"] = json!({ "planted@example.com": 1 });
    let mut early = event(2, 1_000);
    early["msys"]["message_event"]["rcpt_to"] = json!("planted@example.com");
    let mut good = event(3, 1_770_000_000);
    good["msys"]["message_event"]["rcpt_to"] = json!("planted@example.com");
    let body = serde_json::to_vec(&[odd, early, good]).unwrap();
    let keys = [
        rig.archive("a", &body).await,
        rig.archive("b", b"planted@example.com").await,
        "raw/sparkpost/dt=2026-03-01/missing.json.gz".to_owned(),
    ];
    rig.put(
        "raw/sparkpost/dt=2026-03-01/plain.json.gz",
        b"planted@example.com".to_vec(),
    )
    .await;
    let plain = rig.notification(&["raw/sparkpost/dt=2026-03-01/plain.json.gz"]);
    let away = rig.with_database(&format!(
        "postgres://user:planted-password@127.0.0.1:{}/none",
        closed_port()
    ));
    let other = rig.archive("c", &batch(0..1)).await;

    rig.deliver(&keys.each_ref().map(String::as_str)).await;
    rig.deliver(&[&keys[0]]).await;
    away.deliver(&[&other]).await;
    let messages = [r#""planted@example.com""#.to_owned(), plain];
    rig.deliver_messages(&messages, std::time::Duration::from_mins(1))
        .await;

    let printed = [log.text(), rig.metric_lines()].concat();
    for line in [
        "batch loaded",
        "batch already loaded",
        "rejected items are in email_events_rejected",
        "rejected",
        "database unavailable",
    ] {
        assert!(printed.contains(line), "{line} is missing: {printed}");
    }
    assert!(!printed.contains("planted"), "{printed}");
}
