use std::collections::BTreeSet;

use event_mapping::Operation;
use proptest::prelude::*;

use event_mapping::iterable::User;

use super::*;

fn call(id: usize, user: &str, event_name: &str) -> Call {
    Call {
        operation: Operation::Track,
        id: id.to_string(),
        user: User::UserId(user.to_owned()),
        event_name: event_name.to_owned(),
        at_ms: 0,
        json: "{}".to_owned(),
        notes: Vec::new(),
    }
}

fn calls(users: &[&str]) -> Vec<Call> {
    users
        .iter()
        .enumerate()
        .map(|(id, user)| call(id, user, "e"))
        .collect()
}

fn decide_on(
    calls: &[Call],
    response: Response,
) -> (Vec<(usize, DeliveryResult)>, Vec<Vec<usize>>) {
    let request: Vec<(CallIndex, &Call)> = CallIndex::enumerate(calls).collect();
    match decide(&request, response) {
        Decision::Go { results, further } => (
            results
                .into_iter()
                .map(|(index, result)| (index.0, result))
                .collect(),
            further
                .into_iter()
                .map(|group| group.into_iter().map(|index| index.0).collect())
                .collect(),
        ),
        other => panic!("{other:?}"),
    }
}

fn user_failed(name: &str, cause: FailureCause) -> Failure {
    Failure {
        address: Address::User {
            by_email: false,
            name: name.to_owned(),
        },
        cause,
    }
}

fn invalid() -> FailureCause {
    FailureCause::rejected(RejectReason::InvalidUser, "")
}

#[test]
fn accepted_request_is_all_sent() {
    let (results, further) = decide_on(&calls(&["a", "b"]), Response::ALL_ACCEPTED);

    assert_eq!(results, [(0, Ok(())), (1, Ok(()))]);
    assert!(further.is_empty());
}

#[test]
fn failed_users_are_sent_again_separately_and_in_order() {
    let failures = vec![user_failed("b", invalid()), user_failed("c", invalid())];

    let (results, further) = decide_on(
        &calls(&["a", "b", "c", "b"]),
        Response::Accepted {
            failures,
            failed_count: 3,
        },
    );

    assert_eq!(results, [(0, Ok(()))]);
    assert_eq!(further, [vec![1, 3], vec![2]]);
}

#[test]
fn user_that_fails_alone_and_wholly_is_rejected() {
    let failures = vec![user_failed("b", invalid())];

    let (results, further) = decide_on(
        &calls(&["b", "b"]),
        Response::Accepted {
            failures,
            failed_count: 2,
        },
    );

    assert!(
        results
            .iter()
            .all(|(_, result)| matches!(result, Err(FailureCause::Rejected(_))))
            && results.len() == 2
    );
    assert!(further.is_empty());
}

#[test]
fn user_that_fails_alone_in_part_is_sent_call_by_call() {
    let failures = vec![user_failed("b", invalid())];

    let (results, further) = decide_on(
        &calls(&["b", "b"]),
        Response::Accepted {
            failures,
            failed_count: 1,
        },
    );

    assert!(results.is_empty());
    assert_eq!(further, [vec![0], vec![1]]);
}

#[test]
fn unknown_users_are_believed_when_the_counts_agree() {
    let failures = vec![user_failed("b", FailureCause::UnknownUser)];

    let (results, further) = decide_on(
        &calls(&["a", "b", "b"]),
        Response::Accepted {
            failures,
            failed_count: 2,
        },
    );

    assert_eq!(
        results,
        [
            (0, Ok(())),
            (1, Err(FailureCause::UnknownUser)),
            (2, Err(FailureCause::UnknownUser))
        ]
    );
    assert!(further.is_empty());
}

#[test]
fn unattributed_failures_are_halved() {
    let (results, further) = decide_on(
        &calls(&["a", "b", "c"]),
        Response::Accepted {
            failures: Vec::new(),
            failed_count: 1,
        },
    );

    assert!(results.is_empty());
    assert_eq!(further, [vec![0], vec![1, 2]]);
    let (results, _) = decide_on(
        &calls(&["a"]),
        Response::Accepted {
            failures: Vec::new(),
            failed_count: 1,
        },
    );
    assert!(
        matches!(&results[..], [(0, Err(FailureCause::Rejected(rejection)))] if rejection.reason == RejectReason::Unexplained)
    );
}

#[test]
fn disallowed_names_are_rejected_whether_counted_or_not() {
    for failed_count in [0, 1] {
        let failures = vec![Failure {
            address: Address::EventName("secret".to_owned()),
            cause: FailureCause::rejected(RejectReason::DisallowedEventName, ""),
        }];

        let (results, further) = decide_on(
            &[call(0, "a", "fine"), call(1, "b", "secret")],
            Response::Accepted {
                failures,
                failed_count,
            },
        );

        assert_eq!(results[0], (0, Ok(())));
        assert!(matches!(results[1], (1, Err(FailureCause::Rejected(_)))));
        assert!(further.is_empty());
    }
}

#[test]
fn invalid_item_is_sent_alone_after_the_others() {
    let invalid_items = vec![(1, RejectReason::Refused.because("createdAt"))];

    let (results, further) = decide_on(
        &calls(&["a", "b", "c"]),
        Response::InvalidItems(invalid_items.clone()),
    );
    assert!(results.is_empty());
    assert_eq!(further, [vec![0, 2], vec![1]]);

    let (results, further) = decide_on(&calls(&["b"]), Response::InvalidItems(invalid_items));
    assert!(matches!(
        &results[..],
        [(0, Err(FailureCause::Rejected(_)))]
    ));
    assert!(further.is_empty());
}

#[test]
fn invalid_item_at_an_index_that_is_not_there_is_ignored() {
    let invalid_items = vec![(7, RejectReason::Refused.because("x"))];

    let (results, further) = decide_on(&calls(&["a", "b"]), Response::InvalidItems(invalid_items));

    assert!(results.is_empty());
    assert_eq!(further, [vec![0], vec![1]]);
}

/// What a simulated destination finds wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Truth {
    Good,
    Unknown,
    Invalid,
    Silent,
    InvalidItem,
    Refused,
}

/// A user and what is wrong with the call. Unknown and malformed are properties of users, so of all their calls.
fn user_and_truth() -> impl Strategy<Value = (usize, Truth)> {
    let own = prop_oneof![
        8 => Just(Truth::Good),
        1 => Just(Truth::Silent),
        1 => Just(Truth::InvalidItem),
        1 => Just(Truth::Refused),
    ];
    (0..8_usize, own).prop_map(|(user, own)| match user {
        6 => (user, Truth::Unknown),
        7 => (user, Truth::Invalid),
        _ => (user, own),
    })
}

/// The response that Iterable would give if these were the only things wrong.
fn response(calls: &[&Call], truths: &[(usize, Truth)], max_calls: usize) -> Response {
    let of = |call: &&&Call| truths[call.id.parse::<usize>().unwrap()].1;
    if calls.len() > max_calls {
        return Response::TooLarge(String::new());
    }
    if let Some(index) = calls
        .iter()
        .position(|call| of(&call) == Truth::InvalidItem)
    {
        return Response::InvalidItems(vec![(
            index,
            RejectReason::Refused.because("invalid_items"),
        )]);
    }
    if calls.iter().any(|call| of(&call) == Truth::Refused) {
        return Response::Refused(FailureCause::rejected(RejectReason::Refused, "refused"));
    }
    let failed = calls.iter().filter(|call| of(call) != Truth::Good);
    let failures = failed.clone().filter_map(|call| match of(&call) {
        Truth::Unknown => Some(user_failed(call.user.name(), FailureCause::UnknownUser)),
        Truth::Invalid => Some(user_failed(call.user.name(), invalid())),
        _ => None,
    });
    Response::Accepted {
        failures: failures.collect(),
        failed_count: failed.count(),
    }
}

proptest! {
    #[test]
    fn every_call_ends_as_the_destination_says_and_good_ones_are_sent(
        plan in prop::collection::vec(user_and_truth(), 1..40),
        max_calls in 1..40_usize,
    ) {
        let all: Vec<Call> =
            plan.iter().enumerate().map(|(id, (user, _))| call(id, &user.to_string(), "e")).collect();
        let mut results: Vec<Option<DeliveryResult>> = vec![None; all.len()];
        let mut open: Vec<Vec<CallIndex>> = vec![(0..all.len()).map(CallIndex).collect()];
        let mut requests = 0;

        while let Some(indices) = open.pop() {
            requests += 1;
            prop_assert!(requests <= 12 * all.len(), "{requests} requests for {} calls", all.len());
            let request: Vec<(CallIndex, &Call)> = indices.iter().map(|index| (*index, &all[index.0])).collect();
            let calls: Vec<&Call> = request.iter().map(|(_, call)| *call).collect();
            let Decision::Go { results: known, further } = decide(&request, response(&calls, &plan, max_calls)) else {
                panic!("neither transient nor misconfigured");
            };
            let decided: BTreeSet<CallIndex> =
                known.iter().map(|(index, _)| *index).chain(further.iter().flatten().copied()).collect();
            prop_assert_eq!(decided, indices.into_iter().collect::<BTreeSet<_>>());
            for (index, result) in known {
                prop_assert_eq!(results[index.0].replace(result), None);
            }
            open.extend(further.into_iter().rev());
        }

        for ((_, truth), result) in plan.iter().zip(results) {
            match truth {
                Truth::Good => prop_assert_eq!(result, Some(Ok(()))),
                Truth::Unknown => prop_assert_eq!(result, Some(Err(FailureCause::UnknownUser))),
                Truth::Invalid | Truth::Silent | Truth::InvalidItem | Truth::Refused => {
                    prop_assert!(matches!(result, Some(Err(FailureCause::Rejected(_)))), "{truth:?} ended as {result:?}");
                }
            }
        }
    }
}
