//! Packs calls into requests. Pure.
//!
//! A user's calls are sent in the order in which they happened, so they are in one request, or in requests that are sent one
//! after another. Requests that share no user may be sent concurrently.

use std::collections::HashSet;

use event_mapping::{Call, iterable::User};

use crate::{call_index::CallIndex, destination::Limits};

/// An upper bound of the bytes of a body in addition to its calls and the commas between them.
const ENVELOPE_BYTES: usize = 64;

/// Requests that are sent one after another.
pub(crate) type RequestSequence = Vec<Vec<CallIndex>>;

/// Calls in requests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Sequences that share no user with each other.
    pub(crate) sequences: Vec<RequestSequence>,
    /// Calls that no request can hold.
    pub(crate) too_large: Vec<CallIndex>,
}

/// Packs the calls at these indices. No request holds two calls of one id: the order of the two would be undefined at a
/// destination that updates by id.
pub(crate) fn pack(calls: &[Call], mut indices: Vec<CallIndex>, limits: &Limits) -> Packed {
    let mut packed = Packed::default();
    let room = limits.body_bytes.saturating_sub(ENVELOPE_BYTES);
    indices.retain(|index| {
        let fits = index.of(calls).is_some_and(|call| call.json.len() < room);
        if !fits {
            packed.too_large.push(*index);
        }
        fits
    });
    indices.sort_by_key(|index| index.of(calls).map(|call| (&call.user, call.at_ms, *index)));

    let mut open = Request::default();
    for user_indices in
        indices.chunk_by(|one, other| user_of(calls, *one) == user_of(calls, *other))
    {
        let mut segments = segments(calls, user_indices, limits.calls, room);
        if segments.len() > 1 {
            packed.sequences.push(
                segments
                    .into_iter()
                    .map(|segment| segment.indices)
                    .collect(),
            );
        } else if let Some(segment) = segments.pop() {
            if !open.has_room_for(&segment, limits.calls, room) {
                packed.close(std::mem::take(&mut open));
            }
            open.append(segment);
        }
    }
    packed.close(open);
    packed
}

fn user_of(calls: &[Call], index: CallIndex) -> Option<&User> {
    index.of(calls).map(|call| &call.user)
}

impl Packed {
    fn close(&mut self, request: Request<'_>) {
        if !request.indices.is_empty() {
            self.sequences.push(vec![request.indices]);
        }
    }
}

#[derive(Debug, Default)]
struct Request<'a> {
    indices: Vec<CallIndex>,
    bytes: usize,
    ids: HashSet<&'a str>,
}

impl<'a> Request<'a> {
    fn has_room_for(&self, other: &Self, max_calls: usize, room: usize) -> bool {
        self.indices.len() + other.indices.len() <= max_calls
            && self.bytes + other.bytes <= room
            && self.ids.is_disjoint(&other.ids)
    }

    fn append(&mut self, other: Self) {
        self.indices.extend(other.indices);
        self.bytes += other.bytes;
        self.ids.extend(other.ids);
    }

    fn of(index: CallIndex, call: &'a Call) -> Self {
        // The comma counts too.
        Self {
            indices: vec![index],
            bytes: call.json.len() + 1,
            ids: HashSet::from([call.id.as_str()]),
        }
    }
}

/// The calls of one user in as few requests as possible, in order.
fn segments<'a>(
    calls: &'a [Call],
    indices: &[CallIndex],
    max_calls: usize,
    room: usize,
) -> Vec<Request<'a>> {
    let mut segments: Vec<Request<'a>> = Vec::new();
    for index in indices {
        let Some(call) = index.of(calls) else {
            continue;
        };
        let single = Request::of(*index, call);
        match segments
            .last_mut()
            .filter(|last| last.has_room_for(&single, max_calls, room))
        {
            Some(last) => last.append(single),
            None => segments.push(single),
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use event_mapping::Operation;
    use proptest::prelude::*;

    use super::*;

    fn call(id: &str, user: &str, at_ms: i64, bytes: usize) -> Call {
        Call {
            operation: Operation::Track,
            id: id.to_owned(),
            user: User::UserId(user.to_owned()),
            event_name: String::new(),
            at_ms,
            json: "x".repeat(bytes),
            notes: Vec::new(),
        }
    }

    fn limits(calls: usize, body_bytes: usize) -> Limits {
        Limits {
            calls,
            body_bytes,
            interval: Duration::ZERO,
        }
    }

    fn pack_all(calls: &[Call], limits: Limits) -> Packed {
        pack(calls, (0..calls.len()).map(CallIndex).collect(), &limits)
    }

    /// The indices as numbers.
    fn numbers(sequences: &[RequestSequence]) -> Vec<Vec<Vec<usize>>> {
        let of_request = |request: &Vec<CallIndex>| request.iter().map(|index| index.0).collect();
        let of_sequence = |sequence: &RequestSequence| sequence.iter().map(of_request).collect();
        sequences.iter().map(of_sequence).collect()
    }

    #[test]
    fn users_share_a_request_and_their_calls_are_in_order_of_time() {
        let calls = [
            call("1", "b", 5, 9),
            call("2", "a", 9, 9),
            call("3", "b", 2, 9),
            call("4", "b", 5, 9),
        ];

        let packed = pack_all(&calls, limits(10, 1_000));

        assert_eq!(numbers(&packed.sequences), [vec![vec![1, 2, 0, 3]]]);
    }

    #[test]
    fn user_with_more_calls_than_a_request_holds_has_a_sequence_alone() {
        let calls: Vec<Call> = (0..5)
            .map(|n| call(&n.to_string(), if n == 0 { "a" } else { "b" }, n, 9))
            .collect();

        let packed = pack_all(&calls, limits(2, 1_000));

        assert_eq!(
            numbers(&packed.sequences),
            [vec![vec![1, 2], vec![3, 4]], vec![vec![0]]]
        );
    }

    #[test]
    fn equal_ids_are_in_different_requests() {
        let calls = [
            call("same", "a", 1, 9),
            call("same", "a", 2, 9),
            call("same", "b", 1, 9),
        ];

        let packed = pack_all(&calls, limits(10, 1_000));

        assert_eq!(
            numbers(&packed.sequences),
            [vec![vec![0], vec![1]], vec![vec![2]]]
        );
    }

    #[test]
    fn call_larger_than_a_request_is_reported() {
        let calls = [call("1", "a", 1, 500), call("2", "a", 2, 100)];

        let packed = pack_all(&calls, limits(10, 400));

        assert_eq!(
            packed,
            Packed {
                sequences: vec![vec![vec![CallIndex(1)]]],
                too_large: vec![CallIndex(0)]
            }
        );
    }

    proptest! {
        #[test]
        fn requests_hold_every_call_once_within_the_limits_and_in_order(
            plan in prop::collection::vec((0..30_u8, 0..8_u8, 0..50_i64, 1..120_usize), 0..80),
            max_calls in 1..12_usize,
            body_bytes in 100..600_usize,
        ) {
            let calls: Vec<Call> = plan
                .into_iter()
                .map(|(id, user, at_ms, bytes)| call(&id.to_string(), &user.to_string(), at_ms, bytes))
                .collect();

            let packed = pack_all(&calls, limits(max_calls, body_bytes));

            let mut seen: Vec<CallIndex> = packed.too_large.clone();
            let mut sequence_of: BTreeMap<&User, usize> = BTreeMap::new();
            for (number, sequence) in packed.sequences.iter().enumerate() {
                let mut last_of: BTreeMap<&User, i64> = BTreeMap::new();
                for request in sequence {
                    prop_assert!((1..=max_calls).contains(&request.len()));
                    let bytes: usize = request.iter().map(|index| calls[index.0].json.len() + 1).sum();
                    prop_assert!(bytes + ENVELOPE_BYTES <= body_bytes);
                    let ids: HashSet<&str> = request.iter().map(|index| calls[index.0].id.as_str()).collect();
                    prop_assert_eq!(ids.len(), request.len());
                    for index in request {
                        let call = &calls[index.0];
                        prop_assert_eq!(*sequence_of.entry(&call.user).or_insert(number), number);
                        let last = last_of.insert(&call.user, call.at_ms);
                        prop_assert!(last.is_none_or(|last| last <= call.at_ms));
                        seen.push(*index);
                    }
                }
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..calls.len()).map(CallIndex).collect::<Vec<_>>());
        }
    }
}
