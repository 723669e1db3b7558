//! Whose an email event is.

use crate::{
    Names,
    text::{items, last, members, scalar},
};

/// The members that name who the mail is to: as the search reads it, as the sender wrote it, and in events of other kinds.
const RECIPIENTS: [&str; 3] = ["rcpt_to", "raw_rcpt_to", "recipient"];
/// The members of what the sender said of the recipient that are usually ids.
const USER_IDS: [&str; 9] = [
    "user_id",
    "userId",
    "userid",
    "userID",
    "customer_id",
    "customerId",
    "external_id",
    "externalId",
    "uid",
];

/// Whether every event of the element is to the person. A well-formed element has one.
pub(crate) fn is_theirs(element: &str, person: &impl Names) -> bool {
    let outer = members(element);
    let Some(msys) = last(&outer, "msys") else {
        return is_to(element, person);
    };
    let classes = members(msys);
    !classes.is_empty() && classes.iter().all(|(_, event)| is_to(event, person))
}

pub(crate) fn is_to(event: &str, person: &impl Names) -> bool {
    let event = members(event);
    let is_recipient = |json: &str| scalar(json).is_some_and(|text| person.has_address(&text));
    let mut recipients = RECIPIENTS.iter().filter_map(|name| last(&event, name));
    if recipients.any(|value| {
        let list = items(value);
        // A list of several recipients is everybody's in it.
        is_recipient(value) || (!list.is_empty() && list.into_iter().all(is_recipient))
    }) {
        return true;
    }
    let meta = last(&event, "rcpt_meta").map(members).unwrap_or_default();
    let mut ids = USER_IDS.iter().filter_map(|name| last(&meta, name));
    ids.any(|value| scalar(value).is_some_and(|text| person.has_name(&text)))
}
