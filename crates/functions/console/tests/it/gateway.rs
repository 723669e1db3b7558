//! The function as Lambda calls it.

use std::sync::Arc;

use console::{Config, Deps, ROUTES, router};
use function_kit::{Env, gateway};
use serde_json::{Value, json};

use crate::{
    api::KEY,
    browser::{aws, keys, now},
};

/// Payload format 2.0, with what a browser sends.
fn event(method: &str, path: &str, cookies: &[String], body: Option<&str>) -> Value {
    let route_key = match path {
        "/" => "GET /".to_owned(),
        "/console" => "GET /console".to_owned(),
        _ if method == "POST" => format!("POST {path}"),
        _ => "GET /console/{proxy+}".to_owned(),
    };
    json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": "",
        "cookies": cookies,
        "headers": { "origin": "https://mail.example.com", "content-type": "application/x-www-form-urlencoded", "host": "mail.example.com", "x-forwarded-host": "evil.example" },
        "requestContext": { "routeKey": route_key, "domainName": "mail.example.com", "http": { "method": method, "path": path, "sourceIp": "192.0.2.1" }, "stage": "$default" },
        "body": body,
        "isBase64Encoded": false,
    })
}

#[tokio::test]
async fn browser_signs_in_through_the_gateway_at_a_domain_of_the_operators_own() {
    // No public origin is set: the gateway says which host was called.
    let settings = [
        ("KEYS_SECRET_ARN", "arn"),
        ("API_ORIGIN", "https://api.invalid"),
        ("STACK_ID", "stack"),
    ];
    let config = Config::from_env(&Env::from_pairs(settings)).unwrap();
    let router =
        router(Deps::with(config, Arc::new(keys(KEY)), &aws("http://127.0.0.1:1"), now).unwrap());
    let answer = async |event: Value| {
        let answer = gateway::respond(
            router.clone(),
            &ROUTES,
            serde_json::from_value(event).unwrap(),
        )
        .await;
        serde_json::to_value(answer).unwrap()
    };
    let pairs = |answer: &Value| -> Vec<String> {
        let cookies = answer["cookies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|cookie| cookie.as_str().unwrap());
        cookies
            .filter(|cookie| !cookie.contains("Max-Age=0"))
            .map(|cookie| cookie.split(';').next().unwrap().to_owned())
            .collect()
    };

    let form = answer(event("GET", "/console", &[], None)).await;
    let html = form["body"].as_str().unwrap();
    let token = html
        .split("name=\"token\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let signed_in = answer(event(
        "POST",
        "/console/sign-in",
        &pairs(&form),
        Some(&format!("token={token}&key={KEY}")),
    ))
    .await;
    let page = answer(event("GET", "/console/nowhere", &pairs(&signed_in), None)).await;

    assert_eq!(
        (
            &form["statusCode"],
            &signed_in["statusCode"],
            &page["statusCode"]
        ),
        (&json!(403), &json!(303), &json!(404))
    );
    assert!(page["body"].as_str().unwrap().contains("Sign out"));
    let policy = page["headers"]["content-security-policy"].as_str().unwrap();
    assert!(
        policy.contains("script-src https://mail.example.com/console/assets/;"),
        "{policy}"
    );
    assert!(pairs(&signed_in)[0].starts_with("__Host-cistern-"));
    assert_eq!(page["isBase64Encoded"], json!(false));
    assert_eq!(
        answer(event("GET", "/", &[], None)).await["headers"]["location"],
        json!("/console")
    );
    for (method, path) in [
        ("POST", "/console/events"),
        ("GET", "/api/v1/events/message"),
    ] {
        assert_eq!(
            answer(event(method, path, &[], None)).await["statusCode"],
            json!(404),
            "{method} {path}"
        );
    }
}
