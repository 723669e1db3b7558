//! The names of erased people, as keyed hashes: what arrives of them later is recognised, and the list tells nobody who they are.

use std::{collections::HashSet, fmt};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use time::{OffsetDateTime, serde::rfc3339};

use crate::{
    Names, Person,
    person::{names_several, normalize},
};

/// The length of the key of the hashes, in bytes.
const KEY_BYTES: usize = 32;

/// The list as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TombstonesDocument {
    /// The erased people, in the order in which they were added.
    pub people: Vec<ErasedPerson>,
}

/// One erased person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedPerson {
    /// The erasure that added the person.
    pub erasure: String,
    /// When.
    #[serde(with = "rfc3339")]
    pub added_at: OffsetDateTime,
    /// HMAC-SHA256 of each address and id, in hexadecimal.
    pub names: Vec<String>,
}

/// The key or the list is not what the eraser writes. Nothing may be processed without them, because that would bring people back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TombstonesError {
    /// The key is not 64 hexadecimal digits.
    #[error("the key of the list of erased people is not {} hexadecimal digits", 2 * KEY_BYTES)]
    Key,
    /// A hash is not 64 hexadecimal digits.
    #[error("the list of erased people has a name that is not a hash")]
    Name,
}

/// The erased people, ready to compare names with.
#[derive(Clone, Default)]
pub struct Tombstones {
    /// The state of HMAC after the key; none while nobody is erased.
    mac: Option<Hmac<Sha256>>,
    names: HashSet<[u8; 32]>,
}

impl Tombstones {
    /// The people of a list.
    ///
    /// # Errors
    /// When the key or a hash is damaged.
    pub fn new(key: &str, list: &TombstonesDocument) -> Result<Self, TombstonesError> {
        let mac = mac_of(key)?;
        let names = list.people.iter().flat_map(|person| &person.names);
        let names = names.map(|name| {
            let mut hash = [0; 32];
            hex::decode_to_slice(name, &mut hash).map_err(|_| TombstonesError::Name)?;
            Ok(hash)
        });
        Ok(Self {
            mac: Some(mac),
            names: names.collect::<Result<_, _>>()?,
        })
    }

    /// Whether nobody is erased, so that nothing has to be compared.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The hashes of a person's names, in hexadecimal and in order.
    ///
    /// # Errors
    /// When the key is damaged.
    pub fn hashes(key: &str, person: &Person) -> Result<Vec<String>, TombstonesError> {
        let mac = mac_of(key)?;
        let addresses = person.addresses().map(|name| hash(&mac, ADDRESS, name));
        let ids = person.ids().map(|name| hash(&mac, ID, name));
        let mut hashes: Vec<String> = addresses.chain(ids).map(hex::encode).collect();
        hashes.sort_unstable();
        Ok(hashes)
    }

    /// A signature of a text under the key, in hexadecimal.
    ///
    /// # Errors
    /// When the key is damaged.
    pub fn sign(key: &str, text: &str) -> Result<String, TombstonesError> {
        Ok(hex::encode(hash(&mac_of(key)?, RECEIPT, text)))
    }

    fn has(&self, kind: u8, name: &str) -> bool {
        let Some(mac) = self.mac.as_ref().filter(|_| !self.names.is_empty()) else {
            return false;
        };
        self.names.contains(&hash(mac, kind, name))
    }
}

impl Names for Tombstones {
    fn has_address(&self, text: &str) -> bool {
        text.contains('@') && self.has(ADDRESS, &normalize(text)) && !names_several(text)
    }

    fn has_name(&self, text: &str) -> bool {
        self.has(ID, text.trim()) || self.has_address(text)
    }
}

impl fmt::Debug for Tombstones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tombstones")
            .field("names", &self.names.len())
            .finish_non_exhaustive()
    }
}

/// What is hashed: an address and an id with the same text differ, and neither is a signature.
const ADDRESS: u8 = b'a';
const ID: u8 = b'i';
const RECEIPT: u8 = b'r';

fn mac_of(key: &str) -> Result<Hmac<Sha256>, TombstonesError> {
    let mut bytes = [0; KEY_BYTES];
    hex::decode_to_slice(key.trim(), &mut bytes).map_err(|_| TombstonesError::Key)?;
    Hmac::new_from_slice(&bytes).map_err(|_| TombstonesError::Key)
}

fn hash(mac: &Hmac<Sha256>, kind: u8, text: &str) -> [u8; 32] {
    let mut mac = mac.clone();
    mac.update(&[kind]);
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn list(key: &str, people: &[Person]) -> TombstonesDocument {
        let erased = |person: &Person| ErasedPerson {
            erasure: "e".to_owned(),
            added_at: datetime!(2026-11-30 12:00 UTC),
            names: Tombstones::hashes(key, person).unwrap(),
        };
        TombstonesDocument {
            people: people.iter().map(erased).collect(),
        }
    }

    #[test]
    fn names_are_recognised_in_every_form_and_are_not_in_the_list() {
        let key = "0f".repeat(32);
        let jane = Person::new(&["Jane <jane@x.org>"], &["u-1001"]).unwrap();
        let list = list(&key, &[jane]);
        let tombstones = Tombstones::new(&key, &list).unwrap();

        for text in ["JANE@x.org", "J. Doe <jane@X.ORG>", " u-1001 "] {
            assert!(tombstones.has_name(text), "{text}");
        }
        for text in ["bob@x.org", "u-100", "U-1001", "", "jane"] {
            assert!(!tombstones.has_name(text), "{text}");
        }
        let stored = serde_json::to_string(&list).unwrap();
        assert!(!stored.contains("jane") && !stored.contains("1001"));
        let other = Tombstones::new(&"0e".repeat(32), &list).unwrap();
        assert!(!other.has_address("jane@x.org"));
    }

    #[test]
    fn nobody_is_erased_without_a_list_and_a_damaged_one_is_an_error() {
        assert!(Tombstones::default().is_empty());
        assert!(!Tombstones::default().has_name("jane@x.org"));
        let key = "0f".repeat(32);
        let mut damaged = list(&key, &[Person::new(&["a@b.c"], &[""; 0]).unwrap()]);
        damaged.people[0].names[0].pop();

        let error = Tombstones::new(&key, &damaged).unwrap_err();
        assert_eq!(error, TombstonesError::Name);
        assert!(Tombstones::new("short", &damaged).is_err());
    }
}
