//! What the function is told, and what it works with.

use aws_io::{Aws, LambdaClient, SecretsClient};
use custom_resource::Answers;
use function_kit::{BoxError, Env, EnvError};

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name or ARN of the secret with the master login.
    pub secret_id: String,
    /// The migrator.
    pub migrator: String,
}

impl Config {
    /// Reads the settings.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            secret_id: env.required(
                "MASTER_SECRET_ARN",
                "the ARN of the secret with the database's master login",
            )?,
            migrator: env.required("MIGRATOR_FUNCTION", "the migrator's name")?,
        })
    }
}

/// What every invocation needs.
#[derive(Clone, Debug)]
pub struct Deps {
    pub(crate) config: Config,
    pub(crate) secrets: SecretsClient,
    pub(crate) functions: LambdaClient,
    /// For requests that the migrator does not come to answer.
    pub(crate) answers: Answers,
}

/// The id of the resource, as the migrator gives it.
const RESOURCE_ID: &str = "cistern-database-schema";

impl Deps {
    /// Makes the clients. Reaches nothing yet.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub async fn connect(config: Config) -> Result<Self, BoxError> {
        Self::with(config, &Aws::from_env().await)
    }

    /// The same, where `aws` says.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub fn with(config: Config, aws: &Aws) -> Result<Self, BoxError> {
        Ok(Self {
            config,
            secrets: aws.secrets(),
            functions: aws.functions(),
            answers: Answers::new(RESOURCE_ID)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_are_missing_are_named() {
        let names = ["MASTER_SECRET_ARN", "MIGRATOR_FUNCTION"];

        for missing in names {
            let others = names
                .into_iter()
                .filter(|name| *name != missing)
                .map(|name| (name, "x"));
            let error = Config::from_env(&Env::from_pairs(others)).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("{missing} is not set"))
            );
            assert!(include_str!("../README.md").contains(&format!("| `{missing}` |")));
        }
    }
}
