//! Cuts calls into requests. Pure.
//!
//! A user's calls go out in the order they happened, so they are in one request, or in requests that go out one after
//! another. Requests that share no user may go out side by side.

use std::collections::HashSet;

use event_mapping::{Call, iterable::User};

use crate::destination::Limits;

/// What a body holds beside its calls and the commas between them, generously.
const ENVELOPE_BYTES: usize = 64;

/// Requests that go out one after another; places are those in the slice of calls.
pub(crate) type Train = Vec<Vec<usize>>;

/// Calls in requests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Trains that share no user with each other.
    pub(crate) trains: Vec<Train>,
    /// Calls that no request can hold.
    pub(crate) too_large: Vec<usize>,
}

/// Packs the calls at these places. No request holds two calls of one id: at a destination that updates by id, the
/// order of the two would be anybody's guess.
pub(crate) fn pack(calls: &[Call], mut places: Vec<usize>, limits: &Limits) -> Packed {
    let mut packed = Packed::default();
    let room = limits.body_bytes.saturating_sub(ENVELOPE_BYTES);
    places.retain(|place| {
        let fits = calls.get(*place).is_some_and(|call| call.json.len() < room);
        if !fits {
            packed.too_large.push(*place);
        }
        fits
    });
    places.sort_by_key(|place| {
        calls
            .get(*place)
            .map(|call| (&call.user, call.at_ms, *place))
    });

    let mut open = Request::default();
    for user_places in places.chunk_by(|one, other| user_of(calls, *one) == user_of(calls, *other))
    {
        let mut segments = segments(calls, user_places, limits.calls, room);
        if segments.len() > 1 {
            packed
                .trains
                .push(segments.into_iter().map(|segment| segment.places).collect());
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

fn user_of(calls: &[Call], place: usize) -> Option<&User> {
    calls.get(place).map(|call| &call.user)
}

impl Packed {
    fn close(&mut self, request: Request<'_>) {
        if !request.places.is_empty() {
            self.trains.push(vec![request.places]);
        }
    }
}

#[derive(Debug, Default)]
struct Request<'a> {
    places: Vec<usize>,
    bytes: usize,
    ids: HashSet<&'a str>,
}

impl<'a> Request<'a> {
    fn has_room_for(&self, other: &Self, max_calls: usize, room: usize) -> bool {
        self.places.len() + other.places.len() <= max_calls
            && self.bytes + other.bytes <= room
            && self.ids.is_disjoint(&other.ids)
    }

    fn append(&mut self, other: Self) {
        self.places.extend(other.places);
        self.bytes += other.bytes;
        self.ids.extend(other.ids);
    }

    fn of(place: usize, call: &'a Call) -> Self {
        // The comma counts too.
        Self {
            places: vec![place],
            bytes: call.json.len() + 1,
            ids: HashSet::from([call.id.as_str()]),
        }
    }
}

/// The calls of one user in as few requests as possible, in order.
fn segments<'a>(
    calls: &'a [Call],
    places: &[usize],
    max_calls: usize,
    room: usize,
) -> Vec<Request<'a>> {
    let mut segments: Vec<Request<'a>> = Vec::new();
    for place in places {
        let Some(call) = calls.get(*place) else {
            continue;
        };
        let single = Request::of(*place, call);
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
        pack(calls, (0..calls.len()).collect(), &limits)
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

        assert_eq!(packed.trains, [vec![vec![1, 2, 0, 3]]]);
    }

    #[test]
    fn user_with_more_than_a_request_holds_has_a_train_alone() {
        let calls: Vec<Call> = (0..5)
            .map(|n| call(&n.to_string(), if n == 0 { "a" } else { "b" }, n, 9))
            .collect();

        let packed = pack_all(&calls, limits(2, 1_000));

        assert_eq!(packed.trains, [vec![vec![1, 2], vec![3, 4]], vec![vec![0]]]);
    }

    #[test]
    fn equal_ids_are_in_different_requests() {
        let calls = [
            call("same", "a", 1, 9),
            call("same", "a", 2, 9),
            call("same", "b", 1, 9),
        ];

        let packed = pack_all(&calls, limits(10, 1_000));

        assert_eq!(packed.trains, [vec![vec![0], vec![1]], vec![vec![2]]]);
    }

    #[test]
    fn call_larger_than_a_request_is_told() {
        let calls = [call("1", "a", 1, 500), call("2", "a", 2, 100)];

        let packed = pack_all(&calls, limits(10, 400));

        assert_eq!(
            packed,
            Packed {
                trains: vec![vec![vec![1]]],
                too_large: vec![0]
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

            let mut seen: Vec<usize> = packed.too_large.clone();
            let mut train_of: BTreeMap<&User, usize> = BTreeMap::new();
            for (index, train) in packed.trains.iter().enumerate() {
                let mut last_of: BTreeMap<&User, i64> = BTreeMap::new();
                for request in train {
                    prop_assert!((1..=max_calls).contains(&request.len()));
                    let bytes: usize = request.iter().map(|place| calls[*place].json.len() + 1).sum();
                    prop_assert!(bytes + ENVELOPE_BYTES <= body_bytes);
                    let ids: HashSet<&str> = request.iter().map(|place| calls[*place].id.as_str()).collect();
                    prop_assert_eq!(ids.len(), request.len());
                    for place in request {
                        let call = &calls[*place];
                        prop_assert_eq!(*train_of.entry(&call.user).or_insert(index), index);
                        let last = last_of.insert(&call.user, call.at_ms);
                        prop_assert!(last.is_none_or(|last| last <= call.at_ms));
                        seen.push(*place);
                    }
                }
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..calls.len()).collect::<Vec<_>>());
        }
    }
}
