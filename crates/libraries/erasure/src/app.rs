//! Whose an app event is.

use std::borrow::Cow;

use event_model::mparticle::{Batch, Item, for_each_item};

use crate::{
    Names, Tombstones,
    text::{last, members, scalar},
};

/// The users that a request to treat two as one names.
const ALIAS_IDS: [&str; 2] = ["source_mpid", "destination_mpid"];

/// A body of mParticle's without the parts of erased people, and the number of events that went with them. If nothing else was in it, it
/// is an empty list, which has no events.
pub fn without_erased<'b>(body: &'b str, erased: &Tombstones) -> (Cow<'b, str>, usize) {
    if erased.is_empty() {
        return (Cow::Borrowed(body), 0);
    }
    let mut kept = Vec::new();
    let mut parts_left_out = 0_usize;
    let mut events_left_out = 0_usize;
    for_each_item(body, |part, json| {
        if is_part_theirs(&part, json, erased) {
            parts_left_out += 1;
            events_left_out += match &part {
                Item::Batch(batch) => batch.event_count(),
                Item::Alias | Item::Refused(_) => 1,
            };
        } else {
            kept.push(json);
        }
    });
    if parts_left_out == 0 {
        return (Cow::Borrowed(body), 0);
    }
    (Cow::Owned(format!("[{}]", kept.join(","))), events_left_out)
}

/// Whether every part of the body is the person's.
pub(crate) fn is_theirs(body: &str, person: &impl Names) -> bool {
    let mut part_count = 0_usize;
    let mut their_count = 0_usize;
    for_each_item(body, |item, json| {
        part_count += 1;
        their_count += usize::from(is_part_theirs(&item, json, person));
    });
    part_count > 0 && part_count == their_count
}

/// Whether a part of a body, with this text, is the person's.
pub(crate) fn is_part_theirs(part: &Item<'_>, json: &str, person: &impl Names) -> bool {
    match part {
        Item::Batch(batch) => is_batch_of(batch, person),
        Item::Alias => {
            let request = members(json);
            let data = last(&request, "data").map(members).unwrap_or_default();
            [request, data].iter().any(|members| {
                let mut ids = ALIAS_IDS.iter().filter_map(|name| last(members, name));
                ids.any(|id| scalar(id).is_some_and(|id| person.has_name(&id)))
            })
        }
        Item::Refused(_) => false,
    }
}

/// Whether a row is the person's, by its column `mpid` and by what of its batch has no column.
pub(crate) fn is_row_theirs(mpid: Option<&str>, rest: &str, person: &impl Names) -> bool {
    if mpid.is_some_and(|mpid| person.has_name(mpid)) {
        return true;
    }
    let rest = members(rest);
    let batch = last(&rest, "batch").unwrap_or_default();
    let mut is_theirs = false;
    for_each_item(batch, |part, json| {
        is_theirs |= match &part {
            // The column has the last `mpid`, which is the one that counts. An earlier one is in the rest.
            Item::Batch(batch) if mpid.is_some() => has_identity_of(batch, person),
            Item::Batch(_) | Item::Alias | Item::Refused(_) => is_part_theirs(&part, json, person),
        };
    });
    is_theirs
}

/// Whether the part says whose it is.
pub(crate) fn names_owner(part: &Item<'_>) -> bool {
    match part {
        Item::Batch(batch) => {
            batch.identities().iter().next().is_some() || batch.user_mpid().is_some()
        }
        Item::Alias => true,
        Item::Refused(_) => false,
    }
}

fn is_batch_of(batch: &Batch<'_>, person: &impl Names) -> bool {
    has_identity_of(batch, person)
        || batch
            .user_mpid()
            .is_some_and(|mpid| person.has_name(&mpid.to_string()))
}

fn has_identity_of(batch: &Batch<'_>, person: &impl Names) -> bool {
    batch
        .identities()
        .iter()
        .any(|identity| person.has_name(&identity.value))
}
