use reqwest::StatusCode;
use serde_json::{Value, json};

use super::*;

fn response_to(operation: Operation, status: u16, body: &Value) -> Response {
    let response = HttpResponse {
        status: StatusCode::from_u16(status).unwrap(),
        retry_after: None,
        body: body.to_string().into_bytes(),
    };
    read(operation, 3, &response)
}

fn track(status: u16, body: &Value) -> Response {
    response_to(Operation::Track, status, body)
}

#[test]
fn all_counted_as_accepted_is_accepted() {
    assert_eq!(
        track(200, &json!({"successCount": 3, "failCount": 0})),
        Response::ALL_ACCEPTED
    );
}

#[test]
fn what_is_not_counted_as_accepted_failed() {
    let response = track(200, &json!({"successCount": 1, "failCount": 0}));

    assert_eq!(
        response,
        Response::Accepted {
            failures: Vec::new(),
            failed_count: 2
        }
    );
}

#[test]
fn failures_are_named_by_user_and_event_name() {
    let response = track(
        200,
        &json!({"successCount": 1, "failCount": 2, "disallowedEventNames": ["secret"],
                "failedUpdates": {"notFoundEmails": ["a@x.org"], "forgottenUserIds": ["u"]}}),
    );

    let Response::Accepted {
        failures,
        failed_count: 2,
    } = response
    else {
        panic!("{response:?}")
    };
    assert_eq!(failures.len(), 3);
    assert!(
        failures
            .iter()
            .any(|failure| failure.cause == FailureCause::UnknownUser
                && failure.address
                    == Address::User {
                        by_email: true,
                        name: "a@x.org".to_owned()
                    })
    );
    assert!(
        failures
            .iter()
            .any(|failure| failure.address == Address::EventName("secret".to_owned()))
    );
}

#[test]
fn success_that_cannot_be_read_is_no_success() {
    for body in [
        json!(null),
        json!([]),
        json!({"msg": "ok"}),
        json!("<html>"),
    ] {
        assert!(
            matches!(track(200, &body), Response::Transient { .. }),
            "{body}"
        );
        assert!(
            matches!(
                response_to(Operation::Purchase, 200, &body),
                Response::Transient { .. }
            ),
            "{body}"
        );
    }
}

#[test]
fn invalid_items_are_named_by_index() {
    let response = track(
        400,
        &json!({"code": "BadJsonBody", "msg": "m", "params": {"obj.events[1].createdAt": "Number value expected"}}),
    );

    let Response::InvalidItems(invalid_items) = response else {
        panic!("{response:?}")
    };
    assert_eq!(invalid_items.len(), 1);
    assert_eq!(invalid_items[0].0, 1);
    assert_eq!(
        invalid_items[0].1.detail,
        "BadJsonBody: createdAt: Number value expected"
    );
}

#[test]
fn refusal_names_the_fields() {
    let response = track(
        400,
        &json!({"code": "RequestFieldsTypesMismatched", "msg": "m", "params": {"validationErrors":
                {"p:::signup_at": {"expectedType": "date"}}}}),
    );

    let Response::Refused(FailureCause::Rejected(rejection)) = response else {
        panic!("{response:?}")
    };
    assert_eq!(
        rejection.detail,
        "RequestFieldsTypesMismatched: signup_at (expected date)"
    );
}

#[test]
fn status_is_judged_before_the_code() {
    let success = json!({"code": "Success", "msg": ""});

    assert!(matches!(track(401, &success), Response::Misconfigured(_)));
    assert!(matches!(track(500, &success), Response::Transient { .. }));
    assert!(matches!(track(400, &success), Response::Refused(_)));
    assert!(matches!(
        track(400, &json!({"code": "BatchTooLarge"})),
        Response::TooLarge(_)
    ));
    assert!(matches!(
        track(400, &json!({"code": "BadApiKey"})),
        Response::Misconfigured(_)
    ));
}

#[test]
fn purchase_is_accepted_by_its_code() {
    assert_eq!(
        response_to(
            Operation::Purchase,
            200,
            &json!({"code": "Success", "msg": ""})
        ),
        Response::ALL_ACCEPTED
    );
    assert_eq!(
        response_to(
            Operation::Purchase,
            400,
            &json!({"code": "UnknownUserIdError", "msg": ""})
        ),
        Response::Refused(FailureCause::UnknownUser)
    );
    assert!(matches!(
        response_to(
            Operation::Purchase,
            409,
            &json!({"code": "ExternalKeyConflict", "msg": "conflict"})
        ),
        Response::Refused(FailureCause::Rejected(_))
    ));
}
