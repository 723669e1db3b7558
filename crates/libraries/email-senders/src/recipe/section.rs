//! Reads the members of a recipe. Each error names the member and says what is expected.

use serde_json::{Map, Value};

use super::pointer::Pointer;

/// What is wrong with a recipe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{member} {expected}")]
pub struct RecipeError {
    member: String,
    expected: String,
}

impl RecipeError {
    pub(super) fn of(member: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            member: member.into(),
            expected: expected.into(),
        }
    }
}

/// An object of a recipe, and its path.
#[derive(Debug)]
pub(super) struct Section<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

impl<'a> Section<'a> {
    pub(super) fn root(recipe: &'a Value) -> Result<Self, RecipeError> {
        let members = recipe.as_object();
        Ok(Self {
            path: String::new(),
            members: members.ok_or_else(|| RecipeError::of("the recipe", "must be an object"))?,
        })
    }

    /// The path of a member, such as `proof.hash`.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    pub(super) fn error(&self, name: &str, expected: impl Into<String>) -> RecipeError {
        RecipeError::of(self.path_of(name), expected)
    }

    /// Refuses members of other names: a misspelt one would be without effect.
    pub(super) fn allow(&self, names: &[&str]) -> Result<(), RecipeError> {
        let other = self
            .members
            .keys()
            .find(|name| !names.contains(&name.as_str()));
        match other {
            Some(other) => Err(self.error(
                other,
                format!(
                    "is no member of a recipe here: use one of {}",
                    names.join(", ")
                ),
            )),
            None => Ok(()),
        }
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn members(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.members
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// A text of 1 to `max` bytes.
    pub(super) fn text(&self, name: &str, max: usize) -> Result<Option<&'a str>, RecipeError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let text = value
            .as_str()
            .filter(|text| (1..=max).contains(&text.len()));
        let text = text.filter(|text| !text.contains(char::is_control));
        text.map(Some).ok_or_else(|| {
            self.error(
                name,
                format!("must be a text of 1 to {max} bytes in one line"),
            )
        })
    }

    pub(super) fn required(
        &self,
        name: &str,
        max: usize,
        expected: &str,
    ) -> Result<&'a str, RecipeError> {
        self.text(name, max)?
            .ok_or_else(|| self.error(name, format!("is missing: give {expected}")))
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, RecipeError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let chosen = choices.iter().find(|(word, _)| value == word);
        chosen.map(|(_, choice)| Some(*choice)).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.error(name, format!("must be one of {}", words.join(", ")))
        })
    }

    /// A member that is an object.
    pub(super) fn section(&self, name: &str) -> Result<Section<'a>, RecipeError> {
        let members = self.value(name).and_then(Value::as_object);
        let members = members.ok_or_else(|| self.error(name, "must be an object"))?;
        Ok(Section {
            path: self.path_of(name),
            members,
        })
    }

    /// The name of a header, in lower case.
    pub(super) fn header(&self, name: &str) -> Result<Option<String>, RecipeError> {
        let Some(header) = self.text(name, 64)? else {
            return Ok(None);
        };
        let is_name = header
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_name {
            return Err(self.error(name, "must be the name of a header, such as X-Signature"));
        }
        let header = header.to_ascii_lowercase();
        // They are kept with a body.
        if ["authorization", "proxy-authorization", "cookie"].contains(&header.as_str()) {
            return Err(self.error(
                name,
                format!("must not be {header}, which is a secret itself"),
            ));
        }
        Ok(Some(header))
    }

    /// One pointer or a list of them, of which the first that finds a usable value counts.
    pub(super) fn pointers(&self, name: &str) -> Result<Vec<Pointer>, RecipeError> {
        const MAX: usize = 16;
        let texts: Vec<&Value> = match self.value(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) if (1..=MAX).contains(&items.len()) => items.iter().collect(),
            Some(Value::Array(_)) => {
                return Err(self.error(name, format!("must have 1 to {MAX} pointers")));
            }
            Some(text) => vec![text],
        };
        let pointers = texts.into_iter().map(|text| {
            let pointer = text.as_str().and_then(Pointer::parse);
            pointer.ok_or_else(|| self.error(name, Pointer::EXPECTED))
        });
        pointers.collect()
    }
}
