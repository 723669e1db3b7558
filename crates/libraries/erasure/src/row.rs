//! Whose a row of the lake is.

use event_model::Pipeline;
use lake_schema::EXTRA;

use crate::{Names, app, email, product, verdict::has_mention};

/// The column that says whose a row is; beside it, what has no column is in `_extra`.
pub const fn owner_column(pipeline: Pipeline) -> &'static str {
    match pipeline {
        Pipeline::EmailEvents => "rcpt_to",
        Pipeline::AppEvents => "mpid",
        Pipeline::ProductEvents => "userid",
    }
}

/// Whether a row is the person's, by the text of its [`owner_column`] and of `_extra`: whether the item that it was made of is.
pub fn is_row_theirs(
    pipeline: Pipeline,
    owner: Option<&str>,
    extra: Option<&str>,
    person: &impl Names,
) -> bool {
    let rest = extra.unwrap_or_default();
    match pipeline {
        Pipeline::EmailEvents => email::is_row_theirs(owner, rest, person),
        Pipeline::AppEvents => app::is_row_theirs(owner, rest, person),
        Pipeline::ProductEvents => product::is_row_theirs(owner, rest, person),
    }
}

/// Whether a text of a row mentions the person, by its column. Of a row that is somebody else's, one of its columns of strings and numbers
/// does if and only if the item does that it was made of.
pub fn is_mentioned_in_column(column: &str, text: &str, person: &impl Names) -> bool {
    if column == EXTRA {
        has_mention(text, person)
    } else {
        person.is_mentioned_in(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Person;

    #[test]
    fn rows_are_theirs_by_a_column_or_by_what_has_none() {
        let jane = Person::new(&["jane@x.org"], &["4711", "u-1001"]).unwrap();
        for (pipeline, owner, extra, expected) in [
            (Pipeline::EmailEvents, Some("Jane@x.org"), None, true),
            (
                Pipeline::EmailEvents,
                Some("bob@x.org"),
                Some(r#"{"msys":{"message_event":{"raw_rcpt_to":"jane@x.org"}}}"#),
                true,
            ),
            (
                Pipeline::EmailEvents,
                Some("bob@x.org"),
                Some(r#"{"msys":{"message_event":{"subject":"jane@x.org"}}}"#),
                false,
            ),
            // Nothing is around the event.
            (
                Pipeline::EmailEvents,
                None,
                Some(r#"{"rcpt_to":"jane@x.org"}"#),
                true,
            ),
            (
                Pipeline::EmailEvents,
                None,
                Some(r#"{"rcpt_meta":{"user_id":"u-1001"}}"#),
                true,
            ),
            (
                Pipeline::EmailEvents,
                None,
                Some(r#"{"sender":"jane@x.org"}"#),
                false,
            ),
            (
                Pipeline::EmailEvents,
                Some("bob@x.org"),
                Some(r#"{"MSYS":{"m":{"Rcpt_To":"jane@x.org"}}}"#),
                true,
            ),
            (
                Pipeline::EmailEvents,
                Some("bob@x.org"),
                Some(r#"{"rcpt_to":"jane@x.org"}"#),
                false,
            ),
            (
                Pipeline::EmailEvents,
                None,
                Some(r#"{"MSYS":{"m":{"Raw_Rcpt_To":"jane@x.org"}}}"#),
                true,
            ),
            (Pipeline::AppEvents, Some("4711"), None, true),
            (
                Pipeline::AppEvents,
                Some("1"),
                Some(r#"{"batch":{"mpid":4711}}"#),
                false,
            ),
            (
                Pipeline::AppEvents,
                Some("1"),
                Some(r#"{"batch":{"user_identities":{"email":"jane@x.org"}},"event":{"data":{}}}"#),
                true,
            ),
            (
                Pipeline::AppEvents,
                None,
                Some(r#"{"batch":{"user_attributes":{"friend":"jane@x.org"}}}"#),
                false,
            ),
            (Pipeline::ProductEvents, Some("u-1001"), None, true),
            (
                Pipeline::ProductEvents,
                None,
                Some(r#"{"anonymousId":"u-1001"}"#),
                true,
            ),
            (
                Pipeline::ProductEvents,
                Some("bob"),
                Some(r#"{"UserID":"u-1001"}"#),
                true,
            ),
            (Pipeline::ProductEvents, Some("u-10011"), None, false),
        ] {
            assert_eq!(
                is_row_theirs(pipeline, owner, extra, &jane),
                expected,
                "{owner:?} {extra:?}"
            );
        }
    }
}
