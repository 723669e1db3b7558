//! Objects of senders that a recipe describes.

use aws_io::gzip;
use email_senders::{Recipe, Senders};

use crate::rig::Rig;

const KEY: &str = "raw/email/dt=2026-01-02/own=a-0123456789abcdef.json.gz";
const RECIPE: &[u8] = br#"{"name":"own","proof":{"signature_header":"X-Signature"},
    "mapping":{"type":"/type","types":{"done":"delivery"},"timestamp":"/at","fields":{"rcpt_to":"/to"}}}"#;

#[tokio::test]
async fn a_recipe_counts_from_the_first_object_on_and_an_unknown_sender_is_rejected() {
    let rig = Rig::new().await;
    let body = br#"{"type":"done","at":"2026-01-02T10:00:00Z","to":"a@b.example"}"#;
    rig.put(KEY, gzip::encode(body)).await;

    assert_eq!(rig.deliver(&[KEY]).await, [0; 0]);
    let rejected = rig.objects("rejected/email_events/").await;
    let lines: Vec<_> = rejected.into_values().collect();
    let line = String::from_utf8_lossy(&lines[0]);
    assert!(line.contains("unknown_sender"), "{line}");

    let recipe = Recipe::parse(RECIPE).unwrap();
    let document = Senders::default()
        .with(recipe, false)
        .unwrap()
        .to_document();
    rig.put("state/senders.json", document.unwrap()).await;
    assert_eq!(rig.deliver(&[KEY]).await, [0; 0]);

    let rows: Vec<_> = rig
        .files_of("email_events")
        .await
        .into_values()
        .flatten()
        .collect();
    let text = format!("{rows:?}");
    assert!(
        rows.len() == 1 && text.contains("delivery") && text.contains("own"),
        "{text}"
    );
}
