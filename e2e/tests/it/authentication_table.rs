//! Every route with every kind of key, while the functions check keys against a secret of the test, which was rotated twice.
//!
//! docs/operations.md explains how each sender interprets each code.

use std::time::SystemTime;

use access_keys::token;
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
    codes: Codes,
}

/// The response of a route to each kind of credential.
#[derive(Clone, Copy)]
struct Codes {
    opens: u16,
    /// Without a credential.
    missing: u16,
    /// It grants nothing: an unknown or revoked key, or an expired token.
    unknown: u16,
    /// It is valid, for another scope.
    foreign: u16,
    has_challenge: bool,
}

/// A function that checks keys itself. SparkPost requests a new token after 400 and 401 only.
const BY_THE_FUNCTION: Codes = Codes {
    opens: 200,
    missing: 401,
    unknown: 401,
    foreign: 403,
    has_challenge: true,
};

/// An HTTP API's authorizer: 401 without a header, and 403 for every denial. Clients of searches only report either.
const BY_THE_GATEWAY: Codes = Codes {
    opens: 200,
    missing: 401,
    unknown: 403,
    foreign: 403,
    has_challenge: false,
};

const ROUTES: [Route; 6] = [
    Route {
        method: Method::POST,
        path: "/webhooks/sparkpost",
        scope: Scope::Sparkpost,
        foreign: Scope::Query,
        codes: BY_THE_FUNCTION,
    },
    Route {
        method: Method::GET,
        path: "/api/v1/events/message",
        scope: Scope::Query,
        foreign: Scope::Sparkpost,
        codes: BY_THE_GATEWAY,
    },
    Route {
        method: Method::GET,
        path: "/api/v1/message-events",
        scope: Scope::Query,
        foreign: Scope::Sparkpost,
        codes: BY_THE_GATEWAY,
    },
    Route {
        method: Method::POST,
        path: "/api/v1/sql",
        scope: Scope::Sql,
        foreign: Scope::Query,
        codes: BY_THE_GATEWAY,
    },
    Route {
        method: Method::POST,
        path: "/api/v1/rejected/settle",
        scope: Scope::Repair,
        foreign: Scope::Query,
        codes: BY_THE_GATEWAY,
    },
    Route {
        method: Method::POST,
        path: "/track",
        scope: Scope::Track,
        foreign: Scope::Sparkpost,
        codes: Codes {
            opens: 204,
            ..BY_THE_FUNCTION
        },
    },
];

/// The versions of the secret, oldest first: revoked, previous, current.
struct Versions([String; 3]);

impl Versions {
    fn new() -> Self {
        // New keys for each run, because the gateway caches decisions for a minute.
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

/// A value of the header with a name, and the expected response.
type Case = (&'static str, Option<String>, u16);

/// As SparkPost sends them with OAuth.
fn token_cases(versions: &Versions, route: &Route) -> Vec<Case> {
    let current = versions.current(route.scope);
    let previous = versions.previous(route.scope);
    let foreign = versions.current(route.foreign);
    let Codes {
        opens,
        unknown,
        foreign: of_another_scope,
        ..
    } = route.codes;
    let token = |key: &str, at: SystemTime| {
        let token = token::issue(&SecretString::from(key), at);
        Some(format!("Bearer {}", token.expose_secret()))
    };
    let now = SystemTime::now();
    vec![
        ("token", token(&current, now), opens),
        ("token of the previous key", token(&previous, now), opens),
        (
            "token that has expired",
            token(&current, now - 2 * token::ANNOUNCED),
            unknown,
        ),
        (
            "token of a revoked key",
            token(&versions.revoked(route.scope), now),
            unknown,
        ),
        (
            "token of another scope",
            token(&foreign, now),
            of_another_scope,
        ),
        (
            "token of somebody else",
            Some("Bearer eyJhbGciOiJIUzI1NiJ9.e30.x".to_owned()),
            unknown,
        ),
    ]
}

fn cases(versions: &Versions, route: &Route) -> Vec<Case> {
    let current = versions.current(route.scope);
    let previous = versions.previous(route.scope);
    let foreign = versions.current(route.foreign);
    let some = |text: &str| Some(text.to_owned());
    let Codes {
        opens,
        missing,
        unknown,
        foreign: of_another_scope,
        ..
    } = route.codes;
    vec![
        ("no key", None, missing),
        ("empty header", some(""), missing),
        ("wrong key", some("wrong"), unknown),
        ("key of another scope", some(&foreign), of_another_scope),
        (
            "bearer of another scope",
            some(&format!("Bearer {foreign}")),
            of_another_scope,
        ),
        ("basic that is not text", some("Basic //46/w=="), unknown),
        ("unknown scheme", some(&format!("Token {current}")), unknown),
        (
            "basic in capitals",
            some(&basic(&format!("a:{current}")).replace("Basic ", "BASIC  ")),
            opens,
        ),
        ("plain", some(&current), opens),
        ("bearer", some(&format!("Bearer {current}")), opens),
        (
            "bearer in lower case",
            some(&format!("bearer   {current}")),
            opens,
        ),
        (
            "basic password",
            some(&basic(&format!("anyone:{current}"))),
            opens,
        ),
        ("basic user", some(&basic(&format!("{current}:"))), opens),
        ("previous version", some(&previous), opens),
        (
            "previous version, bearer",
            some(&format!("Bearer {previous}")),
            opens,
        ),
        (
            "revoked version",
            some(&versions.revoked(route.scope)),
            unknown,
        ),
        ("scheme alone", some("Bearer"), unknown),
        (
            "scheme twice",
            some(&format!("Bearer Bearer {current}")),
            unknown,
        ),
        ("basic that is no base64", some("Basic !!!"), unknown),
        ("basic of nothing", some(&basic(":")), unknown),
        ("key with a tail", some(&format!("{current}0")), unknown),
        (
            "all but the last digit",
            some(&current[..current.len() - 1]),
            unknown,
        ),
        ("key in upper case", some(&current.to_uppercase()), unknown),
        ("two keys", some(&format!("{current}, {current}")), unknown),
        ("the signing key", some(&versions.0[2]), unknown),
        (
            "token that nobody signed",
            some(&format!("Bearer ct1.9999999999.{current}")),
            unknown,
        ),
    ]
}

async fn ask(stack: &Stack, route: &Route, authorization: Option<&str>) -> Result<u16> {
    let body = match route.scope {
        Scope::Track => r#"{"event":"authentication"}"#,
        Scope::Sql => "select 1",
        Scope::Repair => r#"{"ids":["row.2026-01-01.0.x"],"note":"x","dry_run":true}"#,
        Scope::Sparkpost | Scope::Mparticle | Scope::Query | Scope::Page => r#"[{"msys":{}}]"#,
    };
    let url = format!("{}{}", stack.file.base_url, route.path);
    let mut request = stack.http.request(route.method.clone(), url);
    if route.method == Method::POST {
        request = request.body(body);
    }
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let is_challenged = answer.headers().contains_key("www-authenticate");
    ensure!(
        is_challenged == (status == 401 && route.codes.has_challenge),
        "{}: {status} with a challenge: {is_challenged}",
        route.path
    );
    Ok(status)
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
        let cases = [cases(versions, route), token_cases(versions, route)].concat();
        for (case, authorization, expected) in cases {
            let status = ask(stack, route, authorization.as_deref()).await?;
            ensure!(status == expected, "{} with {case}: {status}", route.path);
        }
    }
    Ok(())
}

async fn check_tokens(stack: &Stack, versions: &Versions) -> Result<()> {
    let [webhook, search, _, _, _, track] = &ROUTES;
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
        ensure!(ask(stack, search, Some(&bearer)).await? == 403);
        ensure!(ask(stack, track, Some(&bearer)).await? == 403);
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
    let mut of_two_types = grant(&versions.current(Scope::Sparkpost));
    of_two_types["grant_type"] = json!(["client_credentials", "password"]);
    ensure!(ask_for_token(stack, of_two_types).await?.0 == 400);
    Ok(())
}

async fn check_unreadable(stack: &Stack, versions: &Versions) -> Result<()> {
    for route in &ROUTES {
        // In a form for which the gateway has no cached decision.
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
    let mut checkers = Vec::new();
    for name in ["authorizer", "ingest", "track"] {
        let function = Function::named(&stack, name)?;
        let environment = function.environment().await?;
        checkers.push((function, environment));
    }
    let versions = Versions::new();
    // The stack's own secret, because the functions may read no other.
    let secret = KeysSecret::of(&stack).await?;
    let original = secret.text().await?;
    let look_at = async |name: &str, value: &str| {
        for (function, environment) in &checkers {
            let mut changed = environment.clone();
            changed[name] = json!(value);
            function.set_environment(&changed).await?;
        }
        anyhow::Ok(())
    };

    let checks = async {
        versions.store(&secret).await?;
        // A changed setting restarts the function, which then reads the keys.
        look_at("KEYS_CACHE_SECONDS", "299").await?;
        check_keys(&stack, &versions).await?;
        check_tokens(&stack, &versions).await?;
        look_at("KEYS_SECRET_ARN", "a-secret-that-is-not-there").await?;
        check_unreadable(&stack, &versions).await
    };
    let outcome = checks.await;
    secret.restore(&original).await?;
    for (function, environment) in &checkers {
        function.set_environment(environment).await?;
    }
    outcome
}
