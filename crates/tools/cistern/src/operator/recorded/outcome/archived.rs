//! What became of objects that go into the lake.

use std::collections::{BTreeMap, BTreeSet};

use super::{Outcome, Rejected};

/// What an object counts by as archived: how many files it has is only known when it is converted.
const BY_ANY_FILE: &str = "if the lake has at least one of its files";

/// What is known of the objects before they are archived, of which `before` are in the lake.
pub(crate) fn before_archiving(before: usize) -> Outcome {
    Outcome {
        verb: "archived",
        counted_by: Some(BY_ANY_FILE),
        done_before: Some(before),
        ..Outcome::default()
    }
}

/// The outcome of objects that go into the lake, by what it has of them now.
///
/// Those that are `missing` have neither rows nor rejected items there; `waiting` is how many messages waited before the lake was looked
/// at, and `before` how many of the objects were in the lake when the command began.
pub(crate) fn of_lake(
    objects: &[String],
    missing: &BTreeSet<&str>,
    rejected: &BTreeMap<String, String>,
    before: usize,
    waiting: u64,
) -> Outcome {
    let mut outcome = before_archiving(before);
    let (mut archived, mut without_rows) = (0_usize, 0);
    for object in objects {
        if !missing.contains(object.as_str()) {
            archived += 1;
        } else if let Some(reason) = rejected.get(object) {
            outcome.rejected.push(Rejected {
                key: object.clone(),
                reason: reason.clone(),
            });
        } else if waiting > 0 {
            // Its message may be among them.
            outcome.not_done.push(object.clone());
        } else {
            without_rows += 1;
        }
    }
    // Files that were there may have been removed since.
    let before = before.min(archived);
    outcome.done = Some(archived - before);
    outcome.done_before = Some(before);
    outcome.without_rows = Some(without_rows);
    outcome.waiting = Some(waiting);
    outcome
}

#[cfg(test)]
mod tests {
    use std::process::ExitCode;

    use super::*;

    #[test]
    fn what_the_lake_does_not_have_is_not_done_while_messages_wait() {
        let objects = ["before", "now", "bad", "empty"].map(|name| format!("raw/track/{name}.gz"));
        let rejected = BTreeMap::from([
            (objects[2].clone(), "object_missing: it is gone".to_owned()),
            // An earlier attempt, before it was archived.
            (objects[1].clone(), "object_missing: it was gone".to_owned()),
        ]);
        let missing = BTreeSet::from([objects[2].as_str(), objects[3].as_str()]);
        let of = |rejected, waiting| of_lake(&objects, &missing, rejected, 1, waiting);
        let none = BTreeMap::new();

        let (waiting, settled) = (of(&none, 1), of(&none, 0));
        let (both, refused) = (of(&rejected, 1), of(&rejected, 0));

        assert_eq!(waiting.not_done, objects[2..]);
        assert_eq!(waiting.exit_code(), ExitCode::from(4));
        assert_eq!(
            settled.headline(),
            ": 1 archived, 1 was archived before, 2 without rows"
        );
        assert_eq!(settled.exit_code(), ExitCode::SUCCESS);
        assert!(settled.details().contains("`cistern redrive archive`"));
        assert_eq!(both.not_done, objects[3..]);
        assert_eq!(both.exit_code(), ExitCode::from(3));
        assert_eq!(
            refused.headline(),
            ": 1 archived, 1 was archived before, 1 without rows, 1 rejected"
        );
        assert_eq!(refused.exit_code(), ExitCode::from(3));
    }

    #[test]
    fn objects_that_are_archived_by_any_file_are_not_said_to_be_complete() {
        let by = "if the lake has at least one of its files";
        let outcome = of_lake(&["a".to_owned()], &BTreeSet::new(), &BTreeMap::new(), 9, 0);

        assert_eq!(outcome.done_before, Some(1));
        assert_eq!(
            before_archiving(2).preview(),
            format!("; 2 of them were archived before (an object counts as archived {by})")
        );
        assert_eq!(
            outcome.details(),
            format!("\n  an object counts as archived {by}")
        );
    }
}
