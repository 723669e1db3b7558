//! A sender by configuration: how its requests prove themselves, and where its events have what a search needs.

mod encoding;
mod form;
mod mapping;
mod pointer;
mod section;
mod signature;
mod signed;
mod translation;
mod trial;

use std::borrow::Cow;

use event_model::{BatchKey, is_sender_name};
use serde_json::Value;

use self::{mapping::Mapping, section::Section, signature::Signature};
use crate::{
    proof::{Received, Refused},
    provider::Element,
    rows::Rows,
    senders,
    setup::{SecretOrigin, Setup, TestDelivery, Trial},
};

pub use self::section::RecipeError;

/// The largest document of recipes, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 64 << 10;
/// The most recipes of a stack.
pub(crate) const MAX_RECIPES: usize = 32;
const MAX_NAME: usize = 31;
const MAX_LABEL: usize = 64;
/// The longest word, in bytes, so that a key has room for it in hexadecimal digits.
const MAX_WORD: usize = 48;
/// Before the hexadecimal digits of a word.
const HEX: &str = "hex.";

/// How the webhook of any sender is set up.
pub(crate) const SETUP: Setup = Setup {
    origin: SecretOrigin::Provider,
    steps: &[
        "create a webhook with the URL {address}, which posts JSON",
        "the secret with which it signs is {secret}",
    ],
    repeats_for_hours: None,
};

/// The description of a sender. docs/senders.md has its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    name: String,
    label: String,
    signature: Signature,
    mapping: Mapping,
    json: Value,
}

impl Recipe {
    /// Reads a recipe from its JSON text.
    ///
    /// # Errors
    /// What is wrong with which member, and what is expected.
    pub fn parse(json: &[u8]) -> Result<Self, RecipeError> {
        let json = serde_json::from_slice(json).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            RecipeError::of("the recipe", format!("must be JSON, and is not in {place}"))
        })?;
        Self::of(json)
    }

    pub(crate) fn of(json: Value) -> Result<Self, RecipeError> {
        let recipe = Section::root(&json)?;
        recipe.allow(&["name", "label", "proof", "mapping"])?;
        let name = recipe.required("name", MAX_NAME, "a name such as own-service")?;
        check_name(name)?;
        let label = recipe.text("label", MAX_LABEL)?.unwrap_or(name);
        let mapping = Mapping::of(&recipe.section("mapping")?)?;
        Ok(Self {
            name: name.to_owned(),
            label: label.to_owned(),
            signature: Signature::of(&recipe.section("proof")?)?,
            mapping,
            json,
        })
    }

    /// The sender's name in the route, in object keys and in events.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The sender's name for people.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The recipe as it was given.
    pub(crate) fn json(&self) -> &Value {
        &self.json
    }

    /// What the secret is, for a person.
    pub(crate) fn secret(&self) -> &'static str {
        self.signature.secret()
    }

    pub(crate) fn check_secret(&self, secret: &str) -> Result<(), &'static str> {
        self.signature.check_secret(secret)
    }

    pub(crate) fn verify(&self, received: &Received<'_>, secret: &str) -> Result<(), Refused> {
        self.signature.verify(received, secret)
    }

    /// The headers that are kept with a body, each after the name under which it is.
    pub(crate) fn headers(&self) -> Vec<(&'static str, &str)> {
        let word = self.mapping.word_header();
        let word = word.map(|header| ("event-type", header));
        self.signature.headers().chain(word).collect()
    }

    /// The key of a delivery: `<name>=<id>-<hash>`, or `<name>=<word>=<id>-<hash>` if the type of an event is in a header. The hash of the
    /// body stands for an id that is missing or cannot be in a key.
    pub(crate) fn batch_key(&self, received: &Received<'_>) -> BatchKey {
        let header = |name: Option<&str>| (received.header)(name?);
        let key = BatchKey::of_sender(
            &self.name,
            header(self.signature.id_header()),
            received.body,
        );
        match self.mapping.word_header() {
            Some(name) => key.with_word(&word_in_key(header(Some(name)).unwrap_or_default())),
            None => key,
        }
    }

    /// The list of the events inside an object of a body; none if the object is the event.
    pub(crate) fn list_in<'a>(&self, object: &'a str) -> Option<&'a str> {
        self.mapping.list_in(object)
    }

    pub(crate) fn translate(&self, element: &Element<'_>, rows: &mut Rows<'_>) {
        let has_id = self.signature.id_header().is_some();
        self.mapping.translate(&self.name, has_id, element, rows);
    }

    pub(crate) fn test_delivery(&self, trial: &Trial<'_>) -> TestDelivery {
        trial::delivery(&self.signature, &self.mapping, trial)
    }
}

/// A word as it is in a key, which has letters, digits, `_`, `.` and `-`: any other word is written in hexadecimal digits after `hex.`, and
/// one that is missing or longer than any sender's as `unknown`.
fn word_in_key(word: &str) -> Cow<'_, str> {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let is_kept = word.bytes().all(is_safe) && !word.starts_with(HEX) && !word.starts_with('-');
    match word.len() {
        1..=MAX_WORD if is_kept => Cow::Borrowed(word),
        1..=MAX_WORD => Cow::Owned(format!("{HEX}{}", hex::encode(word))),
        _ => Cow::Borrowed("unknown"),
    }
}

/// The word that is so written; none of what nobody has written.
fn word_of_key(text: &str) -> Option<Cow<'_, str>> {
    let Some(digits) = text.strip_prefix(HEX) else {
        return (!text.is_empty()).then_some(Cow::Borrowed(text));
    };
    let word = String::from_utf8(hex::decode(digits).ok()?).ok()?;
    Some(Cow::Owned(word))
}

/// A name is part of addresses, keys and types.
fn check_name(name: &str) -> Result<(), RecipeError> {
    if !is_sender_name(name) {
        let expected = "must be lower-case letters, digits and hyphens, a letter first";
        return Err(RecipeError::of("name", expected));
    }
    let is_taken = name == "sparkpost" || senders::ALL.into_iter().any(|known| known.name == name);
    if is_taken {
        let expected = format!("must be another name: {name} is a sender that needs no recipe");
        return Err(RecipeError::of("name", expected));
    }
    Ok(())
}
