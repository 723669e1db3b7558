//! The authorizer, invoked by both gateways, and its endpoint for tokens.

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    http::{KEY, keys},
    lambda::Lambda,
    lies::{HEADER_BYTES, HEADERS, MANY, event, texts},
};

/// The authorizer's memory in the template.
const AUTHORIZER_MIB: u64 = 256;
const ROUTE: &str = "POST /webhooks/sparkpost";
const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:abc/v1/POST";

fn http_api(authorization: &str) -> Value {
    let mut request = event(ROUTE, "POST", "/webhooks/sparkpost", "");
    request["type"] = json!("REQUEST");
    request["headers"]["authorization"] = json!(authorization);
    request["identitySource"] = json!([authorization]);
    request
}

fn rest_api(method_arn: &str, authorization: &str) -> Value {
    json!({ "type": "TOKEN", "methodArn": method_arn, "authorizationToken": authorization })
}

fn token(body: &[u8], authorization: &str) -> Value {
    let mut request = event("POST /oauth/token", "POST", "/oauth/token", "");
    request["headers"]["authorization"] = json!(authorization);
    request["body"] = json!(BASE64_STANDARD.encode(body));
    request["isBase64Encoded"] = json!(true);
    request
}

/// Whether a response of any of the three forms allows the caller.
fn lets_in(answer: &Value) -> bool {
    let is_allowed = answer["isAuthorized"] == true;
    let has_policy = answer["policyDocument"]["Statement"][0]["Effect"] == "Allow";
    let has_token = answer["body"]
        .as_str()
        .is_some_and(|body| body.contains("access_token"));
    is_allowed || has_policy || has_token
}

async fn refuse(authorizer: &mut Lambda, request: &Value, what: &str) -> Result<()> {
    let answer = authorizer
        .invoke(request)
        .await
        .with_context(|| what.to_owned())?;
    ensure!(!lets_in(&answer), "{what}: {answer}");
    let status = answer["statusCode"].as_u64().unwrap_or(401);
    ensure!((400..500).contains(&status), "{what}: {answer}");
    Ok(())
}

/// Schemes and forms that a credential may have, around junk and around parts of the right key.
fn credentials(text: &str) -> [String; 8] {
    let half = &KEY[..KEY.len() / 2];
    [
        text.to_owned(),
        format!("Bearer {text}"),
        format!("Basic {text}"),
        format!("Basic {}", BASE64_STANDARD.encode(text)),
        format!("Basic {}", BASE64_STANDARD.encode(format!("{text}:{half}"))),
        format!("{half}{text}"),
        format!("Bearer ct1.{text}.{text}"),
        format!("Bearer {text},{KEY}"),
    ]
}

#[tokio::test]
async fn authorizer_lives_through_every_credential_and_lets_nobody_in() -> Result<()> {
    let environment = [("KEYS_SECRET_ARN", keys().await?)];
    let mut authorizer = Lambda::start("authorizer", AUTHORIZER_MIB, &environment).await?;

    for bytes in [40, HEADER_BYTES] {
        for (name, text) in texts(bytes) {
            for (form, credential) in credentials(&text).iter().enumerate() {
                let what = format!("{bytes} bytes of {name}, form {form}");
                refuse(&mut authorizer, &http_api(credential), &what).await?;
                let arn = format!("{ARN}/webhooks/mparticle");
                refuse(&mut authorizer, &rest_api(&arn, credential), &what).await?;
                let body = format!("grant_type=client_credentials&client_secret={text}");
                refuse(&mut authorizer, &token(body.as_bytes(), credential), &what).await?;
            }
            // The right key on a route that it does not authorize.
            let arn = format!("{ARN}/{text}");
            refuse(
                &mut authorizer,
                &rest_api(&arn, KEY),
                &format!("an ARN of {name}"),
            )
            .await?;
            let mut other = http_api(KEY);
            other["routeKey"] = json!(format!("POST /{text}"));
            refuse(&mut authorizer, &other, &format!("a route of {name}")).await?;
        }
    }
    // The key anywhere except in its header.
    for header in HEADERS.into_iter().filter(|name| *name != "authorization") {
        let mut lie = http_api("");
        lie["headers"][header] = json!(KEY);
        refuse(&mut authorizer, &lie, &format!("the key in {header:?}")).await?;
    }
    let mut lie = http_api("");
    lie["rawQueryString"] = json!(format!("authorization={KEY}&").repeat(MANY));
    lie["cookies"] = json!(vec![format!("authorization={KEY}"); MANY]);
    for index in 0..MANY {
        lie["headers"][format!("x-{index}")] = json!(KEY);
        lie["queryStringParameters"][format!("p{index}")] = json!(KEY);
    }
    refuse(&mut authorizer, &lie, "many of everything").await?;
    for (name, text) in texts(3_000_000) {
        let lie = token(text.as_bytes(), "");
        refuse(&mut authorizer, &lie, &format!("a body of {name}")).await?;
    }

    let answer = authorizer.invoke(&http_api(KEY)).await?;
    ensure!(answer == json!({ "isAuthorized": true }), "{answer}");
    println!("authorizer: peak {} MiB", authorizer.peak_mib()?);
    Ok(())
}
