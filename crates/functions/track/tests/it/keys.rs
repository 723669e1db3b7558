use axum::http::StatusCode;

use crate::{
    firehose::Firehose,
    rig::{PAGE_KEY, Rig, request, request_to},
};

#[tokio::test]
async fn the_key_is_accepted_in_either_header_unknown_ones_are_401_and_other_scopes_403() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;

    for (headers, expected) in [
        (&[("x-api-key", "the key")][..], StatusCode::NO_CONTENT),
        (&[("authorization", "the key")], StatusCode::NO_CONTENT),
        (
            &[("authorization", "Bearer the key")],
            StatusCode::NO_CONTENT,
        ),
        // user:the key
        (
            &[("authorization", "Basic dXNlcjp0aGUga2V5")],
            StatusCode::NO_CONTENT,
        ),
        (&[], StatusCode::UNAUTHORIZED),
        (&[("authorization", "Basic")], StatusCode::UNAUTHORIZED),
        (&[("x-api-key", "")], StatusCode::UNAUTHORIZED),
        (&[("x-api-key", "another")], StatusCode::UNAUTHORIZED),
        (
            &[("authorization", "Bearer another")],
            StatusCode::UNAUTHORIZED,
        ),
        // printf %s query | openssl dgst -sha256 -hmac secret
        (
            &[(
                "x-api-key",
                "cb92cef40efaad2dcb30b787cfa23fdc45f680d8d6092d4965f80a9eb201b11b",
            )],
            StatusCode::FORBIDDEN,
        ),
    ] {
        let answer = rig.send(request("POST", headers, r#"{"event":"a"}"#)).await;
        assert_eq!(answer.status, expected, "{headers:?}");
        assert_eq!(
            answer.headers.contains_key("www-authenticate"),
            expected == StatusCode::UNAUTHORIZED,
            "{headers:?}"
        );
    }
    assert_eq!(firehose.events().len(), 4);
}

#[tokio::test]
async fn a_pages_key_is_accepted_in_path_and_header_and_no_other_key_in_a_path() {
    let firehose = Firehose::start([]).await;
    let rig = Rig::before(&firehose.url).await;
    let query = "cb92cef40efaad2dcb30b787cfa23fdc45f680d8d6092d4965f80a9eb201b11b";

    for (path, headers, expected) in [
        (format!("/track/{PAGE_KEY}"), &[][..], 204),
        // A beacon's own type.
        (
            format!("/track/{PAGE_KEY}"),
            &[("content-type", "text/plain;charset=UTF-8")],
            204,
        ),
        ("/track".to_owned(), &[("x-api-key", PAGE_KEY)], 204),
        ("/track/the%20key".to_owned(), &[], 403),
        (format!("/track/{query}"), &[], 403),
        // The key in the path counts, whatever else is sent.
        (
            "/track/another".to_owned(),
            &[("x-api-key", "the key")],
            401,
        ),
        (format!("/track?key={PAGE_KEY}"), &[], 401),
    ] {
        let request = request_to(&path, "POST", headers, r#"{"event":"a"}"#);
        let answer = rig.send(request).await;
        assert_eq!(answer.status.as_u16(), expected, "{path} {headers:?}");
        assert!(!answer.body.contains(PAGE_KEY) && !rig.metric_lines().contains(PAGE_KEY));
    }
    assert_eq!(firehose.events().len(), 3);
}
