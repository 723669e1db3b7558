//! Unreadable keys are an error of the function, which neither allows nor denies.

use std::time::{Duration, Instant};

use authorizer::{KeysError, Scope};
use tokio::net::TcpListener;

use crate::rig::{QUERY_ROUTE, Rig, made_key};

#[tokio::test]
async fn store_that_is_away_is_an_error() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let rig = Rig::without_secret(&format!("http://{closed}")).await;

    assert!(matches!(
        rig.opens(QUERY_ROUTE, "any", 0).await,
        Err(KeysError::Secret(_))
    ));
}

#[tokio::test]
async fn store_that_never_answers_is_an_error_soon() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rig = Rig::without_secret(&format!("http://{}", silent.local_addr().unwrap())).await;
    let started = Instant::now();

    assert!(rig.opens(QUERY_ROUTE, "any", 0).await.is_err());
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn broken_current_version_is_an_error_even_for_the_previous_key() {
    let good = r#"{"signing_key":"good"}"#;
    let rig = Rig::with_secret(good).await;
    rig.rotate("{ planted").await;

    let error = rig
        .opens(QUERY_ROUTE, &made_key(good, Scope::Query), 0)
        .await
        .unwrap_err();

    assert!(matches!(error, KeysError::Document(_)));
    assert!(!function_kit::chain(&error).to_string().contains("planted"));
}

#[tokio::test]
async fn broken_previous_version_opens_nothing_and_closes_nothing() {
    let good = r#"{"signing_key":"good"}"#;
    let rig = Rig::with_secret("{ broken").await;
    rig.rotate(good).await;

    assert!(
        rig.opens(QUERY_ROUTE, &made_key(good, Scope::Query), 0)
            .await
            .unwrap()
    );
    assert!(!rig.opens(QUERY_ROUTE, "{ broken", 0).await.unwrap());
}
