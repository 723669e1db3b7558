//! Every route with every kind of key, while the authorizer looks at a secret of the test's own, which was rotated twice.

use anyhow::{Context, Result, ensure};
use authorizer::{Scope, keys::KeyDocument};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::function::Function;
use crate::keys_secret::KeysSecret;
use crate::stack::{Stack, fresh_id};

struct Route {
    method: Method,
    path: &'static str,
    scope: Scope,
    foreign: Scope,
}

const ROUTES: [Route; 3] = [
    Route {
        method: Method::POST,
        path: "/webhooks/sparkpost",
        scope: Scope::Sparkpost,
        foreign: Scope::Query,
    },
    Route {
        method: Method::GET,
        path: "/api/v1/events/message",
        scope: Scope::Query,
        foreign: Scope::Sparkpost,
    },
    Route {
        method: Method::GET,
        path: "/api/v1/message-events",
        scope: Scope::Query,
        foreign: Scope::Sparkpost,
    },
];

const MISSING: u16 = 401;
const REFUSED: u16 = 403;

/// The versions of the secret, oldest first: revoked, previous, current.
struct Versions([String; 3]);

impl Versions {
    fn new() -> Self {
        // Keys that no run has used, as the gateway keeps answers for a minute.
        let label = fresh_id("keys");
        Self(["1", "2", "3"].map(|n| json!({ "signing_key": format!("{label}-{n}") }).to_string()))
    }

    fn key(&self, version: usize, scope: Scope) -> String {
        let document = SecretString::from(self.0[version].as_str());
        let document = KeyDocument::parse(&document).expect("versions are documents of keys");
        document.key(scope).expose_secret().to_owned()
    }

    fn revoked(&self, scope: Scope) -> String {
        self.key(0, scope)
    }

    fn previous(&self, scope: Scope) -> String {
        self.key(1, scope)
    }

    fn current(&self, scope: Scope) -> String {
        self.key(2, scope)
    }

    /// Rotates the secret to each.
    async fn store(&self, secret: &KeysSecret) -> Result<()> {
        for document in &self.0 {
            secret.replace(document).await?;
        }
        Ok(())
    }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

/// What each value of the header must bring.
fn cases(versions: &Versions, route: &Route) -> Vec<(&'static str, Option<String>, u16)> {
    let current = versions.current(route.scope);
    let previous = versions.previous(route.scope);
    let foreign = versions.current(route.foreign);
    let some = |text: &str| Some(text.to_owned());
    vec![
        ("no key", None, MISSING),
        ("empty header", some(""), MISSING),
        ("wrong key", some("wrong"), REFUSED),
        ("key of another scope", some(&foreign), REFUSED),
        (
            "bearer of another scope",
            some(&format!("Bearer {foreign}")),
            REFUSED,
        ),
        ("plain", some(&current), 200),
        ("bearer", some(&format!("Bearer {current}")), 200),
        (
            "bearer in lower case",
            some(&format!("bearer   {current}")),
            200,
        ),
        (
            "basic password",
            some(&basic(&format!("anyone:{current}"))),
            200,
        ),
        ("basic user", some(&basic(&format!("{current}:"))), 200),
        ("previous version", some(&previous), 200),
        (
            "previous version, bearer",
            some(&format!("Bearer {previous}")),
            200,
        ),
        (
            "revoked version",
            some(&versions.revoked(route.scope)),
            REFUSED,
        ),
        ("scheme alone", some("Bearer"), REFUSED),
        (
            "scheme twice",
            some(&format!("Bearer Bearer {current}")),
            REFUSED,
        ),
        ("basic that is no base64", some("Basic !!!"), REFUSED),
        ("basic of nothing", some(&basic(":")), REFUSED),
        ("key with a tail", some(&format!("{current}0")), REFUSED),
        (
            "all but the last digit",
            some(&current[..current.len() - 1]),
            REFUSED,
        ),
        ("key in upper case", some(&current.to_uppercase()), REFUSED),
        ("two keys", some(&format!("{current}, {current}")), REFUSED),
        ("the signing key", some(&versions.0[2]), REFUSED),
        (
            "token that nobody signed",
            some(&format!("Bearer ct1.9999999999.{current}")),
            REFUSED,
        ),
    ]
}

async fn ask(stack: &Stack, route: &Route, authorization: Option<&str>) -> Result<u16> {
    let url = format!("{}{}", stack.file.base_url, route.path);
    let mut request = stack.http.request(route.method.clone(), url);
    if route.method == Method::POST {
        request = request.body(r#"[{"msys":{}}]"#);
    }
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    Ok(request.send().await?.status().as_u16())
}

async fn ask_for_token(stack: &Stack, body: Value) -> Result<(u16, Value)> {
    let url = format!("{}/oauth/token", stack.file.base_url);
    let answer = stack
        .http
        .post(url)
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await?;
    let status = answer.status().as_u16();
    Ok((status, serde_json::from_slice(&answer.bytes().await?)?))
}

fn grant(secret: &str) -> Value {
    json!({ "grant_type": "client_credentials", "client_id": "sparkpost", "client_secret": secret })
}

async fn check_keys(stack: &Stack, versions: &Versions) -> Result<()> {
    for route in &ROUTES {
        for (case, authorization, expected) in cases(versions, route) {
            let status = ask(stack, route, authorization.as_deref()).await?;
            ensure!(status == expected, "{} with {case}: {status}", route.path);
        }
    }
    Ok(())
}

async fn check_tokens(stack: &Stack, versions: &Versions) -> Result<()> {
    let [webhook, search, _] = &ROUTES;
    for secret in [
        versions.current(Scope::Sparkpost),
        versions.previous(Scope::Sparkpost),
    ] {
        let (status, body) = ask_for_token(stack, grant(&secret)).await?;
        ensure!(
            status == 200 && body["token_type"] == "Bearer",
            "{status} {body}"
        );
        let token = body["access_token"].as_str().context("there is a token")?;
        let bearer = format!("Bearer {token}");
        ensure!(ask(stack, webhook, Some(&bearer)).await? == 200);
        ensure!(ask(stack, search, Some(&bearer)).await? == REFUSED);
        ensure!(
            ask_for_token(stack, grant(token)).await?.0 == 401,
            "a token renews itself"
        );
    }
    for secret in [
        "wrong",
        &versions.revoked(Scope::Sparkpost),
        &versions.current(Scope::Query),
    ] {
        ensure!(ask_for_token(stack, grant(secret)).await?.0 == 401);
    }
    ensure!(ask_for_token(stack, json!({})).await?.0 == 400);
    Ok(())
}

async fn check_unreadable(stack: &Stack, versions: &Versions) -> Result<()> {
    for route in &ROUTES {
        // In a form that the gateway has kept no answer for.
        let key = basic(&format!("unreadable:{}", versions.current(route.scope)));
        for authorization in [key.as_str(), "wrong while unreadable"] {
            let status = ask(stack, route, Some(authorization)).await?;
            ensure!(status >= 500, "{}: {status}", route.path);
        }
    }
    let url = format!("{}/oauth/token", stack.file.base_url);
    let body = grant(&versions.current(Scope::Sparkpost)).to_string();
    let status = stack.http.post(url).body(body).send().await?.status();
    ensure!(status.is_server_error(), "token: {status}");
    Ok(())
}

#[tokio::test]
async fn every_route_answers_every_kind_of_key_as_documented() -> Result<()> {
    let (stack, _weather) = Stack::exclusive().await?;
    let authorizer = Function::named(&stack, "authorizer")?;
    let environment = authorizer.environment().await?;
    let versions = Versions::new();
    // The stack's own, as the function may read no other.
    let secret = KeysSecret::of(&stack).await?;
    let original = secret.text().await?;
    let look_at = async |name: &str, value: &str| {
        let mut changed = environment.clone();
        changed[name] = json!(value);
        authorizer.set_environment(&changed).await
    };

    let checks = async {
        versions.store(&secret).await?;
        // With another setting the function starts anew, and reads the keys.
        look_at("KEYS_CACHE_SECONDS", "299").await?;
        check_keys(&stack, &versions).await?;
        check_tokens(&stack, &versions).await?;
        look_at("KEYS_SECRET_ARN", "a-secret-that-is-not-there").await?;
        check_unreadable(&stack, &versions).await
    };
    let outcome = checks.await;
    secret.restore(&original).await?;
    authorizer.set_environment(&environment).await?;
    outcome
}
