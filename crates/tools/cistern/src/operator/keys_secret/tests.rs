//! Changes at the same time, against a stand-in that treats request tokens like Secrets Manager.

use std::{
    collections::BTreeMap,
    future::IntoFuture as _,
    sync::{Arc, Mutex},
};

use aws_io::Aws;
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

/// The texts by their ids, and the ids of the current and the previous version.
#[derive(Debug, Default)]
struct Stored {
    texts: BTreeMap<String, String>,
    current: String,
    previous: Option<String>,
    /// What something else writes at the moment of the next writing.
    by_hand: Option<String>,
}

impl Stored {
    fn put(&mut self, id: &str, text: String) {
        self.texts.insert(id.to_owned(), text);
        self.previous = Some(std::mem::replace(&mut self.current, id.to_owned()));
    }
}

type Shared = Arc<Mutex<Stored>>;

async fn answer(State(stored): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let mut stored = stored.lock().unwrap();
    let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
    let failed =
        |kind: &str| (StatusCode::BAD_REQUEST, Json(json!({"__type": kind}))).into_response();
    if headers["x-amz-target"] == "secretsmanager.PutSecretValue" {
        let (token, secret) = (text("ClientRequestToken"), text("SecretString"));
        match stored.texts.get(&token) {
            Some(other) if *other != secret => return failed("ResourceExistsException"),
            // The same request again changes nothing.
            Some(_) => return Json(json!({"VersionId": token})).into_response(),
            None => {}
        }
        if let Some(text) = stored.by_hand.take() {
            stored.put("by-hand", text);
        }
        stored.put(&token, secret);
        return Json(json!({"VersionId": token})).into_response();
    }
    let version = match text("VersionStage").as_str() {
        "AWSPREVIOUS" => stored.previous.clone(),
        _ => Some(stored.current.clone()),
    };
    match version {
        Some(id) => {
            Json(json!({"VersionId": id, "SecretString": stored.texts[&id]})).into_response()
        }
        None => failed("ResourceNotFoundException"),
    }
}

/// A secret with this text, and what is stored.
async fn secret(text: &str) -> (Arc<KeysSecret>, Shared) {
    let stored = Shared::default();
    {
        let mut stored = stored.lock().unwrap();
        stored.current = "first".to_owned();
        stored.texts.insert("first".to_owned(), text.to_owned());
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&stored));
    tokio::spawn(axum::serve(listener, router).into_future());
    let secret = KeysSecret {
        client: Aws::local(&url).await.secrets(),
        arn: "keys".to_owned(),
    };
    (Arc::new(secret), stored)
}

async fn add(secret: &KeysSecret, sender: &str, text: &str) -> Result<()> {
    let add = |versions: &Versions| {
        Ok(Change {
            documents: versions.adding(sender, text)?,
            outcome: (),
        })
    };
    secret.change(add).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_at_the_same_time_lose_nothing() {
    let (secret, _) = secret(r#"{"signing_key":"old","query":"own"}"#).await;
    let rotate = |versions: &Versions| {
        Ok(Change {
            documents: versions.rotating("new"),
            outcome: (),
        })
    };
    secret.change(rotate).await.unwrap();

    let tasks: Vec<_> = (0..6)
        .map(|number| {
            let secret = Arc::clone(&secret);
            tokio::spawn(async move {
                add(
                    &secret,
                    &format!("sender{}", number / 2),
                    &number.to_string(),
                )
                .await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }

    let versions = secret.read().await.unwrap();
    for sender in 0..3 {
        let mut secrets = versions.current.sender(&format!("sender{sender}"));
        secrets.sort_unstable();
        assert_eq!(
            secrets,
            [(sender * 2).to_string(), (sender * 2 + 1).to_string()]
        );
    }
    let (current, previous) = (
        versions.current.to_text(),
        versions.previous.unwrap().to_text(),
    );
    assert!(current.contains(r#""signing_key":"new""#) && current.contains(r#""query":"own""#));
    assert!(
        previous.contains(r#""signing_key":"old""#),
        "the keys from before the rotation stay valid"
    );
}

const BY_HAND: &str = r#"{"signing_key":"k","query":"q"}"#;

#[tokio::test]
async fn what_was_changed_by_hand_since_reading_is_kept() {
    let (secret, stored) = secret(r#"{"signing_key":"k"}"#).await;
    let mut is_first = true;
    let add = |versions: &Versions| {
        if std::mem::take(&mut is_first) {
            let mut stored = stored.lock().unwrap();
            stored.put("by-hand", BY_HAND.to_owned());
        }
        Ok(Change {
            documents: versions.adding("bird", "b")?,
            outcome: (),
        })
    };

    secret.change(add).await.unwrap();

    let versions = secret.read().await.unwrap();
    assert!(versions.current.to_text().contains(r#""query":"q""#));
    assert_eq!(versions.current.sender("bird"), ["b"]);
}

#[tokio::test]
async fn what_was_changed_by_hand_at_the_moment_of_writing_is_reported() {
    let (secret, stored) = secret(r#"{"signing_key":"k"}"#).await;
    stored.lock().unwrap().by_hand = Some(BY_HAND.to_owned());

    let error = add(&secret, "bird", "b").await.unwrap_err();

    assert!(
        format!("{error:#}").contains("previous version"),
        "{error:#}"
    );
}
