//! Whose a product event is.

use crate::{
    Names,
    text::{all, members, scalar},
};

/// The members that name the user, in any case: the sources of the lake's column `userid`, and what trackers write before they know
/// one.
const USERS: [&str; 5] = [
    "userId",
    "user_id",
    "distinct_id",
    "anonymousId",
    "anonymous_id",
];

/// Whether the record is the person's. Of a repeated member each counts: the lake's column has the first, other readers take the last.
pub(crate) fn is_theirs(record: &str, person: &impl Names) -> bool {
    let record = members(record);
    let mut users = USERS.iter().flat_map(|name| all(&record, name));
    users.any(|user| scalar(user).is_some_and(|user| person.has_name(&user)))
}

/// Whether a row is the person's, by its column `userid` and by what of the record has no column.
pub(crate) fn is_row_theirs(userid: Option<&str>, rest: &str, person: &impl Names) -> bool {
    userid.is_some_and(|user| person.has_name(user)) || is_theirs(rest, person)
}
