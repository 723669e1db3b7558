//! What speaks to the function as Secrets Manager does.

use std::future::IntoFuture as _;

use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

/// The key that opens the door.
pub(crate) const KEY: &str = "the key";
/// The key of another scope: `printf %s query | openssl dgst -sha256 -hmac secret`.
pub(crate) const QUERY_KEY: &str =
    "cb92cef40efaad2dcb30b787cfa23fdc45f680d8d6092d4965f80a9eb201b11b";

/// Where it can be asked.
pub(crate) async fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let secret = r#"{"signing_key":"secret","sparkpost":"the key"}"#;
    let router = Router::new().fallback(move || async move {
        Json(json!({ "ARN": "arn", "Name": "keys", "SecretString": secret }))
    });
    tokio::spawn(axum::serve(listener, router).into_future());
    url
}
