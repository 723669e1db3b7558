//! Requests in the form of an HTTP API's and a Function URL's events.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{firehose::Firehose, rig::Rig};

const FUNCTION_URL: &str = "$default";

fn envelope(route_key: &str, raw_path: &str) -> Value {
    let domain = if route_key == FUNCTION_URL {
        "abc.lambda-url.us-east-1.on.aws"
    } else {
        "abc.execute-api.us-east-1.amazonaws.com"
    };
    json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": raw_path,
        "rawQueryString": "",
        "headers": { "x-api-key": "the key", "content-type": "text/plain", "host": domain },
        "requestContext": {
            "accountId": "anonymous", "apiId": "abc", "domainName": domain, "domainPrefix": "abc",
            "http": { "method": "POST", "path": raw_path, "protocol": "HTTP/1.1", "sourceIp": "1.2.3.4", "userAgent": "t" },
            "requestId": "r", "routeKey": route_key, "stage": "$default",
            "time": "01/Mar/2026:12:00:00 +0000", "timeEpoch": 1_772_366_400_000_i64,
        },
        "body": "eyJldmVudCI6ImEifQ==",
        "isBase64Encoded": true,
    })
}

#[tokio::test]
async fn extra_slashes_are_ignored_by_both_gateways_and_other_paths_are_404() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;
    let table = [
        ("POST /track", "/track", 204),
        ("POST /track", "//track", 204),
        ("POST /track", "/track/", 204),
        ("POST /track/{proxy+}", "/track//", 204),
        (FUNCTION_URL, "/track", 204),
        (FUNCTION_URL, "/track/", 204),
        (FUNCTION_URL, "//track//", 204),
        (FUNCTION_URL, "/", 404),
        (FUNCTION_URL, "/v1/batch", 200),
        ("POST /v1/{proxy+}", "/v1/batch/", 200),
        ("POST /v1/{proxy+}", "/v1/identify", 200),
        ("POST /v1/{proxy+}", "/v1/other", 404),
        ("POST /v1/{proxy+}", "/v1", 404),
        ("POST /batch/{proxy+}", "/batch/", 200),
        ("POST /batch", "/batch", 200),
        ("POST /e/{proxy+}", "/e/", 200),
        ("POST /capture/{proxy+}", "/capture//", 200),
        ("POST /i/{proxy+}", "/i/v0/e/", 200),
        ("POST /i/{proxy+}", "/i/v0/ai/batch/", 404),
        ("POST /batch", "/track", 404),
        (FUNCTION_URL, "/x/..;/track", 400),
        ("POST /track/{proxy+}", "/track/more/more", 404),
        // That position is for a page's key, which this is not.
        ("POST /track/{proxy+}", "/track/more", 401),
        ("POST /track", "/v1/track", 404),
        ("POST /webhooks/sparkpost", "/track", 404),
    ];

    for (route_key, raw_path, status) in table {
        let answer = rig.invoke(envelope(route_key, raw_path)).await;

        assert_eq!(
            answer["statusCode"], status,
            "{route_key} {raw_path}: {answer}"
        );
    }
    let taken = table
        .iter()
        .filter(|(_, _, status)| [200, 204].contains(status))
        .count();
    assert_eq!(firehose.events().len(), taken);
}

/// The template's routes are those that this function accepts, plus that of a Function URL.
#[test]
fn routes_are_those_of_the_template() {
    let template = include_str!("../../../../../template.yaml");
    let mut keys: Vec<_> = template
        .split("\n\n")
        .filter(|resource| resource.contains("Target: !Sub integrations/${TrackIntegration}"))
        .filter_map(|route| route.split("RouteKey: ").nth(1)?.lines().next())
        .collect();
    keys.push(FUNCTION_URL);

    assert_eq!(keys, track::ROUTES);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Without a key nothing is accepted, whatever the rest of the event contains, and nothing that the caller writes
    /// is answered 5xx. (There is no Firehose: a request that reaches it is a 503.)
    #[test]
    fn without_a_key_nothing_is_reached(
        route_key in prop::sample::select(vec!["POST /track", "POST /track/{proxy+}", "POST /batch", "POST /v1/{proxy+}", FUNCTION_URL, "GET /healthz"]),
        method in "POST|GET|OPTIONS|.{0,5}",
        raw_path in "/track|//track/|/track/\\.\\.|/batch/|/v1/(batch|page)|/.{0,2}|[^/].{0,16}",
        name in "[a-zA-Z-]{1,16}|host|origin|x-forwarded-proto|x-original-url|forwarded",
        value in "https://x/track\\?z=|https,http|.{0,16}",
    ) {
        prop_assume!(!["authorization", "x-api-key"].contains(&name.to_ascii_lowercase().as_str()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut event = envelope(route_key, &raw_path);
        event["requestContext"]["http"]["method"] = json!(method);
        event["headers"] = json!({ name: value });

        let answer = runtime.block_on(async { Rig::before("http://127.0.0.1:1").await.invoke(event).await });

        // Preflights are answered 200.
        let status = answer["statusCode"].as_u64().unwrap();
        prop_assert!(matches!(status, 400 | 401 | 404 | 405) || (status == 200 && method == "OPTIONS"), "{status}");
    }
}
