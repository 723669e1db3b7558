//! Iterable's responses in the form of [`Response`].

use event_mapping::{
    FailureCause, Operation, RejectReason,
    iterable::{BulkResponse, ErrorResponse, FailedUser},
};

use super::{
    Address, Failure, Response,
    post::{HttpResponse, by_status},
};

/// Reads the response to a request of `call_count` calls. The status is checked first: Iterable has sent the code
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
    // Calls not counted as accepted were not accepted, whatever the count of failures is.
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

/// An unreadable success shows nothing about the calls, so they are sent again.
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
mod tests;
