//! Configuration from the environment, or from a map in tests, so that no test touches the process environment.

mod required;

use std::{collections::BTreeMap, env::VarError, str::FromStr};

use secrecy::SecretString;

pub use self::required::check_required;
use crate::BoxError;

/// The source of variables. An empty variable counts as not set, since `CloudFormation` cannot omit a variable by condition.
#[derive(Debug)]
pub struct Env(Lookup);

#[derive(Debug)]
enum Lookup {
    Process,
    Map(BTreeMap<String, String>),
}

/// A variable is missing or invalid. The error text never contains the value, which may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// The variable is required and not set.
    #[error("{name} is not set: expected {expected}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// The expected value.
        expected: &'static str,
    },
    /// The variable has another value than expected.
    #[error("{name} is not valid: expected {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// The expected value.
        expected: &'static str,
        /// The cause.
        source: BoxError,
    },
}

impl Env {
    /// The environment of this process.
    pub fn process() -> Self {
        Self(Lookup::Process)
    }

    /// A fixed set of variables.
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<String>,
        V: Into<String>,
    {
        Self(Lookup::Map(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        ))
    }

    /// The variable, or `None` when it is not set or empty.
    ///
    /// # Errors
    /// It is set but is not UTF-8.
    pub fn optional(&self, name: &'static str) -> Result<Option<String>, EnvError> {
        let value = match &self.0 {
            Lookup::Map(map) => map.get(name).cloned(),
            Lookup::Process => match std::env::var(name) {
                Ok(value) => Some(value),
                Err(VarError::NotPresent) => None,
                // The text of VarError quotes the value.
                Err(VarError::NotUnicode(_)) => {
                    return Err(EnvError::Invalid {
                        name,
                        expected: "text",
                        source: "not UTF-8".into(),
                    });
                }
            },
        };
        Ok(value.filter(|value| !value.trim().is_empty()))
    }

    /// The variable as text. `expected` describes it in an error: `the name of the events bucket`.
    pub fn required(&self, name: &'static str, expected: &'static str) -> Result<String, EnvError> {
        self.optional(name)?
            .ok_or(EnvError::Missing { name, expected })
    }

    /// The variable as text that is never printed.
    pub fn secret(
        &self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<SecretString, EnvError> {
        self.required(name, expected).map(SecretString::from)
    }

    /// The variable as a `T`, or `default` when it is not set. Text that does not parse is an error, never the default.
    pub fn parsed<T>(
        &self,
        name: &'static str,
        expected: &'static str,
        default: T,
    ) -> Result<T, EnvError>
    where
        T: FromStr<Err: Into<BoxError>>,
    {
        Ok(self.parsed_if_set(name, expected)?.unwrap_or(default))
    }

    /// The variable as a `T`, or `None` when it is not set.
    pub fn parsed_if_set<T>(
        &self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, EnvError>
    where
        T: FromStr<Err: Into<BoxError>>,
    {
        let value = self.optional(name)?;
        let parsed = value.map(|value| value.trim().parse()).transpose();
        parsed.map_err(|error: T::Err| EnvError::Invalid {
            name,
            expected,
            source: error.into(),
        })
    }

    /// The variable as a list split at commas, trimmed, without empty entries; empty when it is not set.
    pub fn list(&self, name: &'static str) -> Result<Vec<String>, EnvError> {
        let value = self.optional(name)?.unwrap_or_default();
        Ok(value
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(str::to_owned)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::chain;

    fn env() -> Env {
        Env::from_pairs([
            ("DAYS", " 30 "),
            ("EMPTY", ""),
            ("ZERO", "0"),
            ("KEYS", "user_id, ,order_id,"),
        ])
    }

    #[test]
    fn missing_variable_is_named_with_what_it_should_hold() {
        let error = env()
            .required("EVENTS_BUCKET", "the name of the events bucket")
            .unwrap_err();

        assert_eq!(
            error.to_string(),
            "EVENTS_BUCKET is not set: expected the name of the events bucket"
        );
    }

    #[test]
    fn empty_variable_counts_as_not_set() {
        assert!(env().required("EMPTY", "anything").is_err());
        assert_eq!(env().parsed("EMPTY", "a number", 7).unwrap(), 7);
    }

    #[test]
    fn value_is_parsed_and_default_is_only_for_absence() {
        let absent = NonZeroU32::MIN;

        assert_eq!(env().parsed("DAYS", "days", absent).unwrap().get(), 30);
        assert_eq!(env().parsed("OTHER", "days", absent).unwrap(), absent);
        assert_eq!(env().parsed_if_set("OTHER", "days").unwrap(), None::<u32>);
        assert_eq!(env().parsed_if_set("DAYS", "days").unwrap(), Some(30));
        let error = env()
            .parsed("ZERO", "a number of days above 0", absent)
            .unwrap_err();
        assert!(
            chain(&error)
                .to_string()
                .starts_with("ZERO is not valid: expected a number of days above 0: ")
        );
    }

    #[test]
    fn list_is_trimmed() {
        assert_eq!(env().list("KEYS").unwrap(), ["user_id", "order_id"]);
        assert!(env().list("OTHER").unwrap().is_empty());
    }

    #[test]
    fn secret_has_no_debug_text() {
        let env = Env::from_pairs([("URL", "postgres://user:hunter2@host/db")]);

        let secret = env.secret("URL", "a Postgres URL").unwrap();

        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
