use authorizer::Scope;

use crate::rig::{MAX_KEY_AGE, QUERY_ROUTE, Rig, made_key};

const FIRST: &str = r#"{"signing_key":"first"}"#;
const SECOND: &str = r#"{"signing_key":"second"}"#;
const THIRD: &str = r#"{"signing_key":"third"}"#;

fn key(document: &str) -> String {
    made_key(document, Scope::Query)
}

#[tokio::test]
async fn previous_key_stays_valid_and_the_one_before_does_not() {
    let rig = Rig::with_secret(FIRST).await;
    rig.rotate(SECOND).await;
    assert!(rig.opens(QUERY_ROUTE, &key(FIRST), 0).await.unwrap());
    assert!(rig.opens(QUERY_ROUTE, &key(SECOND), 0).await.unwrap());

    rig.rotate(THIRD).await;

    let later = MAX_KEY_AGE.as_secs();
    assert!(!rig.opens(QUERY_ROUTE, &key(FIRST), later).await.unwrap());
    assert!(rig.opens(QUERY_ROUTE, &key(SECOND), later).await.unwrap());
    assert!(rig.opens(QUERY_ROUTE, &key(THIRD), later).await.unwrap());
}

#[tokio::test]
async fn new_key_opens_long_before_the_cache_ends() {
    let rig = Rig::with_secret(FIRST).await;
    assert!(rig.opens(QUERY_ROUTE, &key(FIRST), 0).await.unwrap());

    rig.rotate(SECOND).await;

    assert!(rig.opens(QUERY_ROUTE, &key(SECOND), 5).await.unwrap());
}

#[tokio::test]
async fn unknown_keys_do_not_have_the_secret_read_for_each_of_them() {
    let rig = Rig::with_secret(FIRST).await;
    assert!(!rig.opens(QUERY_ROUTE, "unknown", 0).await.unwrap());

    rig.delete_secret().await;

    // Reading them again would be an error.
    for at_seconds in 0..5 {
        assert!(!rig.opens(QUERY_ROUTE, "unknown", at_seconds).await.unwrap());
    }
    assert!(rig.opens(QUERY_ROUTE, "unknown", 5).await.is_err());
}

#[tokio::test]
async fn known_key_has_the_secret_read_only_when_the_cache_ends() {
    let rig = Rig::with_secret(FIRST).await;
    assert!(rig.opens(QUERY_ROUTE, &key(FIRST), 0).await.unwrap());

    rig.delete_secret().await;

    assert!(
        rig.opens(QUERY_ROUTE, &key(FIRST), MAX_KEY_AGE.as_secs() - 1)
            .await
            .unwrap()
    );
    assert!(
        rig.opens(QUERY_ROUTE, &key(FIRST), MAX_KEY_AGE.as_secs())
            .await
            .is_err()
    );
}
