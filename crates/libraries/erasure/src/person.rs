//! The names of one person.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use event_model::sparkpost::{fold_address, fold_domain};

use crate::mention::{MIN_ID_CHARS, is_mentioned};

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
    is_deep: bool,
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
    /// An id that occurs in texts by chance, of a person whose mentions are to be erased.
    #[error(
        "a user id has fewer than {MIN_ID_CHARS} characters, which occur in events of others by chance: erase it without `--deep`, and the addresses and longer ids with it"
    )]
    ShortId,
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
            let is_of_one = !names_several(address.as_ref());
            let address = normalize(address.as_ref());
            if is_of_one && is_address(&address) {
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
            is_deep: false,
        })
    }

    /// The same person, with whom the items of others are erased that mention the person.
    ///
    /// # Errors
    /// When an id is so short that others' items have it by chance.
    pub fn deep(self) -> Result<Self, PersonError> {
        if self.ids().any(|id| id.chars().count() < MIN_ID_CHARS) {
            return Err(PersonError::ShortId);
        }
        Ok(Self {
            is_deep: true,
            ..self
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
    /// Whether this is one of the addresses, in whatever form it is written. A text with the addresses of several is nobody's.
    fn has_address(&self, text: &str) -> bool;

    /// Whether this is one of the ids, or one of the addresses: many senders use the address for an id.
    fn has_name(&self, text: &str) -> bool;

    /// Whether names can be looked for inside of texts.
    fn finds_mentions(&self) -> bool {
        false
    }

    /// Whether an item of somebody else goes if it has one of the names.
    fn erases_mentions(&self) -> bool {
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
            && !names_several(text)
    }

    fn has_name(&self, text: &str) -> bool {
        self.ids.contains(text.trim()) || self.has_address(text)
    }

    fn finds_mentions(&self) -> bool {
        true
    }

    fn erases_mentions(&self) -> bool {
        self.is_deep
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
            .field("is_deep", &self.is_deep)
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

/// Whether a header's text has more than one address: in brackets, or without them between commas or semicolons. What is in quotes is
/// a name or a part of one address.
pub(crate) fn names_several(text: &str) -> bool {
    let (mut address_count, mut in_brackets, mut has_bare) = (0_usize, 0_usize, false);
    let mut has_quotes = true;
    let mut rest = text;
    while let Some(at) = rest.find(['"', '<', ',', ';', '@']) {
        let (sign, after) = rest[at..].split_at(1);
        rest = match sign {
            "\"" if has_quotes => after_quotes(after).unwrap_or_else(|| {
                has_quotes = false;
                after
            }),
            "<" => {
                let (inside, after) = after.split_once('>').unwrap_or((after, ""));
                in_brackets += inside.split('<').filter(|text| text.contains('@')).count();
                after
            }
            "," | ";" => {
                address_count += in_brackets.max(usize::from(has_bare));
                (in_brackets, has_bare) = (0, false);
                after
            }
            sign => {
                has_bare |= sign == "@";
                after
            }
        };
    }
    address_count + in_brackets.max(usize::from(has_bare)) > 1
}

/// What follows the quote that ends a quoted text; `None` if none does.
fn after_quotes(text: &str) -> Option<&str> {
    let mut is_escaped = false;
    let end = text.find(|c: char| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })?;
    text.get(end + 1..)
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
        assert_eq!(
            addresses(&["Bob <bob@x.org>, Jane <jane@x.org>"]),
            PersonError::NotAnAddress(1)
        );
        assert_eq!(ids(&["u"; 101]), PersonError::TooMany(101));
        assert!(!addresses(&["jane.doe"]).to_string().contains("jane"));
    }

    #[test]
    fn a_text_of_several_addresses_is_told_from_one_with_signs_in_its_name() {
        for (text, expected) in [
            ("Bob <bob@x.org>, Jane <jane@x.org>", true),
            ("Bob <bob@x.org> Jane <jane@x.org>", true),
            ("<bob@x.org>;<jane@x.org>", true),
            ("Bob <bob@x.org>, jane@x.org", true),
            ("bob@x.org, jane@x.org", true),
            ("Bob \"the <bob@x.org>, Jane <jane@x.org>", true),
            ("jane@x.org", false),
            ("jane@x.org <jane@x.org>", false),
            ("Doe, Jane <jane@x.org>", false),
            (r#""bob@x.org, <ann@x.org>" <jane@x.org>"#, false),
            (r#""a \", <b@x.org>" <jane@x.org>"#, false),
            (r#""odd@local"@x.org"#, false),
            ("Sales <x> <jane@x.org>", false),
            ("jane@x.org,", false),
            ("", false),
        ] {
            assert_eq!(names_several(text), expected, "{text}");
        }
    }

    #[test]
    fn debug_text_has_no_name() {
        let person = Person::new(&["jane@example.com"], &["id-1"]).unwrap();

        assert_eq!(
            format!("{person:?}"),
            "Person { addresses: 1, ids: 1, is_deep: false }"
        );
    }

    #[test]
    fn mentions_of_an_id_that_is_in_texts_by_chance_cannot_be_erased() {
        let deep = |id: &str| Person::new(&["jane@example.com"], &[id]).unwrap().deep();

        assert_eq!(deep("10042").unwrap_err(), PersonError::ShortId);
        assert!(deep("100042").unwrap().erases_mentions());
    }
}
