//! A stand-in for Secrets Manager.

use std::future::IntoFuture as _;

use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

/// The valid key.
pub(crate) const KEY: &str = "the key";
/// The key of another scope: `printf %s query | openssl dgst -sha256 -hmac secret`.
pub(crate) const QUERY_KEY: &str =
    "cb92cef40efaad2dcb30b787cfa23fdc45f680d8d6092d4965f80a9eb201b11b";

/// The secret of Bird's webhook.
pub(crate) const BIRD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The key of Postmark's.
pub(crate) const POSTMARK_KEY: &str = "postmark-0123456789";

/// The topic of SNS that SES publishes to.
pub(crate) const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:cistern-ses";

/// The secret of a sender with a recipe.
pub(crate) const OWN_SECRET: &str = "own_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Its URL.
pub(crate) async fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let secret = format!(
        r#"{{"signing_key":"secret","sparkpost":"the key","senders":{{"bird":["{BIRD_SECRET}"],"postmark":"{POSTMARK_KEY}","ses":["{TOPIC}"],"own-service":["{OWN_SECRET}"]}}}}"#
    );
    let router = Router::new().fallback(move || async move {
        Json(json!({ "ARN": "arn", "Name": "keys", "SecretString": secret }))
    });
    tokio::spawn(axum::serve(listener, router).into_future());
    url
}
