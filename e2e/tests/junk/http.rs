//! The functions behind a gateway.

use anyhow::{Context, Result, ensure};
use aws_io::{Aws, gzip};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    lambda::{Lambda, endpoint},
    objects::Bucket,
    shapes::{self, Shape},
};

/// The ingest function's memory in the template.
const INGEST_MIB: u64 = 256;
/// The most that a gateway passes on at once: Lambda accepts events of 6 MB, and base64 is a third longer.
const GATEWAY_BYTES: usize = 4_400_000;

/// The webhook's key.
pub(crate) const KEY: &str = "a key of the test";

/// Creates a secret with the keys; returns its name.
pub(crate) async fn keys() -> Result<String> {
    let name = format!("junk-{}", OffsetDateTime::now_utc().unix_timestamp_nanos());
    let senders = json!({ "mailgun": ["key-of-sixteen-letters"] });
    let keys = json!({ "signing_key": "any", "sparkpost": KEY, "senders": senders });
    let secrets = Aws::local(&endpoint()?).await.secrets();
    let create = secrets.create_secret().name(&name);
    create.secret_string(keys.to_string()).send().await?;
    Ok(name)
}

/// A gateway's event, payload format 2.0, of a route without parameters.
fn post(path: &str, body: &[u8], encoding: &str) -> Value {
    post_through(path, path, body, encoding)
}

/// The same of a route such as `/webhooks/{proxy+}`.
fn post_through(route: &str, path: &str, body: &[u8], encoding: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": format!("POST {route}"), "rawPath": path, "rawQueryString": "",
        "headers": { "content-type": "application/json", "content-encoding": encoding, "host": "x.example", "authorization": KEY },
        "requestContext": {
            "accountId": "0", "apiId": "x", "domainName": "x.example", "domainPrefix": "x", "requestId": "r",
            "routeKey": format!("POST {route}"), "stage": "$default", "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_i64,
            "http": { "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "x" },
        },
        "body": BASE64_STANDARD.encode(body), "isBase64Encoded": true,
    })
}

#[tokio::test]
async fn ingest_lives_through_every_shape_and_keeps_it() -> Result<()> {
    let bucket = Bucket::new().await?;
    let environment = [
        ("EVENTS_BUCKET", bucket.name.clone()),
        ("KEYS_SECRET_ARN", keys().await?),
    ];
    let mut ingest = Lambda::start("ingest", INGEST_MIB, &environment).await?;
    let mut kept = 0;
    let tiny = gzip::encode(b" ");
    let special = [
        Shape {
            name: "a bomb",
            body: gzip::encode(&vec![0; 1 << 20]).repeat(1_000),
        },
        Shape {
            name: "many tiny members",
            body: tiny.repeat(GATEWAY_BYTES / tiny.len()),
        },
    ];
    for Shape { name, body } in special {
        let answer = ingest
            .invoke(&post("/webhooks/sparkpost", &body, "gzip"))
            .await?;
        let expected = if name == "a bomb" { 413 } else { 200 };
        ensure!(
            answer["statusCode"] == expected,
            "{name}: {}",
            answer["statusCode"]
        );
        kept += usize::from(expected == 200);
    }
    for Shape { name, body } in shapes::bodies() {
        let (sent, encoding) = if body.len() > GATEWAY_BYTES {
            (gzip::encode(&body), "gzip")
        } else {
            (body, "")
        };
        if sent.len() > GATEWAY_BYTES {
            continue;
        }
        let answer = ingest
            .invoke(&post("/webhooks/sparkpost", &sent, encoding))
            .await
            .context(name)?;
        ensure!(
            answer["statusCode"] == 200,
            "{name}: {}",
            answer["statusCode"]
        );
        kept += 1;
        println!("ingest, {name}: peak {} MiB", ingest.peak_mib()?);
    }
    let keys = bucket.keys("raw/sparkpost/").await?;
    ensure!(keys.len() == kept, "{} of {kept}", keys.len());
    Ok(())
}

/// The proof of Mailgun is in the body, which is therefore read before anybody is known.
#[tokio::test]
async fn ingest_lives_through_bodies_that_prove_nothing() -> Result<()> {
    let bucket = Bucket::new().await?;
    let environment = [
        ("EVENTS_BUCKET", bucket.name.clone()),
        ("KEYS_SECRET_ARN", keys().await?),
    ];
    let mut ingest = Lambda::start("ingest", INGEST_MIB, &environment).await?;
    for Shape { name, body } in shapes::of_senders() {
        let sent = gzip::encode(&body);
        let request = post_through("/webhooks/{proxy+}", "/webhooks/mailgun", &sent, "gzip");
        let answer = ingest.invoke(&request).await.context(name)?;
        ensure!(
            answer["statusCode"] == 401,
            "{name}: {}",
            answer["statusCode"]
        );
        println!("ingest, {name}: peak {} MiB", ingest.peak_mib()?);
    }
    ensure!(bucket.keys("raw/").await?.is_empty());
    Ok(())
}
