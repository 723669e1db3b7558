//! How long people take to open a message: pairs of its delivery and its first open.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::answer::Event;

/// The types that an open has; `initial_open` is the picture at the top of a message.
pub(crate) const OPENS: [&str; 4] = ["open", "initial_open", "amp_open", "amp_initial_open"];

/// Limits of the groups, in seconds, and what each is called. The last has no limit. They grow by about three, as times to open do.
pub(crate) const GROUPS: [(i64, &str); 9] = [
    (60, "< 1 min"),
    (5 * 60, "1–5 min"),
    (15 * 60, "5–15 min"),
    (3_600, "15–60 min"),
    (3 * 3_600, "1–3 h"),
    (12 * 3_600, "3–12 h"),
    (86_400, "12–24 h"),
    (3 * 86_400, "1–3 d"),
    (i64::MAX, "> 3 d"),
];

/// The first open of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FirstOpen {
    /// Seconds since 1970.
    at: i64,
    /// A program fetched the picture, by what SparkPost says of the user agent: nobody needs to have read the message.
    is_machine: bool,
}

/// The first opens among some events, by the message's id.
pub(crate) fn first_opens(events: &[Event]) -> BTreeMap<String, FirstOpen> {
    let mut opens: BTreeMap<String, FirstOpen> = BTreeMap::new();
    for event in events {
        let (Some(id), Some(time)) = (event.text("message_id"), event.time()) else {
            continue;
        };
        let open = FirstOpen {
            at: time.as_second(),
            is_machine: is_by_machine(event),
        };
        let known = opens.entry(id.into_owned()).or_insert(open);
        if open.at < known.at {
            *known = open;
        }
    }
    opens
}

fn is_by_machine(event: &Event) -> bool {
    let said = event.0.get("user_agent_parsed");
    ["is_prefetched", "is_proxy"].into_iter().any(|name| {
        said.and_then(|said| said.get(name)).is_some_and(|value| {
            value == &Value::Bool(true) || value.as_str().is_some_and(|text| text == "true")
        })
    })
}

/// Times to open, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Openings {
    /// Seconds from the delivery to the first open, and whether a machine opened.
    times: Vec<(i64, bool)>,
    /// Opens of messages whose delivery is not known.
    pub(crate) without_delivery: u64,
}

impl Openings {
    /// Of some first opens, with the deliveries of their messages. A message that is delivered twice was delivered at first.
    pub(crate) fn of(opens: &BTreeMap<String, FirstOpen>, deliveries: &[Event]) -> Self {
        let mut delivered: HashMap<String, i64> = HashMap::new();
        for event in deliveries {
            if let (Some(id), Some(time)) = (event.text("message_id"), event.time()) {
                let first = delivered.entry(id.into_owned()).or_insert(time.as_second());
                *first = (*first).min(time.as_second());
            }
        }
        let mut openings = Self::default();
        for (id, open) in opens {
            match delivered.get(id) {
                // Clocks of several servers differ by a few seconds.
                Some(at) => openings
                    .times
                    .push(((open.at - at).max(0), open.is_machine)),
                None => openings.without_delivery += 1,
            }
        }
        openings.times.sort_unstable();
        openings
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        self.times.len() as u64
    }

    /// How many a machine made.
    pub(crate) fn by_machines(&self) -> u64 {
        self.times.iter().filter(|(_, is)| *is).count() as u64
    }

    /// The time within which this share of the messages was opened, in hundredths: the nearest rank.
    pub(crate) fn within(&self, share: usize) -> Option<i64> {
        let rank = (self.times.len() * share).div_ceil(100).max(1);
        self.times.get(rank - 1).map(|(seconds, _)| *seconds)
    }

    /// Counts by group: opens by people, or by nobody knows whom, and opens by machines.
    pub(crate) fn by_group(&self) -> [[u64; GROUPS.len()]; 2] {
        let mut counts = [[0; GROUPS.len()]; 2];
        for (seconds, is_machine) in &self.times {
            let group = GROUPS.iter().position(|(limit, _)| seconds < limit);
            let slot = counts
                .get_mut(usize::from(*is_machine))
                .and_then(|counts| counts.get_mut(group?));
            if let Some(slot) = slot {
                *slot += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn event(kind: &str, message: &str, second: i64, machine: bool) -> Event {
        let time = jiff::Timestamp::from_second(second).unwrap().to_string();
        serde_json::from_value(json!({
            "type": kind, "message_id": message, "timestamp": time, "user_agent_parsed": { "is_prefetched": machine },
        }))
        .unwrap()
    }

    #[test]
    fn first_open_is_taken_since_the_first_delivery() {
        let opens = first_opens(&[
            event("open", "a", 500, false),
            event("initial_open", "a", 160, true),
            event("open", "b", 50, false),
            event("open", "lost", 50, false),
        ]);
        let deliveries = [
            event("delivery", "a", 100, false),
            event("delivery", "a", 130, false),
            event("delivery", "b", 51, false),
        ];

        let openings = Openings::of(&opens, &deliveries);

        assert_eq!(openings.times, [(0, false), (60, true)]);
        assert_eq!((openings.without_delivery, openings.by_machines()), (1, 1));
        assert_eq!(
            openings.by_group(),
            [[1, 0, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0, 0]]
        );
        assert_eq!(Openings::default().within(50), None);
    }

    proptest! {
        /// Every open is in one group, and a share of them is within its time.
        #[test]
        fn groups_hold_all_and_shares_are_within(seconds in prop::collection::vec(0_i64..1_000_000, 1..60), share in 1_usize..=100) {
            let opens: Vec<_> = seconds.iter().enumerate().map(|(n, after)| event("open", &n.to_string(), 1_000 + after, n % 3 == 0)).collect();
            let deliveries: Vec<_> = (0..seconds.len()).map(|n| event("delivery", &n.to_string(), 1_000, false)).collect();

            let openings = Openings::of(&first_opens(&opens), &deliveries);

            prop_assert_eq!(openings.by_group().iter().flatten().sum::<u64>(), seconds.len() as u64);
            let limit = openings.within(share).unwrap();
            let within = seconds.iter().filter(|after| **after <= limit).count();
            let below = seconds.iter().filter(|after| **after < limit).count();
            prop_assert!(within * 100 >= share * seconds.len() && below * 100 < share * seconds.len());
        }
    }
}
