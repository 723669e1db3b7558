//! The next steps after a response: which calls have a result, and which are sent again, in which requests. Pure.
//!
//! A rejection is final, so a call that is named by its user, or because of which a whole request was refused, is rejected
//! only after it was refused alone, or together with calls of the same user only. Nothing counts as accepted unless the
//! destination clearly says so: a failure that it counts but does not attribute is found by splitting the request in half.

use std::time::Duration;

use event_mapping::{Call, FailureCause, RejectReason, Rejection};

use crate::{
    call_index::CallIndex,
    destination::{Address, Failure, Response},
};

/// The result of a call: the destination accepted it, or the reason why not.
pub(crate) type DeliveryResult = Result<(), FailureCause>;

/// The calls of a request.
pub(crate) type Request<'a> = [(CallIndex, &'a Call)];

/// The steps after a response to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Some calls have a result; others are sent again in further requests, in this order.
    Go {
        /// Results, each final for this run.
        results: Vec<(CallIndex, DeliveryResult)>,
        /// The further requests, each smaller than this one.
        further: Vec<Vec<CallIndex>>,
    },
    /// The same request is sent again later.
    Again {
        /// The time, if the destination gave one.
        retry_after: Option<Duration>,
        /// The reason.
        detail: String,
    },
    /// Nothing more is sent.
    Stop(String),
}

/// Decides on the response to a request.
pub(crate) fn decide(request: &Request<'_>, response: Response) -> Decision {
    match response {
        Response::Transient {
            retry_after,
            detail,
        } => Decision::Again {
            retry_after,
            detail,
        },
        Response::Misconfigured(detail) => Decision::Stop(detail),
        Response::TooLarge(detail) => halve_or(
            request,
            &FailureCause::rejected(RejectReason::TooLarge, detail),
        ),
        Response::Refused(cause) => halve_or(request, &cause),
        Response::InvalidItems(items) => on_invalid_items(request, &items),
        Response::Accepted {
            failures,
            failed_count,
        } => on_accepted(request, &failures, failed_count),
    }
}

/// Nothing was accepted because of some call: sending the halves finds it.
fn halve_or(request: &Request<'_>, alone: &FailureCause) -> Decision {
    if request.len() <= 1 {
        return all_failed(request, alone);
    }
    let (first, second) = request.split_at(request.len() / 2);
    Decision::Go {
        results: Vec::new(),
        further: vec![indices(first), indices(second)],
    }
}

/// Nothing was accepted because of these items: the others are sent without them, and each of these alone.
fn on_invalid_items(request: &Request<'_>, items: &[(usize, Rejection)]) -> Decision {
    let is_invalid = |position: usize| items.iter().any(|(other, _)| *other == position);
    match items.first() {
        // A single call is the cause, whatever index the response has.
        Some((_, rejection)) if request.len() == 1 => {
            all_failed(request, &FailureCause::Rejected(rejection.clone()))
        }
        _ if !(0..request.len()).any(is_invalid) => halve_or(
            request,
            &FailureCause::rejected(RejectReason::Unexplained, "refused without a reason"),
        ),
        _ => {
            let (mut others, mut alone) = (Vec::new(), Vec::new());
            for (position, (index, _)) in request.iter().enumerate() {
                if is_invalid(position) {
                    alone.push(vec![*index]);
                } else {
                    others.push(*index);
                }
            }
            let others = (!others.is_empty()).then_some(others);
            Decision::Go {
                results: Vec::new(),
                further: others.into_iter().chain(alone).collect(),
            }
        }
    }
}

fn on_accepted(request: &Request<'_>, failures: &[Failure], failed_count: usize) -> Decision {
    let named: Vec<Option<&Failure>> = request
        .iter()
        .enumerate()
        .map(|(position, (_, call))| {
            failures
                .iter()
                .find(|failure| failure.address.names(position, call))
        })
        .collect();
    let named_count = named.iter().flatten().count();
    // Iterable does not say whether it counts events of disallowed names as failed.
    let by_name = |failure: &&&Failure| matches!(failure.address, Address::EventName(_));
    let named_otherwise = named_count - named.iter().flatten().filter(by_name).count();
    if failed_count > named_count {
        // Some calls failed and are not named.
        let first = named.first().copied().flatten();
        let unexplained = || {
            FailureCause::rejected(
                RejectReason::Unexplained,
                "counted as failed without a reason",
            )
        };
        return halve_or(
            request,
            &first.map_or_else(unexplained, |failure| failure.cause.clone()),
        );
    }

    // Otherwise some calls of the named users were accepted, and the response does not say which.
    let all_failed = failed_count == named_count || failed_count == named_otherwise;
    let is_unambiguous = request.len() == 1 || (all_failed && is_of_one_user(request));
    let mut results = Vec::new();
    let mut again: Vec<Vec<(CallIndex, &Call)>> = Vec::new();
    for ((index, call), failure) in request.iter().zip(named) {
        match failure {
            None => results.push((*index, Ok(()))),
            Some(failure) if is_unambiguous || failure.is_final(all_failed) => {
                results.push((*index, Err(failure.cause.clone())));
            }
            Some(_) => join_own_user(&mut again, *index, call),
        }
    }
    let is_the_same_request = again
        .first()
        .is_some_and(|group| group.len() == request.len());
    let further = if is_the_same_request {
        request.iter().map(|(index, _)| vec![*index]).collect()
    } else {
        again.iter().map(|group| indices(group)).collect()
    };
    Decision::Go { results, further }
}

impl Failure {
    /// Whether this certainly applies to each call that it names. An event name, an index and an id are exact. An
    /// unknown user may be created, and the event is then sent again.
    fn is_final(&self, all_failed: bool) -> bool {
        match (&self.address, &self.cause) {
            (Address::EventName(_) | Address::Index(_) | Address::Id(_), _) => true,
            (Address::User { .. }, FailureCause::UnknownUser) => all_failed,
            (Address::User { .. }, FailureCause::Rejected(_)) => false,
        }
    }
}

/// Adds a call to the group of its user, so that a user's calls stay together and in order.
fn join_own_user<'a>(
    groups: &mut Vec<Vec<(CallIndex, &'a Call)>>,
    index: CallIndex,
    call: &'a Call,
) {
    let group = groups.iter_mut().find(|group| {
        group
            .first()
            .is_some_and(|(_, first)| first.user == call.user)
    });
    match group {
        Some(group) => group.push((index, call)),
        None => groups.push(vec![(index, call)]),
    }
}

fn is_of_one_user(request: &Request<'_>) -> bool {
    let mut users = request.iter().map(|(_, call)| &call.user);
    let first = users.next();
    users.all(|user| Some(user) == first)
}

fn all_failed(request: &Request<'_>, cause: &FailureCause) -> Decision {
    let results = request
        .iter()
        .map(|(index, _)| (*index, Err(cause.clone())));
    Decision::Go {
        results: results.collect(),
        further: Vec::new(),
    }
}

fn indices(request: &Request<'_>) -> Vec<CallIndex> {
    request.iter().map(|(index, _)| *index).collect()
}

#[cfg(test)]
mod tests;
