//! All senders of a stack: the providers that this crate knows, and the recipes of the stack's document.

use std::{collections::BTreeMap, sync::Arc};

use event_model::{BatchKey, Pipeline};
use serde_json::{Value, json};

use crate::{
    Delivery, Recipe, RecipeError, Sender,
    recipe::{MAX_DOCUMENT_BYTES, MAX_RECIPES},
    senders,
};

/// The senders that a stack knows. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Senders {
    recipes: BTreeMap<String, Arc<Recipe>>,
}

/// The document of recipes cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is not JSON of the expected form.
    #[error("the document of recipes is not an object with the list `recipes`")]
    Form,
    /// One of its recipes is damaged.
    #[error("the document of recipes has a recipe that cannot be used")]
    Recipe(#[from] RecipeError),
    /// There is another recipe of the name.
    #[error("there is another recipe of this name")]
    Another,
    /// It would be larger than every function reads.
    #[error(
        "there can be {MAX_RECIPES} recipes in {MAX_DOCUMENT_BYTES} bytes: remove what a recipe does not need"
    )]
    TooLarge,
}

/// No sender has this name: neither a provider nor a recipe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no sender is named {name}: `cistern senders add {name} --recipe FILE` stores its recipe, then its objects can be processed again"
)]
pub struct UnknownSender {
    /// The name in the object's key.
    pub name: String,
}

impl Senders {
    /// The senders of a stack with this document.
    ///
    /// # Errors
    /// When it is not what [`to_document`](Self::to_document) writes, or a recipe in it is damaged.
    pub fn parse(document: &[u8]) -> Result<Self, DocumentError> {
        let document: Value = serde_json::from_slice(document).map_err(|_| DocumentError::Form)?;
        let recipes = document["recipes"].as_array().ok_or(DocumentError::Form)?;
        let mut senders = Self::default();
        for recipe in recipes {
            senders = senders.with(Recipe::of(recipe.clone())?, false)?;
        }
        Ok(senders)
    }

    /// The document with the recipes.
    ///
    /// # Errors
    /// When there are too many.
    pub fn to_document(&self) -> Result<Vec<u8>, DocumentError> {
        let recipes: Vec<&Value> = self.recipes.values().map(|recipe| recipe.json()).collect();
        let document = format!("{:#}\n", json!({ "recipes": recipes })).into_bytes();
        if recipes.len() > MAX_RECIPES || document.len() > MAX_DOCUMENT_BYTES {
            return Err(DocumentError::TooLarge);
        }
        Ok(document)
    }

    /// The same senders with a recipe.
    ///
    /// # Errors
    /// When there is another recipe of its name, unless it is to be replaced.
    pub fn with(mut self, recipe: Recipe, replaces: bool) -> Result<Self, DocumentError> {
        let stored = self.recipes.get(recipe.name());
        if !replaces && stored.is_some_and(|stored| **stored != recipe) {
            return Err(DocumentError::Another);
        }
        self.recipes
            .insert(recipe.name().to_owned(), Arc::new(recipe));
        Ok(self)
    }

    /// The sender of this name.
    pub fn named(&self, name: &str) -> Option<Sender> {
        let provider = senders::ALL
            .into_iter()
            .find(|provider| provider.name == name);
        let recipe = || self.recipes.get(name).cloned().map(Sender::of_recipe);
        provider.map(Sender::of_provider).or_else(recipe)
    }

    /// Every sender: the providers, then the recipes, by name.
    pub fn all(&self) -> impl Iterator<Item = Sender> {
        let providers = senders::ALL.into_iter().map(Sender::of_provider);
        let recipes = self.recipes.values().cloned().map(Sender::of_recipe);
        providers.chain(recipes)
    }

    /// The delivery that an object has; none if the object is not a sender's. Its key may have a bucket before it.
    ///
    /// # Errors
    /// When its sender is not known. Read the document again then: the sender may have been added a moment ago.
    pub fn delivery(&self, object_key: &str) -> Result<Option<Delivery>, UnknownSender> {
        let Some(own_key) = own_key(object_key) else {
            return Ok(None);
        };
        let Ok(key) = BatchKey::from_object_key(own_key) else {
            return Ok(None);
        };
        let Some(name) = key.sender() else {
            return Ok(None);
        };
        let sender = self.named(name).ok_or_else(|| UnknownSender {
            name: name.to_owned(),
        })?;
        let day = own_key
            .strip_prefix(Pipeline::SENDERS_PREFIX)
            .and_then(|rest| rest.strip_prefix("dt=")?.split_once('/'))
            .map_or_else(String::new, |(day, _)| day.to_owned());
        Ok(Some(Delivery::new(sender, key, day)))
    }
}

/// The key without a bucket before it, if it is that of a sender's object.
fn own_key(object_key: &str) -> Option<&str> {
    let (before, _) = object_key.split_once(Pipeline::SENDERS_PREFIX)?;
    let is_whole = before.is_empty() || before.ends_with('/');
    object_key.get(before.len()..).filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_no_sender_are_none_and_of_an_unknown_one_an_error() {
        let senders = Senders::default();
        let of = |key: &str| senders.delivery(key).map(|delivery| delivery.is_some());
        let key = |name: &str| format!("raw/email/dt=2026-11-30/{name}=a-0123456789abcdef.json.gz");

        assert_eq!(
            of("raw/sparkpost/dt=2026-11-30/a-0123456789abcdef.json.gz"),
            Ok(false)
        );
        assert_eq!(of("raw/track/x"), Ok(false));
        assert_eq!(of(&key("bird")), Ok(true));
        assert_eq!(of(&format!("s3://bucket/{}", key("bird"))), Ok(true));
        let name = "nobody".to_owned();
        assert_eq!(of(&key("nobody")), Err(UnknownSender { name }));
    }
}
