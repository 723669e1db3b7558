//! What the function is told, and what it works with.

use aws_io::{Aws, LambdaClient, SecretsClient};
use boot::{Env, EnvError};

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
}

impl Deps {
    /// Makes the clients. Reaches nothing yet.
    pub async fn connect(config: Config) -> Self {
        Self::with(config, &Aws::from_env().await)
    }

    /// The same, where `aws` says.
    pub fn with(config: Config, aws: &Aws) -> Self {
        Self {
            config,
            secrets: aws.secrets(),
            functions: aws.functions(),
        }
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
