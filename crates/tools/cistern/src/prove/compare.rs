//! The comparison of what was acknowledged with what a store has.

use std::collections::BTreeMap;

use super::{
    events::BAD,
    ledger::{Entry, Expected},
};

/// How often a store has each id.
pub(crate) type Found = BTreeMap<String, u64>;

/// What a store has to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Each event once, and none of the person's who is erased.
    ExactlyOnce,
    /// Each event once, and those of the person that arrived before the erasure: the destination erases by itself.
    Destination,
    /// Each rejected item once.
    Rejections,
}

/// What became of the ids of a pipeline in one store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Ids in bodies that were sent.
    pub(crate) sent: u64,
    /// Of these, those in a body that was acknowledged.
    pub(crate) acknowledged: u64,
    /// Ids that the store has.
    pub(crate) stored: u64,
    /// Acknowledged, and absent.
    pub(crate) lost: Vec<String>,
    /// More than once in the store.
    pub(crate) doubled: Vec<String>,
    /// Not acknowledged, and present: the sender would send them again.
    pub(crate) recovered: Vec<String>,
    /// In the store, although nobody sent them, or although the person was erased.
    pub(crate) unexpected: Vec<String>,
    /// Copies in acknowledged bodies beyond the first of each id, which the store does not show.
    pub(crate) duplicates_removed: u64,
}

impl Comparison {
    /// Whether each acknowledged id is there, once, and nothing else.
    pub(crate) fn holds(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.unexpected.is_empty()
    }
}

/// Compares the ids of a pipeline with what a store has.
pub(crate) fn compare(entries: &[Entry], found: &Found, role: Role) -> Comparison {
    let mut comparison = Comparison::default();
    let mut known = BTreeMap::new();
    for entry in entries {
        known.insert(entry.id.as_str(), entry);
        if !belongs(entry.expected, role) {
            continue;
        }
        let copies = found.get(&entry.id).copied().unwrap_or(0);
        let is_acknowledged = entry.record.acknowledged > 0;
        comparison.sent += u64::from(entry.record.is_sent);
        comparison.acknowledged += u64::from(is_acknowledged);
        comparison.stored += u64::from(copies > 0);
        let acknowledged_copies = u64::from(entry.record.acknowledged);
        match (is_acknowledged, copies) {
            (true, 0) => comparison.lost.push(entry.id.clone()),
            (false, 1..) => comparison.recovered.push(entry.id.clone()),
            (true, 1..) => {
                comparison.duplicates_removed += acknowledged_copies.saturating_sub(copies);
            }
            (false, 0) => {}
        }
        if copies > 1 {
            comparison.doubled.push(entry.id.clone());
        }
    }
    for id in found.keys() {
        let is_expected = match known.get(id.as_str()) {
            Some(entry) if entry.expected == Expected::Erased => {
                entry.record.is_sent && role == Role::Destination
            }
            Some(entry) => entry.record.is_sent && belongs(entry.expected, role),
            None => false,
        };
        // An item that Postgres rejects may be a row of the lake, where every record is kept.
        let is_rejected_elsewhere = role == Role::ExactlyOnce
            && id.starts_with(BAD)
            && known
                .get(id.as_str())
                .is_some_and(|entry| entry.record.is_sent);
        if !is_expected && !is_rejected_elsewhere {
            comparison.unexpected.push(id.clone());
        }
    }
    comparison
}

fn belongs(expected: Expected, role: Role) -> bool {
    match role {
        Role::ExactlyOnce | Role::Destination => expected == Expected::Stored,
        Role::Rejections => expected == Expected::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prove::ledger::Record;

    fn entry(number: usize, acknowledged: u32) -> Entry {
        Entry {
            id: format!("e-1-{number}"),
            expected: Expected::Stored,
            record: Record {
                is_sent: true,
                acknowledged,
            },
        }
    }

    fn bad(number: usize) -> Entry {
        Entry {
            id: format!("x-1-{number}"),
            expected: Expected::Rejected,
            ..entry(number, 1)
        }
    }

    fn found(entries: &[Entry]) -> Found {
        entries.iter().map(|entry| (entry.id.clone(), 1)).collect()
    }

    #[test]
    fn a_store_with_everything_once_holds() {
        let entries: Vec<Entry> = (0..10).map(|number| entry(number, 1)).collect();

        let comparison = compare(&entries, &found(&entries), Role::ExactlyOnce);

        assert!(comparison.holds());
        assert_eq!(
            (comparison.sent, comparison.acknowledged, comparison.stored),
            (10, 10, 10)
        );
    }

    #[test]
    fn what_was_not_acknowledged_may_be_absent_or_present() {
        let entries = [entry(0, 0), entry(1, 0), entry(2, 3)];
        let found = found(&entries[1..]);

        let comparison = compare(&entries, &found, Role::ExactlyOnce);

        assert!(comparison.holds());
        assert_eq!(comparison.recovered, ["e-1-1"]);
        assert_eq!(comparison.duplicates_removed, 2);
    }

    #[test]
    fn rejected_items_belong_to_the_rejections_alone() {
        let entries = [entry(0, 1), bad(0)];
        let rejected: Found = [("x-1-0".to_owned(), 1)].into();
        let stored: Found = [("e-1-0".to_owned(), 1), ("x-1-0".to_owned(), 1)].into();

        assert!(compare(&entries, &rejected, Role::Rejections).holds());
        assert!(compare(&entries, &stored, Role::ExactlyOnce).holds());
        assert_eq!(
            compare(&entries, &stored, Role::Rejections).unexpected,
            ["e-1-0"]
        );
        assert_eq!(
            compare(&entries, &Found::new(), Role::Rejections).lost,
            ["x-1-0"]
        );
    }

    #[test]
    fn erased_ids_may_be_at_the_destination_alone() {
        let erased = Entry {
            expected: Expected::Erased,
            ..entry(1, 1)
        };
        let entries = [entry(0, 1), erased];
        let with_person = found(&entries);

        let comparison = compare(&entries, &with_person, Role::ExactlyOnce);

        assert_eq!(comparison.unexpected, ["e-1-1"]);
        assert!(compare(&entries, &with_person, Role::Destination).holds());
        assert!(compare(&entries, &found(&entries[..1]), Role::ExactlyOnce).holds());
    }

    #[test]
    fn an_id_that_was_never_sent_is_unexpected_even_if_it_is_planned() {
        let unsent = Entry {
            record: Record::default(),
            ..entry(0, 0)
        };
        let stored = found(std::slice::from_ref(&unsent));

        assert_eq!(
            compare(&[unsent], &stored, Role::ExactlyOnce).unexpected,
            ["e-1-0"]
        );
    }

    proptest! {
        /// Whatever is taken from a complete store, added to it or repeated in it is named, and nothing else.
        #[test]
        fn exactly_what_is_wrong_is_named(
            count in 1..60_usize,
            lost in proptest::collection::btree_set(0..60_usize, 0..4),
            doubled in proptest::collection::btree_set(0..60_usize, 0..4),
            unexpected in proptest::collection::btree_set(60..90_usize, 0..4),
        ) {
            let entries: Vec<Entry> = (0..count).map(|number| entry(number, 1)).collect();
            let mut found = found(&entries);
            let id = |number: &usize| format!("e-1-{number}");
            for number in doubled.iter().filter(|number| **number < count) {
                found.insert(id(number), 2);
            }
            for number in &lost {
                found.remove(&id(number));
            }
            for number in &unexpected {
                found.insert(id(number), 1);
            }

            let comparison = compare(&entries, &found, Role::ExactlyOnce);

            let expected_lost: Vec<String> =
                (0..count).filter(|number| lost.contains(number)).map(|number| id(&number)).collect();
            let expected_doubled: Vec<String> = (0..count)
                .filter(|number| doubled.contains(number) && !lost.contains(number))
                .map(|number| id(&number))
                .collect();
            prop_assert_eq!(&comparison.lost, &expected_lost);
            prop_assert_eq!(&comparison.doubled, &expected_doubled);
            prop_assert_eq!(comparison.unexpected.len(), unexpected.len());
            let is_right = expected_lost.is_empty() && expected_doubled.is_empty() && unexpected.is_empty();
            prop_assert_eq!(comparison.holds(), is_right);
        }
    }
}
