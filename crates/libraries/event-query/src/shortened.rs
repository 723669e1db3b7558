//! Events that are longer than a response may be, without their longest members.

use std::borrow::Cow;
use std::collections::BTreeSet;

use event_model::json::JsonObject;
use serde_json::value::RawValue;

use crate::render::{Members, RenderError};

/// The mark of a shortened event, which is `true`.
pub const TRUNCATED_MEMBER: &str = "cistern_truncated";

/// How long the whole event is as it is stored, in bytes.
pub const WHOLE_BYTES_MEMBER: &str = "cistern_bytes";

/// The members that the loader reads, and limits in length. They are always kept.
const NAMED: [&str; 15] = [
    "type",
    "event_id",
    "timestamp",
    "transmission_id",
    "message_id",
    "rcpt_to",
    "recipient_domain",
    "campaign_id",
    "template_id",
    "subject",
    "friendly_from",
    "sending_domain",
    "reason",
    "subaccount_id",
    "bounce_class",
];

/// A stored event with its named members, the shortest of the others as long as they are at most `kept_bytes` together, and the
/// marks. The order is kept.
pub(crate) fn shorten(stored: &str, kept_bytes: usize) -> Result<String, RenderError> {
    let Members(members) = Members::read(stored)?;
    let mut others: Vec<_> = members
        .iter()
        .filter(|(name, _)| !NAMED.contains(&name.as_ref()))
        .collect();
    others.sort_by_key(|member| length(member));
    let mut bytes = 0_usize;
    let kept: BTreeSet<&str> = others
        .into_iter()
        .take_while(|member| {
            bytes = bytes.saturating_add(length(member));
            bytes <= kept_bytes
        })
        .map(|(name, _)| name.as_ref())
        .collect();

    let mut object = JsonObject::default();
    for (name, value) in &members {
        let name = name.as_ref();
        // Somebody's own members of these names would be said twice.
        let is_mark = [TRUNCATED_MEMBER, WHOLE_BYTES_MEMBER].contains(&name);
        if !is_mark && (NAMED.contains(&name) || kept.contains(name)) {
            object.json(name, value.get());
        }
    }
    object.boolean(TRUNCATED_MEMBER, true);
    let whole_bytes = i64::try_from(stored.len()).unwrap_or(i64::MAX);
    object.integer(WHOLE_BYTES_MEMBER, whole_bytes);
    Ok(object.finish())
}

fn length((name, value): &(Cow<'_, str>, &RawValue)) -> usize {
    name.len() + value.get().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_members_stay_and_of_the_others_the_longest_go_first() {
        let stored = r#"{"b": "bbbb", "type": "open", "a": 1, "cistern_bytes": "mine", "subject": "long enough"}"#;
        let marks = format!(
            r#""cistern_truncated":true,"cistern_bytes":{}}}"#,
            stored.len()
        );

        for (kept_bytes, rest) in [
            (
                100,
                r#"{"b":"bbbb","type":"open","a":1,"subject":"long enough","#,
            ),
            (7, r#"{"type":"open","a":1,"subject":"long enough","#),
            (1, r#"{"type":"open","subject":"long enough","#),
            (0, r#"{"type":"open","subject":"long enough","#),
        ] {
            assert_eq!(
                shorten(stored, kept_bytes).unwrap(),
                format!("{rest}{marks}"),
                "{kept_bytes}"
            );
        }
    }
}
