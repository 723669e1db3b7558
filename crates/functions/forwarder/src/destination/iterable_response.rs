//! Iterable's responses in the form of [`Response`].

use event_mapping::{
    FailureCause, Operation, RejectReason,
    iterable::{BulkResponse, ErrorResponse, FailedUser},
};

use super::{
    Address, Failure, Response,
    post::{HttpResponse, by_status},
};

/// Reads the response to a request of `call_count` calls. The status is judged first: Iterable was seen to send the code
/// `Success` with errors.
pub(super) fn read(operation: Operation, call_count: usize, response: &HttpResponse) -> Response {
    if let Some(response) = by_status(response) {
        return response;
    }
    if !response.status.is_success() {
        return read_error(&ErrorResponse::parse(&response.body));
    }
    match operation {
        Operation::Track | Operation::Profile => read_bulk(call_count, response),
        Operation::Purchase => read_single(response),
    }
}

fn read_bulk(call_count: usize, response: &HttpResponse) -> Response {
    let Ok(bulk) = BulkResponse::parse(&response.body) else {
        return unreadable(response);
    };
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    // What was not counted as accepted was not accepted, whatever the count of failures says.
    let not_accepted = call_count.saturating_sub(count(bulk.success_count));
    let failed_count = count(bulk.fail_count).max(not_accepted);
    let users = bulk.failed_users().into_iter().map(user_failure);
    let names = bulk.disallowed_event_names.into_iter().map(|name| Failure {
        address: Address::EventName(name),
        cause: FailureCause::rejected(
            RejectReason::DisallowedEventName,
            "the project does not accept events of this name",
        ),
    });
    Response::Accepted {
        failures: users.chain(names).collect(),
        failed_count,
    }
}

fn user_failure(user: FailedUser) -> Failure {
    Failure {
        address: Address::User {
            by_email: user.by_email,
            name: user.name,
        },
        cause: user.cause,
    }
}

fn read_single(response: &HttpResponse) -> Response {
    let parsed = ErrorResponse::parse(&response.body);
    match parsed.code.as_str() {
        "Success" => Response::ALL_ACCEPTED,
        "" => unreadable(response),
        _ => read_error(&parsed),
    }
}

/// A success that cannot be read says nothing about the calls, so they are sent again.
fn unreadable(response: &HttpResponse) -> Response {
    let detail = format!(
        "status {} with an unreadable response",
        response.status.as_u16()
    );
    Response::Transient {
        retry_after: response.retry_after,
        detail,
    }
}

fn read_error(error: &ErrorResponse) -> Response {
    let rejected = |reason: RejectReason| {
        let fields = error.mismatched_fields();
        let about = if fields.is_empty() {
            error.msg.clone()
        } else {
            fields.join(", ")
        };
        reason.because(format!("{}: {about}", error.code))
    };
    match error.code.as_str() {
        "BadApiKey"
        | "BadAuthorizationHeader"
        | "Unauthorized"
        | "Forbidden"
        | "InvalidJwtPayload" => Response::Misconfigured(format!("code {}", error.code)),
        "RateLimitExceeded" => Response::Transient {
            retry_after: None,
            detail: format!("code {}", error.code),
        },
        "BatchTooLarge" => Response::TooLarge(format!("code {}", error.code)),
        "UnknownEmailError" | "UnknownUserIdError" => Response::Refused(FailureCause::UnknownUser),
        "InvalidEmailAddressError" | "InvalidUserIdError" => {
            Response::Refused(FailureCause::Rejected(rejected(RejectReason::InvalidUser)))
        }
        "ForgottenUserError" => Response::Refused(FailureCause::Rejected(rejected(
            RejectReason::ForgottenUser,
        ))),
        _ => {
            let invalid_items: Vec<_> = error
                .items()
                .into_iter()
                .map(|item| {
                    let detail = format!("{}: {}: {}", error.code, item.field, item.detail);
                    (item.index, RejectReason::Refused.because(detail))
                })
                .collect();
            if invalid_items.is_empty() {
                Response::Refused(FailureCause::Rejected(rejected(RejectReason::Refused)))
            } else {
                Response::InvalidItems(invalid_items)
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
}
