//! Objects of senders that a recipe describes.

use aws_io::gzip;
use email_senders::{Recipe, Senders};
use event_model::BatchKey;
use sqlx::PgPool;

use crate::rig::{NOW, Rig};

const BODY: &[u8] = br#"{"type":"done","at":"2026-03-01T10:00:00Z","to":"a@b.example"}"#;
const RECIPE: &[u8] = br#"{"name":"own","proof":{"signature_header":"X-Signature"},
    "mapping":{"type":"/type","types":{"done":"delivery"},"timestamp":"/at","fields":{"rcpt_to":"/to"}}}"#;

/// An object of the sender; returns its key.
async fn archive(rig: &Rig, sender: &str, id: &str) -> String {
    let key = BatchKey::of_sender(sender, Some(id), BODY).object_key(NOW.date());
    rig.put(&key, gzip::encode(BODY)).await;
    key
}

#[sqlx::test(migrations = "../../../migrations")]
async fn a_recipe_counts_from_the_first_object_on_and_an_unknown_sender_is_rejected(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    let early = archive(&rig, "own", "early").await;

    // Nobody knows it: the object is kept, and can be loaded later.
    assert_eq!(rig.deliver(&[&early]).await, [0; 0]);
    let lines = rig.rejections().await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["reason"], "unknown_sender");
    assert!(
        lines[0]["detail"]
            .as_str()
            .unwrap()
            .contains("no sender is named own")
    );

    // The recipes were read a moment ago, and are read again for a name that they do not have.
    let recipe = Recipe::parse(RECIPE).unwrap();
    let document = Senders::default()
        .with(recipe, false)
        .unwrap()
        .to_document();
    rig.put("state/senders.json", document.unwrap()).await;
    let late = archive(&rig, "own", "late").await;
    assert_eq!(rig.deliver(&[&late, &early]).await, [0; 0]);

    // Both deliveries have the same content, which is one event.
    assert_eq!(rig.rows().await, [1, 0, 2]);
    let found = "select count(*) from email_events where type = 'delivery' and rcpt_to = 'a@b.example' and event->>'provider' = 'own'";
    assert_eq!(rig.number(found).await, 1);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn objects_wait_while_the_recipes_are_damaged_and_providers_need_none(pool: PgPool) {
    let rig = Rig::new(&pool).await;
    rig.put("state/senders.json", b"{".to_vec()).await;
    let own = archive(&rig, "own", "a").await;
    let standard = archive(&rig, "standard", "a").await;

    let retried = rig.deliver(&[&own, &standard]).await;

    assert_eq!(retried, [0]);
    assert_eq!(rig.rejections().await, [] as [serde_json::Value; 0]);
    assert_eq!(rig.rows().await[2], 1);
}
