//! Walks over the members of a JSON object without building a tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::reject_reason::RejectReason;

/// Calls `visit` with the name and the JSON text of each member of `object`, in order, until it fails.
///
/// A name that occurs twice is visited twice; keeping the last value is what `jsonb` does.
pub(super) fn for_each_member<'a>(
    object: &'a str,
    visit: impl FnMut(Cow<'a, str>, &'a str) -> Result<(), RejectReason>,
) -> Result<(), RejectReason> {
    let outcome = serde_json::Deserializer::from_str(object).deserialize_map(Members(visit));
    outcome.map_err(|error| RejectReason::UnreadableItem {
        problem: error.to_string(),
    })?
}

struct Members<F>(F);

impl<'de, F> Visitor<'de> for Members<F>
where
    F: FnMut(Cow<'de, str>, &'de str) -> Result<(), RejectReason>,
{
    type Value = Result<(), RejectReason>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut outcome = Ok(());
        while let Some(Name(name)) = members.next_key()? {
            let value: &RawValue = members.next_value()?;
            if outcome.is_ok() {
                outcome = (self.0)(name, value.get());
            }
        }
        Ok(outcome)
    }
}

/// A member's name, borrowed unless it is written with escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Name<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);
