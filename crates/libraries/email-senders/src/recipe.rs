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

use event_model::{BatchKey, is_sender_name};
use serde_json::Value;
use sha2::{Digest, Sha256};

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
    /// body stands for an id that is missing.
    pub(crate) fn batch_key(&self, received: &Received<'_>) -> BatchKey {
        let header = |name: Option<&str>| (received.header)(name?);
        let id = header(self.signature.id_header());
        let word = header(self.mapping.word_header());
        let Some(word) = word else {
            return BatchKey::of_sender(&self.name, id, received.body);
        };
        let hash = || hex::encode(&Sha256::digest(received.body)[..16]);
        let id = id.map_or_else(hash, str::to_owned);
        BatchKey::of_sender(&self.name, Some(&format!("{word}={id}")), received.body)
    }

    pub(crate) fn events_in<'a>(&self, object: &'a str) -> Option<Vec<&'a str>> {
        self.mapping.events_in(object)
    }

    pub(crate) fn translate(&self, element: &Element<'_>, rows: &mut Rows<'_>) {
        let has_id = self.signature.id_header().is_some();
        self.mapping.translate(&self.name, has_id, element, rows);
    }

    pub(crate) fn test_delivery(&self, trial: &Trial<'_>) -> TestDelivery {
        trial::delivery(&self.signature, &self.mapping, trial)
    }
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
