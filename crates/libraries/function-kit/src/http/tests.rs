use super::*;
use crate::capture::CapturedLog;

fn logged(error: ApiError) -> (Response, String) {
    let log = CapturedLog::start();
    (error.into_response(), log.text())
}

#[test]
fn body_has_the_members_that_are_set() {
    let item = ErrorItem::new("invalid data")
        .description("per_page is 0")
        .code("1400")
        .param("per_page");

    let json = serde_json::to_value([item, ErrorItem::new("plain")]).unwrap();

    assert_eq!(
        json,
        serde_json::json!([
            { "message": "invalid data", "description": "per_page is 0", "code": "1400", "param": "per_page" },
            { "message": "plain" },
        ])
    );
}

#[test]
fn unavailable_says_when_to_come_back_and_logs_why() {
    let (response, log) = logged(ApiError::unavailable(5, "connection refused"));

    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[header::RETRY_AFTER], "5");
    assert!(log.contains("connection refused"));
}

#[test]
fn method_not_allowed_names_the_methods() {
    let (response, _) = logged(ApiError::method_not_allowed("POST"));

    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "POST");
}

#[test]
fn refused_keys_are_401_with_a_challenge_and_foreign_ones_403_without() {
    let (unauthorized, log) = logged(ApiError::unauthorized("no key"));
    let (forbidden, _) = logged(ApiError::forbidden("another scope"));

    assert_eq!(unauthorized.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(unauthorized.headers()[header::WWW_AUTHENTICATE], CHALLENGE);
    assert!(log.contains("request denied"), "{log}");
    assert_eq!(forbidden.status(), StatusCode::FORBIDDEN);
    assert!(!forbidden.headers().contains_key(header::WWW_AUTHENTICATE));
}

#[test]
fn description_and_param_stay_out_of_the_log() {
    let item = ErrorItem::new("invalid data")
        .description("planted@example.com")
        .param("planted-param");

    let (_, log) = logged(ApiError::new(StatusCode::BAD_REQUEST, item));

    assert!(log.contains("invalid data") && !log.contains("planted"));
}
