//! One line per id: the leaves of the receipt's Merkle tree.

use std::collections::BTreeMap;

use event_model::Pipeline;

use super::{
    compare::Comparison,
    ledger::{Entry, Expected},
};

/// One of the lists of a comparison.
type IdsOf = fn(&Comparison) -> &[String];

/// The outcomes of a pipeline's ids, each `<pipeline>\t<id>\t<outcome>`, sorted by bytes.
///
/// An id is `stored` (or `rejected`, if it has to be) when it was acknowledged and every store has it once, and `erased` when it was
/// acknowledged, is the person's and no store has it; `recovered` when it was not acknowledged and a store has it; `absent` when neither.
/// Otherwise the worst is told: `unexpected`, `lost`, `doubled`.
pub(super) fn outcomes(
    pipeline: Pipeline,
    entries: &[Entry],
    stores: &[&Comparison],
) -> Vec<String> {
    let mut told: BTreeMap<&str, &'static str> = BTreeMap::new();
    for entry in entries {
        let outcome = match (entry.record.acknowledged, entry.expected) {
            (0, _) => "absent",
            (1.., Expected::Stored) => "stored",
            (1.., Expected::Rejected) => "rejected",
            (1.., Expected::Erased) => "erased",
        };
        told.insert(&entry.id, outcome);
    }
    // The later ones take precedence.
    let lists: [(&'static str, IdsOf); 4] = [
        ("recovered", |store| &store.recovered),
        ("doubled", |store| &store.doubled),
        ("lost", |store| &store.lost),
        ("unexpected", |store| &store.unexpected),
    ];
    for (outcome, ids) in lists {
        for store in stores {
            told.extend(ids(store).iter().map(|id| (id.as_str(), outcome)));
        }
    }
    told.into_iter()
        .map(|(id, outcome)| format!("{}\t{id}\t{outcome}", pipeline.name()))
        .collect()
}

/// Whether a line has the usual outcome.
pub(super) fn is_usual(line: &str) -> bool {
    ["\tstored", "\trejected", "\terased"]
        .iter()
        .any(|usual| line.ends_with(usual))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::ledger::Record;

    #[test]
    fn the_worst_of_all_stores_is_told() {
        let entry = |id: &str, acknowledged, expected| Entry {
            id: id.to_owned(),
            expected,
            record: Record {
                is_sent: true,
                acknowledged,
            },
        };
        let entries = [
            entry("a", 1, Expected::Stored),
            entry("b", 1, Expected::Stored),
            entry("c", 0, Expected::Stored),
            entry("d", 0, Expected::Stored),
            entry("e", 2, Expected::Stored),
            entry("x", 1, Expected::Rejected),
        ];
        let list = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let postgres = Comparison {
            lost: list(&["b"]),
            recovered: list(&["c"]),
            doubled: list(&["b", "e"]),
            ..Comparison::default()
        };
        let lake = Comparison {
            unexpected: list(&["z"]),
            ..Comparison::default()
        };

        let lines = outcomes(Pipeline::EmailEvents, &entries, &[&postgres, &lake]);

        let expected = [
            "email_events\ta\tstored",
            "email_events\tb\tlost",
            "email_events\tc\trecovered",
            "email_events\td\tabsent",
            "email_events\te\tdoubled",
            "email_events\tx\trejected",
            "email_events\tz\tunexpected",
        ];
        assert_eq!(lines, expected);
        assert_eq!(lines.iter().filter(|line| is_usual(line)).count(), 2);
    }
}
