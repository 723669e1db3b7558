//! The key of a stack as it is kept in Secrets Manager.

use std::sync::Arc;

use aws_io::Aws;
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use console::{KeySource, StackKeys};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::served::served;

/// The two versions of a secret, of which either may be missing.
type Versions = [Option<&'static str>; 2];

async fn get_secret(State(versions): State<Arc<Versions>>, body: String) -> Response {
    let asked: Value = serde_json::from_str(&body).unwrap();
    let version = versions[usize::from(asked["VersionStage"] == "AWSPREVIOUS")];
    match version {
        Some(text) => {
            Json(json!({ "ARN": "arn", "Name": "keys", "SecretString": text })).into_response()
        }
        None => (
            StatusCode::BAD_REQUEST,
            Json(json!({ "__type": "ResourceNotFoundException" })),
        )
            .into_response(),
    }
}

async fn read(versions: Versions) -> Result<(String, Option<String>), String> {
    let router = Router::new()
        .route("/", post(get_secret))
        .with_state(Arc::new(versions));
    let origin = served(router).await;
    let keys = StackKeys::new(Aws::local(&origin).await.secrets(), "keys".to_owned())
        .read()
        .await;
    let text = |key: secrecy::SecretString| key.expose_secret().to_owned();
    match keys {
        Ok(keys) => Ok((text(keys.current), keys.previous.map(text))),
        Err(error) => Err(function_kit::chain(&*error).to_string()),
    }
}

#[tokio::test]
async fn query_key_is_made_of_each_version_and_a_broken_one_before_opens_nothing() {
    // printf %s query | openssl dgst -sha256 -hmac secret
    let made = "cb92cef40efaad2dcb30b787cfa23fdc45f680d8d6092d4965f80a9eb201b11b".to_owned();
    let current = Some(r#"{"signing_key":"secret"}"#);

    assert_eq!(read([current, None]).await, Ok((made.clone(), None)));
    assert_eq!(
        read([current, Some(r#"{"signing_key":"s","query":"given"}"#)]).await,
        Ok((made.clone(), Some("given".to_owned())))
    );
    assert_eq!(read([current, Some("planted")]).await, Ok((made, None)));
}

#[tokio::test]
async fn secret_that_cannot_be_used_is_an_error_without_its_content() {
    for current in [
        None,
        Some("planted"),
        Some(r#"{"signing_key":"planted","query":""}"#),
    ] {
        let error = read([current, None]).await.unwrap_err();
        assert!(!error.contains("planted"), "{error}");
    }
}
