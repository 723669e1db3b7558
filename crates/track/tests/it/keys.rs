use axum::http::StatusCode;

use crate::{
    door::{Door, request},
    firehose::Firehose,
};

#[tokio::test]
async fn the_key_comes_in_either_header_bad_ones_are_401_and_foreign_ones_403() {
    let firehose = Firehose::start([]).await;
    let door = Door::before(&firehose.url).await;

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
        let answer = door
            .send(request("POST", headers, r#"{"event":"a"}"#))
            .await;
        assert_eq!(answer.status, expected, "{headers:?}");
        assert_eq!(
            answer.headers.contains_key("www-authenticate"),
            expected == StatusCode::UNAUTHORIZED,
            "{headers:?}"
        );
    }
    assert_eq!(firehose.events().len(), 4);
}
