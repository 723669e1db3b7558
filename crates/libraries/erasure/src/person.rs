//! The names of one person.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use event_model::sparkpost::{fold_address, fold_domain};

use crate::mention::is_mentioned;

/// The most addresses and ids of one person. Every item is compared with all of them.
pub const MAX_IDENTIFIERS: usize = 100;

/// What stands for a user who is not known. In lower case.
const PLACEHOLDERS: [&str; 17] = [
    "0",
    "-1",
    "null",
    "nil",
    "none",
    "undefined",
    "unknown",
    "anonymous",
    "anon",
    "guest",
    "user",
    "test",
    "true",
    "false",
    "nan",
    "n/a",
    "00000000-0000-0000-0000-000000000000",
];

/// A person, by all addresses and ids that are the person's. Its `Debug` text has none of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    addresses: BTreeSet<String>,
    ids: BTreeSet<String>,
}

/// Why names are not those of a person. No message repeats the name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    /// Neither an address nor an id.
    #[error("give an address or a user id: without one there is nobody to look for")]
    Nobody,
    /// More than [`MAX_IDENTIFIERS`].
    #[error(
        "{0} addresses and ids: a person may have {MAX_IDENTIFIERS}; erase in several requests"
    )]
    TooMany(usize),
    /// An address that is none, with its position from 1.
    #[error(
        "address {0} is not user@host: it needs text on both sides of the @, and no space in the host"
    )]
    NotAnAddress(usize),
    /// An empty id, with its position from 1.
    #[error("user id {0} is empty")]
    EmptyId(usize),
    /// An id that many unknown users share, with its position from 1.
    #[error(
        "user id {0} is a placeholder that senders write for users whom they do not know: it is everybody's"
    )]
    Placeholder(usize),
}

impl Person {
    /// A person by addresses, in any of the forms that a header has, and by ids.
    ///
    /// # Errors
    /// When there is no name, or one of them cannot be a person's.
    pub fn new<A: AsRef<str>, I: AsRef<str>>(
        addresses: &[A],
        ids: &[I],
    ) -> Result<Self, PersonError> {
        let count = addresses.len() + ids.len();
        if count == 0 {
            return Err(PersonError::Nobody);
        }
        if count > MAX_IDENTIFIERS {
            return Err(PersonError::TooMany(count));
        }
        let addresses = (1..).zip(addresses).map(|(position, address)| {
            let address = normalize(address.as_ref());
            if is_address(&address) {
                Ok(address)
            } else {
                Err(PersonError::NotAnAddress(position))
            }
        });
        let ids = (1..).zip(ids).map(|(position, id)| {
            let id = id.as_ref().trim();
            if id.is_empty() {
                Err(PersonError::EmptyId(position))
            } else if PLACEHOLDERS.contains(&id.to_lowercase().as_str()) {
                Err(PersonError::Placeholder(position))
            } else {
                Ok(id.to_owned())
            }
        });
        Ok(Self {
            addresses: addresses.collect::<Result<_, _>>()?,
            ids: ids.collect::<Result<_, _>>()?,
        })
    }

    /// The addresses, normalized.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.addresses.iter().map(String::as_str)
    }

    /// The ids, as they are written.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().map(String::as_str)
    }
}

/// What the fields of an item are compared with: the names of a person, or the hashes of those of many.
pub trait Names {
    /// Whether this is one of the addresses, in whatever form it is written.
    fn has_address(&self, text: &str) -> bool;

    /// Whether this is one of the ids, or one of the addresses: many senders use the address for an id.
    fn has_name(&self, text: &str) -> bool;

    /// Whether names can be looked for inside of texts.
    fn finds_mentions(&self) -> bool {
        false
    }

    /// Whether the text has one of the names: plain, percent-encoded or in base64.
    fn is_mentioned_in(&self, text: &str) -> bool {
        let _ = text;
        false
    }
}

impl Names for Person {
    fn has_address(&self, text: &str) -> bool {
        // Nearly all texts that are compared are addresses of others, and normalizing costs more than this.
        !self.addresses.is_empty()
            && text.contains('@')
            && self.addresses.contains(&normalize(text))
    }

    fn has_name(&self, text: &str) -> bool {
        self.ids.contains(text.trim()) || self.has_address(text)
    }

    fn finds_mentions(&self) -> bool {
        true
    }

    fn is_mentioned_in(&self, text: &str) -> bool {
        is_mentioned(self, text)
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("addresses", &self.addresses.len())
            .field("ids", &self.ids.len())
            .finish()
    }
}

/// As the search compares addresses; and the host as it compares domains.
pub(crate) fn normalize(text: &str) -> String {
    let address = fold_address(Cow::Borrowed(text));
    match address.rsplit_once('@') {
        Some((local, host)) => format!("{local}@{}", fold_domain(Cow::Borrowed(host))),
        None => address.into_owned(),
    }
}

fn is_address(normalized: &str) -> bool {
    normalized.rsplit_once('@').is_some_and(|(local, host)| {
        let is_quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
        let is_of_several = |c: char| c.is_whitespace() || ",;@".contains(c);
        !local.is_empty()
            && (is_quoted || !local.contains(is_of_several))
            && !host.is_empty()
            && !host.contains(is_of_several)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [&str; 0] = [];

    #[test]
    fn names_that_are_nobodys_or_everybodys_are_refused_without_repeating_them() {
        let ids = |ids: &[&str]| Person::new(&NONE, ids).unwrap_err();
        let addresses = |addresses: &[&str]| Person::new(addresses, &NONE).unwrap_err();

        assert_eq!(ids(&[]), PersonError::Nobody);
        assert_eq!(ids(&["u1", " "]), PersonError::EmptyId(2));
        assert_eq!(ids(&["u1", "Undefined"]), PersonError::Placeholder(2));
        assert_eq!(addresses(&["a@b.c, d@e.f"]), PersonError::NotAnAddress(1));
        assert_eq!(addresses(&["a@b.c", "@b.c"]), PersonError::NotAnAddress(2));
        assert_eq!(addresses(&["jane.doe"]), PersonError::NotAnAddress(1));
        assert_eq!(ids(&["u"; 101]), PersonError::TooMany(101));
        assert!(!addresses(&["jane.doe"]).to_string().contains("jane"));
    }

    #[test]
    fn debug_text_has_no_name() {
        let person = Person::new(&["jane@example.com"], &["id-1"]).unwrap();

        assert_eq!(format!("{person:?}"), "Person { addresses: 1, ids: 1 }");
    }
}
