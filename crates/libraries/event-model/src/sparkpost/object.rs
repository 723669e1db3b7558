//! Visits the members of a JSON object as far as none is refused.

use std::borrow::Cow;

use super::reject_reason::RejectReason;
use crate::json::{self, Text};

/// Calls `visit` with the name and the JSON text of each member of `object`, in order, until it fails.
///
/// A name that occurs twice is visited twice; keeping the last value is what `jsonb` does.
pub(super) fn for_each_member<'a>(
    object: &'a str,
    mut visit: impl FnMut(Cow<'a, str>, &'a str) -> Result<(), RejectReason>,
) -> Result<(), RejectReason> {
    let mut outcome = Ok(());
    json::for_each_member(object, |Text(name), value| {
        if outcome.is_ok() {
            outcome = visit(name, value.get());
        }
    })
    .map_err(|error| RejectReason::UnreadableItem {
        problem: error.to_string(),
    })?;
    outcome
}
