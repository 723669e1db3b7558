//! What follows from an answer: which calls are settled, and which are to be sent again, in what company. Pure.
//!
//! A rejection is final, so a call that is named by its user, or blamed for the refusal of a whole request, is rejected
//! only after it was refused alone, or together with nothing but calls of the same user. And nothing is success that the destination did not clearly say: a failure that it counts but does not
//! attribute is looked for by halving.

use event_mapping::{Call, RejectReason, Rejection, iterable::User};

use crate::destination::{Address, Answer, Failure, FailureCause};

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The destination took it.
    Sent,
    /// The destination does not know its user.
    UnknownUser,
    /// The destination will never take it.
    Rejected(Rejection),
}

/// What follows from an answer to a request. Places are those in the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Some calls are settled; others go out again in further requests, in this order.
    Go {
        /// Settled calls.
        settled: Vec<(usize, Fate)>,
        /// The further requests, each smaller than this one.
        further: Vec<Vec<usize>>,
    },
    /// The same request is to be sent again later.
    Again {
        /// When, if the destination said so.
        retry_after: Option<std::time::Duration>,
        /// Why.
        detail: String,
    },
    /// Nothing more is to be sent.
    Stop(String),
}

/// Decides on the answer to a request with these calls.
pub(crate) fn decide(calls: &[&Call], answer: Answer) -> Decision {
    match answer {
        Answer::Busy {
            retry_after,
            detail,
        } => Decision::Again {
            retry_after,
            detail,
        },
        Answer::Closed(detail) => Decision::Stop(detail),
        Answer::TooLarge(detail) => halve_or(
            calls,
            FailureCause::rejected(RejectReason::TooLarge, detail),
        ),
        Answer::Refused(cause) => halve_or(calls, cause),
        Answer::Blamed(blamed) => on_blame(calls, &blamed),
        Answer::Taken {
            failures,
            failed_count,
        } => on_taken(calls, &failures, failed_count),
    }
}

/// Nothing was taken because of some call: the halves will tell which one.
fn halve_or(calls: &[&Call], alone: FailureCause) -> Decision {
    if calls.len() <= 1 {
        return settle_all(calls, &Fate::from(alone));
    }
    let (first, second) = (
        (0..calls.len() / 2).collect(),
        (calls.len() / 2..calls.len()).collect(),
    );
    Decision::Go {
        settled: Vec::new(),
        further: vec![first, second],
    }
}

/// Nothing was taken because of these calls: the others go out without them, and each of them alone.
fn on_blame(calls: &[&Call], blamed: &[(usize, Rejection)]) -> Decision {
    let blame = |place: usize| blamed.iter().find(|(other, _)| *other == place);
    let (culprits, others): (Vec<usize>, Vec<usize>) =
        (0..calls.len()).partition(|place| blame(*place).is_some());
    match blamed.first() {
        // A lone call is to blame, whatever index was named.
        Some((_, rejection)) if calls.len() == 1 => {
            settle_all(calls, &Fate::Rejected(rejection.clone()))
        }
        _ if culprits.is_empty() => halve_or(
            calls,
            FailureCause::rejected(RejectReason::Unexplained, "refused without a reason"),
        ),
        _ => {
            let rest = (!others.is_empty()).then_some(others);
            let alone = culprits.into_iter().map(|place| vec![place]);
            Decision::Go {
                settled: Vec::new(),
                further: rest.into_iter().chain(alone).collect(),
            }
        }
    }
}

fn on_taken(calls: &[&Call], failures: &[Failure], failed_count: usize) -> Decision {
    let named: Vec<Option<&Failure>> = calls
        .iter()
        .enumerate()
        .map(|(place, call)| {
            failures
                .iter()
                .find(|failure| failure.address.names(place, call))
        })
        .collect();
    let named_count = named.iter().flatten().count();
    // Iterable does not say whether it counts events of names that it does not take as failed.
    let by_name = |failure: &&&Failure| matches!(failure.address, Address::EventName(_));
    let named_otherwise = named_count - named.iter().flatten().filter(by_name).count();
    if failed_count > named_count {
        // Some failed that are not named.
        let first = named.first().copied().flatten();
        let unexplained = || {
            FailureCause::rejected(
                RejectReason::Unexplained,
                "counted as failed without a reason",
            )
        };
        return halve_or(
            calls,
            first.map_or_else(unexplained, |failure| failure.cause.clone()),
        );
    }

    // Else some calls of the users in question were taken, and nobody knows which.
    let all_failed = failed_count == named_count || failed_count == named_otherwise;
    let nothing_else_is_meant = calls.len() == 1 || (all_failed && is_of_one_user(calls));
    let mut settled = Vec::new();
    let mut again: Vec<Vec<usize>> = Vec::new();
    for (place, failure) in named.into_iter().enumerate() {
        match failure {
            None => settled.push((place, Fate::Sent)),
            Some(failure) => {
                let is_final = nothing_else_is_meant || failure.is_final(all_failed);
                if is_final {
                    settled.push((place, Fate::from(failure.cause.clone())));
                } else {
                    join_own_user(&mut again, calls, place);
                }
            }
        }
    }
    if again
        .first()
        .is_some_and(|group| group.len() == calls.len())
    {
        again = (0..calls.len()).map(|place| vec![place]).collect();
    }
    Decision::Go {
        settled,
        further: again,
    }
}

impl Failure {
    /// Whether this can be believed of a call in company. A name of the event, a place and an id are exact. An unknown user
    /// may become known, and the event goes out again then.
    fn is_final(&self, all_failed: bool) -> bool {
        match (&self.address, &self.cause) {
            (Address::EventName(_) | Address::Index(_) | Address::Id(_), _) => true,
            (Address::User { .. }, FailureCause::UnknownUser) => all_failed,
            (Address::User { .. }, FailureCause::Final(_)) => false,
        }
    }
}

/// Adds a call to the group of its user, so that a user's calls stay together and in order.
fn join_own_user(groups: &mut Vec<Vec<usize>>, calls: &[&Call], place: usize) {
    let user = |place: usize| calls.get(place).map(|call| &call.user);
    let own: Option<&User> = user(place);
    let group = groups
        .iter_mut()
        .find(|group| group.first().is_some_and(|first| user(*first) == own));
    match group {
        Some(group) => group.push(place),
        None => groups.push(vec![place]),
    }
}

fn is_of_one_user(calls: &[&Call]) -> bool {
    let mut users = calls.iter().map(|call| &call.user);
    let first = users.next();
    users.all(|user| Some(user) == first)
}

fn settle_all(calls: &[&Call], fate: &Fate) -> Decision {
    let settled = (0..calls.len())
        .map(|place| (place, fate.clone()))
        .collect();
    Decision::Go {
        settled,
        further: Vec::new(),
    }
}

impl From<FailureCause> for Fate {
    fn from(cause: FailureCause) -> Self {
        match cause {
            FailureCause::UnknownUser => Self::UnknownUser,
            FailureCause::Final(rejection) => Self::Rejected(rejection),
        }
    }
}

#[cfg(test)]
mod tests;
