//! Whole events, in the gateway's form.

use authorizer::{AuthorizerEvent, Scope, handle};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};

use crate::rig::{QUERY_ROUTE, Rig, SPARKPOST_ROUTE, made_key};

const DOCUMENT: &str = r#"{"signing_key":"s1gning"}"#;

const REST_ENVELOPE: &str =
    include_str!("../../../../../events/envelopes/authorizer-rest-api.json");
const ENVELOPE: &str = include_str!("../../../../../events/envelopes/authorizer-http-api.json");

fn event(authorization: &str) -> Value {
    let mut event: Value = serde_json::from_str(ENVELOPE).unwrap();
    event["headers"]["authorization"] = json!(authorization);
    event
}

async fn answer(rig: &Rig, event: Value) -> Value {
    let payload: AuthorizerEvent = serde_json::from_value(event).unwrap();
    let response = handle(&rig.deps, LambdaEvent::new(payload, Context::default()))
        .await
        .unwrap();
    serde_json::to_value(response).unwrap()
}

#[tokio::test]
async fn right_key_is_authorized_and_a_wrong_one_is_not() {
    let rig = Rig::with_secret(DOCUMENT).await;
    let key = made_key(DOCUMENT, Scope::Sparkpost);

    assert_eq!(
        answer(&rig, event(&key)).await,
        json!({ "isAuthorized": true })
    );
    assert_eq!(
        answer(&rig, event("wrong")).await,
        json!({ "isAuthorized": false })
    );
}

#[tokio::test]
async fn rest_api_gets_a_policy_for_the_one_method() {
    let rig = Rig::with_secret(DOCUMENT).await;
    let method =
        "arn:aws:execute-api:eu-north-1:123456789012:e5f6a7b8c9/v1/POST/*webhooks*mparticle*";
    let keys = [
        (made_key(DOCUMENT, Scope::Mparticle), "Allow"),
        (made_key(DOCUMENT, Scope::Sparkpost), "Deny"),
        ("wrong".to_owned(), "Deny"),
        (String::new(), "Deny"),
    ];

    for (key, effect) in keys {
        let mut event: Value = serde_json::from_str(REST_ENVELOPE).unwrap();
        event["authorizationToken"] = json!(key);

        assert_eq!(
            answer(&rig, event).await,
            json!({
                "principalId": "mparticle",
                "policyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": method }],
                },
            })
        );
    }
}

#[tokio::test]
async fn slashes_too_many_ask_for_the_same_method() {
    let rig = Rig::with_secret(DOCUMENT).await;
    let mut event: Value = serde_json::from_str(REST_ENVELOPE).unwrap();
    event["authorizationToken"] = json!(made_key(DOCUMENT, Scope::Mparticle));
    let plain = answer(&rig, event.clone()).await;

    for path in ["/webhooks/mparticle/", "//webhooks//mparticle"] {
        event["methodArn"] = json!(format!(
            "arn:aws:execute-api:eu-north-1:123456789012:e5f6a7b8c9/v1/POST{path}"
        ));
        assert_eq!(answer(&rig, event.clone()).await, plain, "{path}");
    }
}

#[tokio::test]
async fn rest_api_is_denied_what_is_no_route() {
    let rig = Rig::with_secret(DOCUMENT).await;
    let mut event: Value = serde_json::from_str(REST_ENVELOPE).unwrap();
    event["authorizationToken"] = json!(made_key(DOCUMENT, Scope::Mparticle));
    event["methodArn"] =
        json!("arn:aws:execute-api:eu-north-1:123456789012:e5f6a7b8c9/v1/GET/webhooks/mparticle");

    let answer = answer(&rig, event).await;

    assert_eq!(
        answer["policyDocument"]["Statement"][0]["Effect"],
        json!("Deny")
    );
}

#[tokio::test]
async fn question_without_headers_is_denied() {
    let rig = Rig::with_secret(DOCUMENT).await;

    for headers in [json!(null), json!({})] {
        let mut event = event("");
        event["headers"] = headers;
        assert_eq!(answer(&rig, event).await, json!({ "isAuthorized": false }));
    }
}

#[tokio::test]
async fn key_opens_its_own_scope_in_every_form_and_no_other() {
    let rig = Rig::with_secret(DOCUMENT).await;
    let query = made_key(DOCUMENT, Scope::Query);
    let forms = [
        query.clone(),
        format!("Bearer {query}"),
        format!("bearer   {query}"),
    ];

    for form in forms {
        assert!(rig.opens(QUERY_ROUTE, &form, 0).await.unwrap());
        assert!(!rig.opens(SPARKPOST_ROUTE, &form, 0).await.unwrap());
        assert!(!rig.opens("GET /healthz", &form, 0).await.unwrap());
    }
}

#[tokio::test]
async fn key_given_in_the_secret_opens_its_scope() {
    let rig = Rig::with_secret(r#"{"signing_key":"s1gning","sparkpost":"my own key"}"#).await;

    // printf %s 'any user:my own key' | base64
    for form in [
        "my own key",
        "Bearer my own key",
        "Basic YW55IHVzZXI6bXkgb3duIGtleQ==",
    ] {
        assert!(rig.opens(SPARKPOST_ROUTE, form, 0).await.unwrap(), "{form}");
    }
    assert!(
        !rig.opens(SPARKPOST_ROUTE, &made_key(DOCUMENT, Scope::Sparkpost), 0)
            .await
            .unwrap()
    );
}
