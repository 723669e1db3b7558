//! Whose a row of the lake is.

use event_model::{Pipeline, mparticle::for_each_item};

use crate::{
    Names, app, email, product,
    text::{last, members},
};

/// The column that says whose a row is; beside it, what has no column is in `_extra`.
pub const fn owner_column(pipeline: Pipeline) -> &'static str {
    match pipeline {
        Pipeline::EmailEvents => "rcpt_to",
        Pipeline::AppEvents => "mpid",
        Pipeline::ProductEvents => "userid",
    }
}

/// Whether a row is the person's, by the text of its [`owner_column`] and of `_extra`.
pub fn is_row_theirs(
    pipeline: Pipeline,
    owner: Option<&str>,
    extra: Option<&str>,
    person: &impl Names,
) -> bool {
    let is_owner = owner.is_some_and(|owner| match pipeline {
        Pipeline::EmailEvents => person.has_address(owner),
        Pipeline::AppEvents | Pipeline::ProductEvents => person.has_name(owner),
    });
    is_owner || extra.is_some_and(|extra| is_extra_theirs(pipeline, extra, person))
}

fn is_extra_theirs(pipeline: Pipeline, extra: &str, person: &impl Names) -> bool {
    match pipeline {
        Pipeline::EmailEvents => {
            let extra = members(extra);
            let classes = last(&extra, "msys").map(members).unwrap_or_default();
            classes.iter().any(|(_, event)| email::is_to(event, person))
        }
        Pipeline::AppEvents => {
            let extra = members(extra);
            let mut is_theirs = false;
            if let Some(batch) = last(&extra, "batch") {
                for_each_item(batch, |part, json| {
                    is_theirs |= app::is_part_theirs(&part, json, person);
                });
            }
            is_theirs
        }
        Pipeline::ProductEvents => product::is_theirs(extra, person),
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
            (Pipeline::AppEvents, Some("4711"), None, true),
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
