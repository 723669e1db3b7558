//! Whose an app event is.

use event_model::mparticle::{Batch, Item, for_each_item};

use crate::{
    Person,
    text::{last, members, scalar},
};

/// The users that a request to treat two as one names.
const ALIAS_IDS: [&str; 2] = ["source_mpid", "destination_mpid"];

/// Whether every part of the body is the person's.
pub(crate) fn is_theirs(body: &str, person: &Person) -> bool {
    let mut part_count = 0_usize;
    let mut their_count = 0_usize;
    for_each_item(body, |item, json| {
        part_count += 1;
        their_count += usize::from(is_part_theirs(&item, json, person));
    });
    part_count > 0 && part_count == their_count
}

/// Whether a part of a body, with this text, is the person's.
pub(crate) fn is_part_theirs(part: &Item<'_>, json: &str, person: &Person) -> bool {
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

fn is_batch_of(batch: &Batch<'_>, person: &Person) -> bool {
    batch
        .identities()
        .iter()
        .any(|identity| person.has_name(&identity.value))
        || batch
            .user_mpid()
            .is_some_and(|mpid| person.has_name(&mpid.to_string()))
}
