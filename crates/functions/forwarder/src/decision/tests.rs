use std::collections::BTreeSet;

use event_mapping::Operation;
use proptest::prelude::*;

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

fn decide_on(calls: &[Call], answer: Answer) -> (Vec<(usize, Fate)>, Vec<Vec<usize>>) {
    let calls: Vec<&Call> = calls.iter().collect();
    match decide(&calls, answer) {
        Decision::Go { settled, further } => (settled, further),
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
fn all_taken_is_all_sent() {
    let (settled, further) = decide_on(&calls(&["a", "b"]), Answer::ALL_TAKEN);

    assert_eq!(settled, [(0, Fate::Sent), (1, Fate::Sent)]);
    assert!(further.is_empty());
}

#[test]
fn failed_users_go_out_again_by_themselves_and_in_order() {
    let failures = vec![user_failed("b", invalid()), user_failed("c", invalid())];

    let (settled, further) = decide_on(
        &calls(&["a", "b", "c", "b"]),
        Answer::Taken {
            failures,
            failed_count: 3,
        },
    );

    assert_eq!(settled, [(0, Fate::Sent)]);
    assert_eq!(further, [vec![1, 3], vec![2]]);
}

#[test]
fn user_that_fails_alone_and_wholly_is_rejected() {
    let failures = vec![user_failed("b", invalid())];

    let (settled, further) = decide_on(
        &calls(&["b", "b"]),
        Answer::Taken {
            failures,
            failed_count: 2,
        },
    );

    assert!(
        settled
            .iter()
            .all(|(_, fate)| matches!(fate, Fate::Rejected(_)))
            && settled.len() == 2
    );
    assert!(further.is_empty());
}

#[test]
fn user_that_fails_alone_in_part_goes_out_singly() {
    let failures = vec![user_failed("b", invalid())];

    let (settled, further) = decide_on(
        &calls(&["b", "b"]),
        Answer::Taken {
            failures,
            failed_count: 1,
        },
    );

    assert!(settled.is_empty());
    assert_eq!(further, [vec![0], vec![1]]);
}

#[test]
fn unknown_users_are_believed_when_the_counts_agree() {
    let failures = vec![user_failed("b", FailureCause::UnknownUser)];

    let (settled, further) = decide_on(
        &calls(&["a", "b", "b"]),
        Answer::Taken {
            failures,
            failed_count: 2,
        },
    );

    assert_eq!(
        settled,
        [
            (0, Fate::Sent),
            (1, Fate::UnknownUser),
            (2, Fate::UnknownUser)
        ]
    );
    assert!(further.is_empty());
}

#[test]
fn failures_that_nobody_is_named_for_are_halved() {
    let (settled, further) = decide_on(
        &calls(&["a", "b", "c"]),
        Answer::Taken {
            failures: Vec::new(),
            failed_count: 1,
        },
    );

    assert!(settled.is_empty());
    assert_eq!(further, [vec![0], vec![1, 2]]);
    let (settled, _) = decide_on(
        &calls(&["a"]),
        Answer::Taken {
            failures: Vec::new(),
            failed_count: 1,
        },
    );
    assert!(
        matches!(&settled[..], [(0, Fate::Rejected(rejection))] if rejection.reason == RejectReason::Unexplained)
    );
}

#[test]
fn disallowed_names_are_rejected_whether_counted_or_not() {
    for failed_count in [0, 1] {
        let failures = vec![Failure {
            address: Address::EventName("secret".to_owned()),
            cause: FailureCause::rejected(RejectReason::DisallowedEventName, ""),
        }];

        let (settled, further) = decide_on(
            &[call(0, "a", "fine"), call(1, "b", "secret")],
            Answer::Taken {
                failures,
                failed_count,
            },
        );

        assert_eq!(settled[0], (0, Fate::Sent));
        assert!(matches!(settled[1], (1, Fate::Rejected(_))));
        assert!(further.is_empty());
    }
}

#[test]
fn blamed_call_goes_out_alone_after_the_others() {
    let blamed = vec![(1, RejectReason::Refused.because("createdAt"))];

    let (settled, further) = decide_on(&calls(&["a", "b", "c"]), Answer::Blamed(blamed.clone()));
    assert!(settled.is_empty());
    assert_eq!(further, [vec![0, 2], vec![1]]);

    let (settled, further) = decide_on(&calls(&["b"]), Answer::Blamed(blamed));
    assert!(matches!(&settled[..], [(0, Fate::Rejected(_))]));
    assert!(further.is_empty());
}

#[test]
fn blame_for_a_place_that_is_not_there_is_no_blame() {
    let blamed = vec![(7, RejectReason::Refused.because("x"))];

    let (settled, further) = decide_on(&calls(&["a", "b"]), Answer::Blamed(blamed));

    assert!(settled.is_empty());
    assert_eq!(further, [vec![0], vec![1]]);
}

/// What a made-up destination holds against a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Truth {
    Good,
    Unknown,
    Invalid,
    Silent,
    Blamed,
    Refused,
}

/// A user and what is held against the call. Unknown and malformed are users, so all of their calls are.
fn user_and_truth() -> impl Strategy<Value = (usize, Truth)> {
    let own = prop_oneof![
        8 => Just(Truth::Good),
        1 => Just(Truth::Silent),
        1 => Just(Truth::Blamed),
        1 => Just(Truth::Refused),
    ];
    (0..8_usize, own).prop_map(|(user, own)| match user {
        6 => (user, Truth::Unknown),
        7 => (user, Truth::Invalid),
        _ => (user, own),
    })
}

/// Answers as Iterable would, if these were the only things wrong.
fn answer(calls: &[&Call], truths: &[(usize, Truth)], max_calls: usize) -> Answer {
    let of = |call: &&&Call| truths[call.id.parse::<usize>().unwrap()].1;
    if calls.len() > max_calls {
        return Answer::TooLarge(String::new());
    }
    if let Some(place) = calls.iter().position(|call| of(&call) == Truth::Blamed) {
        return Answer::Blamed(vec![(place, RejectReason::Refused.because("blamed"))]);
    }
    if calls.iter().any(|call| of(&call) == Truth::Refused) {
        return Answer::Refused(FailureCause::rejected(RejectReason::Refused, "refused"));
    }
    let failed = calls.iter().filter(|call| of(call) != Truth::Good);
    let failures = failed.clone().filter_map(|call| match of(&call) {
        Truth::Unknown => Some(user_failed(call.user.name(), FailureCause::UnknownUser)),
        Truth::Invalid => Some(user_failed(call.user.name(), invalid())),
        _ => None,
    });
    Answer::Taken {
        failures: failures.collect(),
        failed_count: failed.count(),
    }
}

proptest! {
    #[test]
    fn every_call_ends_as_the_destination_holds_and_good_ones_are_sent(
        plan in prop::collection::vec(user_and_truth(), 1..40),
        max_calls in 1..40_usize,
    ) {
        let all: Vec<Call> =
            plan.iter().enumerate().map(|(id, (user, _))| call(id, &user.to_string(), "e")).collect();
        let mut fates: Vec<Option<Fate>> = vec![None; all.len()];
        let mut open: Vec<Vec<usize>> = vec![(0..all.len()).collect()];
        let mut requests = 0;

        while let Some(places) = open.pop() {
            requests += 1;
            prop_assert!(requests <= 12 * all.len(), "{requests} requests for {} calls", all.len());
            let request: Vec<&Call> = places.iter().map(|place| &all[*place]).collect();
            let Decision::Go { settled, further } = decide(&request, answer(&request, &plan, max_calls)) else {
                panic!("neither busy nor closed");
            };
            let told: BTreeSet<usize> =
                settled.iter().map(|(place, _)| *place).chain(further.iter().flatten().copied()).collect();
            prop_assert_eq!(told, (0..request.len()).collect::<BTreeSet<_>>());
            for (place, fate) in settled {
                prop_assert_eq!(fates[places[place]].replace(fate), None);
            }
            for group in further.into_iter().rev() {
                open.push(group.into_iter().map(|place| places[place]).collect());
            }
        }

        for ((_, truth), fate) in plan.iter().zip(fates) {
            match truth {
                Truth::Good => prop_assert_eq!(fate, Some(Fate::Sent)),
                Truth::Unknown => prop_assert_eq!(fate, Some(Fate::UnknownUser)),
                Truth::Invalid | Truth::Silent | Truth::Blamed | Truth::Refused => {
                    prop_assert!(matches!(fate, Some(Fate::Rejected(_))), "{truth:?} ended as {fate:?}");
                }
            }
        }
    }
}
