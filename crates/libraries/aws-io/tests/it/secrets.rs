use std::time::Duration;

use aws_io::secrets::{SecretError, VersionStage, read};
use secrecy::ExposeSecret;

use crate::endpoint::{LIMIT, aws, unique};

#[tokio::test]
async fn versions_of_a_secret_are_read_apart() {
    let client = aws().await.secrets();
    let id = unique("aws-io");
    client
        .create_secret()
        .name(&id)
        .secret_string("first")
        .send()
        .await
        .unwrap();
    assert!(
        read(&client, &id, VersionStage::Previous, LIMIT)
            .await
            .unwrap()
            .is_none()
    );

    client
        .put_secret_value()
        .secret_id(&id)
        .secret_string("second")
        .send()
        .await
        .unwrap();

    let current = read(&client, &id, VersionStage::Current, LIMIT)
        .await
        .unwrap()
        .unwrap();
    let previous = read(&client, &id, VersionStage::Previous, LIMIT)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (current.expose_secret(), previous.expose_secret()),
        ("second", "first")
    );
}

#[tokio::test]
async fn secret_that_is_not_there_is_an_error() {
    let client = aws().await.secrets();

    let error = read(&client, &unique("aws-io"), VersionStage::Current, LIMIT)
        .await
        .unwrap_err();

    assert!(matches!(
        error,
        SecretError::Service {
            stage: VersionStage::Current,
            ..
        }
    ));
}

#[tokio::test]
async fn store_that_cannot_be_reached_is_an_error_within_the_limit() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let client = aws_io::Aws::local(&format!("http://{closed}"))
        .await
        .secrets();

    assert!(
        read(
            &client,
            "any",
            VersionStage::Previous,
            Duration::from_secs(1)
        )
        .await
        .is_err()
    );
}
