//! Whose an email event is.

use std::borrow::Cow;

use crate::{
    Names,
    text::{all, items, members, scalar},
};

/// The members that name who the mail is to: as the search reads it, as the sender wrote it, and in events of other kinds.
const RECIPIENTS: [&str; 3] = ["rcpt_to", "raw_rcpt_to", "recipient"];
/// What the sender said of the recipient. Postgres is asked for it by this name.
const META: &str = "rcpt_meta";
/// The members of it that are usually ids, in any case: `userId` too.
const USER_IDS: [&str; 7] = [
    "user_id",
    "userid",
    "customer_id",
    "customerid",
    "external_id",
    "externalid",
    "uid",
];

/// The members of an object.
type Members<'a> = Vec<(Cow<'a, str>, &'a str)>;

/// Whose an event is, by the members that name the recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// No member does.
    Nobody,
    Theirs,
    Others,
}

/// Whether the element is to the person: an event in it is, and none is to somebody else alone. A well-formed element has one event. What
/// is around the events is one too, because there may be nothing but it.
pub(crate) fn is_theirs(element: &str, person: &impl Names) -> bool {
    let outer = members(element);
    let events = events_in(&outer).into_iter().chain([outer]);
    let of_all = events
        .map(|event| whose(&event, person))
        .fold(Whose::Nobody, Whose::and_of_other_event);
    of_all == Whose::Theirs
}

/// Whether a row is to the person, by its column `rcpt_to` and by what of the element has no column. It does not say which of several
/// events the column is of, so they are one here; the loader rejects an element that has several.
pub(crate) fn is_row_theirs(rcpt_to: Option<&str>, rest: &str, person: &impl Names) -> bool {
    let outer = members(rest);
    let in_column = rcpt_to.map_or(Whose::Nobody, |text| {
        Whose::of_text(text, |text| person.has_address(text))
    });
    let of_event = events_in(&outer)
        .iter()
        .map(|event| whose(event, person))
        .fold(in_column, Whose::and_of_same_event);
    of_event.and_of_other_event(whose(&outer, person)) == Whose::Theirs
}

/// The events in an element.
fn events_in<'a>(element: &[(Cow<'a, str>, &'a str)]) -> Vec<Members<'a>> {
    let classes = all(element, "msys").flat_map(members);
    classes.map(|(_, event)| members(event)).collect()
}

fn whose(event: &[(Cow<'_, str>, &str)], person: &impl Names) -> Whose {
    let has_address = |text: &str| person.has_address(text);
    let has_name = |text: &str| person.has_name(text);
    let recipients = RECIPIENTS.iter().flat_map(|name| all(event, name));
    let metas = event.iter().filter(|(name, _)| name == META);
    let metas: Vec<Members<'_>> = metas.map(|(_, meta)| members(meta)).collect();
    let ids = metas
        .iter()
        .flat_map(|meta| USER_IDS.iter().flat_map(move |name| all(meta, name)));
    recipients
        .map(|json| Whose::of_value(json, has_address))
        .chain(ids.map(|json| Whose::of_value(json, has_name)))
        .fold(Whose::Nobody, Whose::and_of_same_event)
}

impl Whose {
    /// A list of several people is nobody's alone, and what is not a text in it is somebody who is not known.
    fn of_value(json: &str, is_name: impl Fn(&str) -> bool) -> Self {
        if let Some(text) = scalar(json) {
            return Self::of_text(&text, is_name);
        }
        items(json)
            .into_iter()
            .map(|item| scalar(item).map_or(Self::Others, |text| Self::of_text(&text, &is_name)))
            .fold(Self::Nobody, Self::and_of_other_event)
    }

    fn of_text(text: &str, is_name: impl Fn(&str) -> bool) -> Self {
        if text.trim().is_empty() {
            Self::Nobody
        } else if is_name(text) {
            Self::Theirs
        } else {
            Self::Others
        }
    }

    /// One name is enough, also one of several values of a repeated member: the lake takes the first of them, and Postgres the last.
    fn and_of_same_event(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nobody, one) | (one, Self::Nobody) => one,
            (Self::Others, Self::Others) => Self::Others,
            (Self::Theirs | Self::Others, Self::Theirs | Self::Others) => Self::Theirs,
        }
    }

    fn and_of_other_event(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nobody, one) | (one, Self::Nobody) => one,
            (Self::Theirs, Self::Theirs) => Self::Theirs,
            (Self::Theirs | Self::Others, Self::Theirs | Self::Others) => Self::Others,
        }
    }
}
