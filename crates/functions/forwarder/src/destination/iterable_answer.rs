//! Iterable's answers in the terms of [`Answer`].

use event_mapping::{
    Operation, RejectReason,
    iterable::{BulkAnswer, ErrorAnswer, FailedUser, FailureCause as IterableCause},
};

use super::{
    Address, Answer, Failure, FailureCause,
    post::{HttpAnswer, by_status},
};

/// Reads the answer to a request of `call_count` calls. The status is judged first: Iterable was seen to send the code
/// `Success` with errors.
pub(super) fn read(operation: Operation, call_count: usize, answer: &HttpAnswer) -> Answer {
    if let Some(answer) = by_status(answer) {
        return answer;
    }
    if !answer.status.is_success() {
        return read_error(&ErrorAnswer::parse(&answer.body));
    }
    match operation {
        Operation::Track | Operation::Profile => read_bulk(call_count, answer),
        Operation::Purchase => read_single(answer),
    }
}

fn read_bulk(call_count: usize, answer: &HttpAnswer) -> Answer {
    let Ok(bulk) = BulkAnswer::parse(&answer.body) else {
        return unreadable(answer);
    };
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    // What was not counted as taken was not taken, whatever the count of failures says.
    let not_taken = call_count.saturating_sub(count(bulk.success_count));
    let failed_count = count(bulk.fail_count).max(not_taken);
    let users = bulk.failed_users().into_iter().map(user_failure);
    let names = bulk.disallowed_event_names.into_iter().map(|name| Failure {
        address: Address::EventName(name),
        cause: FailureCause::rejected(
            RejectReason::DisallowedEventName,
            "the project does not take events of this name",
        ),
    });
    Answer::Taken {
        failures: users.chain(names).collect(),
        failed_count,
    }
}

fn user_failure(user: FailedUser) -> Failure {
    let cause = match user.cause {
        IterableCause::NotFound => FailureCause::UnknownUser,
        IterableCause::Invalid => {
            FailureCause::rejected(RejectReason::InvalidUser, "the user's name is malformed")
        }
        IterableCause::Forgotten => FailureCause::rejected(
            RejectReason::ForgottenUser,
            "the user asked to be forgotten",
        ),
        IterableCause::InvalidData => FailureCause::rejected(RejectReason::Refused, "invalid data"),
        IterableCause::Conflict => {
            FailureCause::rejected(RejectReason::Refused, "the name belongs to another user")
        }
        IterableCause::Other(word) => FailureCause::rejected(RejectReason::Refused, word),
    };
    Failure {
        address: Address::User {
            by_email: user.by_email,
            name: user.name,
        },
        cause,
    }
}

fn read_single(answer: &HttpAnswer) -> Answer {
    let said = ErrorAnswer::parse(&answer.body);
    match said.code.as_str() {
        "Success" => Answer::ALL_TAKEN,
        "" => unreadable(answer),
        _ => read_error(&said),
    }
}

/// A success that cannot be read says nothing about the calls, so they are sent again.
fn unreadable(answer: &HttpAnswer) -> Answer {
    let detail = format!(
        "status {} with an answer that cannot be read",
        answer.status.as_u16()
    );
    Answer::Busy {
        retry_after: answer.retry_after,
        detail,
    }
}

fn read_error(error: &ErrorAnswer) -> Answer {
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
        | "InvalidJwtPayload" => Answer::Closed(format!("code {}", error.code)),
        "RateLimitExceeded" => Answer::Busy {
            retry_after: None,
            detail: format!("code {}", error.code),
        },
        "BatchTooLarge" => Answer::TooLarge(format!("code {}", error.code)),
        "UnknownEmailError" | "UnknownUserIdError" => Answer::Refused(FailureCause::UnknownUser),
        "InvalidEmailAddressError" | "InvalidUserIdError" => {
            Answer::Refused(FailureCause::Final(rejected(RejectReason::InvalidUser)))
        }
        "ForgottenUserError" => {
            Answer::Refused(FailureCause::Final(rejected(RejectReason::ForgottenUser)))
        }
        _ => {
            let blamed: Vec<_> = error
                .items()
                .into_iter()
                .map(|item| {
                    let detail = format!("{}: {}: {}", error.code, item.field, item.detail);
                    (item.index, RejectReason::Refused.because(detail))
                })
                .collect();
            if blamed.is_empty() {
                Answer::Refused(FailureCause::Final(rejected(RejectReason::Refused)))
            } else {
                Answer::Blamed(blamed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::{Value, json};

    use super::*;

    fn said(operation: Operation, status: u16, body: &Value) -> Answer {
        let answer = HttpAnswer {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
            body: body.to_string().into_bytes(),
        };
        read(operation, 3, &answer)
    }

    fn track(status: u16, body: &Value) -> Answer {
        said(Operation::Track, status, body)
    }

    #[test]
    fn all_counted_as_taken_is_taken() {
        assert_eq!(
            track(200, &json!({"successCount": 3, "failCount": 0})),
            Answer::ALL_TAKEN
        );
    }

    #[test]
    fn what_is_not_counted_as_taken_failed() {
        let answer = track(200, &json!({"successCount": 1, "failCount": 0}));

        assert_eq!(
            answer,
            Answer::Taken {
                failures: Vec::new(),
                failed_count: 2
            }
        );
    }

    #[test]
    fn failures_are_named_by_user_and_event_name() {
        let answer = track(
            200,
            &json!({"successCount": 1, "failCount": 2, "disallowedEventNames": ["secret"],
                "failedUpdates": {"notFoundEmails": ["a@x.org"], "forgottenUserIds": ["u"]}}),
        );

        let Answer::Taken {
            failures,
            failed_count: 2,
        } = answer
        else {
            panic!("{answer:?}")
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
            assert!(matches!(track(200, &body), Answer::Busy { .. }), "{body}");
            assert!(
                matches!(said(Operation::Purchase, 200, &body), Answer::Busy { .. }),
                "{body}"
            );
        }
    }

    #[test]
    fn culprits_are_blamed_by_index() {
        let answer = track(
            400,
            &json!({"code": "BadJsonBody", "msg": "m", "params": {"obj.events[1].createdAt": "Number value expected"}}),
        );

        let Answer::Blamed(blamed) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(blamed.len(), 1);
        assert_eq!(blamed[0].0, 1);
        assert_eq!(
            blamed[0].1.detail,
            "BadJsonBody: createdAt: Number value expected"
        );
    }

    #[test]
    fn refusal_names_the_fields() {
        let answer = track(
            400,
            &json!({"code": "RequestFieldsTypesMismatched", "msg": "m", "params": {"validationErrors":
                {"p:::signup_at": {"expectedType": "date"}}}}),
        );

        let Answer::Refused(FailureCause::Final(rejection)) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(
            rejection.detail,
            "RequestFieldsTypesMismatched: signup_at (expected date)"
        );
    }

    #[test]
    fn status_is_judged_before_the_code() {
        let success = json!({"code": "Success", "msg": ""});

        assert!(matches!(track(401, &success), Answer::Closed(_)));
        assert!(matches!(track(500, &success), Answer::Busy { .. }));
        assert!(matches!(track(400, &success), Answer::Refused(_)));
        assert!(matches!(
            track(400, &json!({"code": "BatchTooLarge"})),
            Answer::TooLarge(_)
        ));
        assert!(matches!(
            track(400, &json!({"code": "BadApiKey"})),
            Answer::Closed(_)
        ));
    }

    #[test]
    fn purchase_is_taken_by_its_code() {
        assert_eq!(
            said(
                Operation::Purchase,
                200,
                &json!({"code": "Success", "msg": ""})
            ),
            Answer::ALL_TAKEN
        );
        assert_eq!(
            said(
                Operation::Purchase,
                400,
                &json!({"code": "UnknownUserIdError", "msg": ""})
            ),
            Answer::Refused(FailureCause::UnknownUser)
        );
        assert!(matches!(
            said(
                Operation::Purchase,
                409,
                &json!({"code": "ExternalKeyConflict", "msg": "conflict"})
            ),
            Answer::Refused(FailureCause::Final(_))
        ));
    }
}
