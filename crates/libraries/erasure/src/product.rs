//! Whose a product event is.

use crate::{
    Names,
    text::{last, members, scalar},
};

/// The members that name the user: the sources of the lake's column `userid`, and what trackers write before they know one.
const USERS: [&str; 5] = [
    "userId",
    "user_id",
    "distinct_id",
    "anonymousId",
    "anonymous_id",
];

/// Whether the record is the person's.
pub(crate) fn is_theirs(record: &str, person: &impl Names) -> bool {
    let record = members(record);
    let mut users = USERS.iter().filter_map(|name| last(&record, name));
    users.any(|user| scalar(user).is_some_and(|user| person.has_name(&user)))
}
