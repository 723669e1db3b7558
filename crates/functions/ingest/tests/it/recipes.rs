//! Deliveries of a sender that a recipe describes.

use axum::http::StatusCode;
use email_senders::{Recipe, Senders, Trial};

use crate::{
    keys::OWN_SECRET,
    rig::{Rig, clock},
};

const RECIPE: &[u8] = include_bytes!("../../../../../docs/recipes/own-service.json");
const DOCUMENT: &str = "state/senders.json";

fn senders() -> Senders {
    let recipe = Recipe::parse(RECIPE).unwrap();
    Senders::default().with(recipe, false).unwrap()
}

/// Posts what the sender signs with a secret.
async fn post(rig: &Rig, secret: &str) -> StatusCode {
    let sender = senders().named("own-service").unwrap();
    let delivery = sender.proof().unwrap().test_delivery(&Trial {
        secret,
        id: "d-1",
        now: clock(),
    });
    let headers: Vec<(&str, &str)> = delivery
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let answer = rig
        .send_as_given("/webhooks/own-service", &headers, delivery.body)
        .await;
    answer.status
}

#[tokio::test]
async fn recipe_lets_a_sender_in_whose_proof_is_right() {
    let rig = Rig::open().await;
    rig.put(DOCUMENT, senders().to_document().unwrap()).await;

    assert_eq!(post(&rig, OWN_SECRET).await, StatusCode::OK);
    assert_eq!(post(&rig, OWN_SECRET).await, StatusCode::OK);
    let wrong = "own_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=";
    assert_eq!(post(&rig, wrong).await, StatusCode::UNAUTHORIZED);

    let keys = rig.keys().await;
    assert_eq!(keys.len(), 3, "{keys:?}");
    let raw = "raw/email/dt=2026-03-01/own-service=d-1-";
    assert!(keys[0].starts_with(raw), "{keys:?}");
    assert!(keys[2].starts_with("unverified/own-service/"), "{keys:?}");
    let metadata = rig.metadata(&keys[0]).await;
    let id = ("delivery-id".to_owned(), "d-1".to_owned());
    assert!(metadata.contains(&id), "{metadata:?}");
}

#[tokio::test]
async fn without_its_recipe_it_is_not_found_and_with_damaged_ones_it_waits() {
    let rig = Rig::open().await;
    assert_eq!(post(&rig, OWN_SECRET).await, StatusCode::NOT_FOUND);

    let other = Rig::open().await;
    other.put(DOCUMENT, b"{".to_vec()).await;
    assert_eq!(
        post(&other, OWN_SECRET).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
}
