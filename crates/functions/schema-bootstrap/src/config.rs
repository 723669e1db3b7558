//! Settings and clients.

use aws_io::{Aws, LambdaClient, SecretsClient};
use custom_resource::Responder;
use function_kit::{BoxError, Env, EnvError};

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name or ARN of the secret with the master login.
    pub secret_id: String,
    /// Name of the migrator function.
    pub migrator: String,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting is missing.
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

/// Dependencies of every invocation.
#[derive(Clone, Debug)]
pub struct Deps {
    pub(crate) config: Config,
    pub(crate) secrets: SecretsClient,
    pub(crate) lambda: LambdaClient,
    /// For requests to which the migrator does not respond.
    pub(crate) responder: Responder,
}

/// The id of the resource, the same as the migrator's.
const RESOURCE_ID: &str = "cistern-database-schema";

impl Deps {
    /// Creates the clients. Sends no request.
    ///
    /// # Errors
    /// The HTTP client cannot be created.
    pub async fn connect(config: Config) -> Result<Self, BoxError> {
        Self::with(config, &Aws::from_env().await)
    }

    /// As [`Deps::connect`], with the AWS configuration of `aws`.
    ///
    /// # Errors
    /// The HTTP client cannot be created.
    pub fn with(config: Config, aws: &Aws) -> Result<Self, BoxError> {
        Ok(Self {
            config,
            secrets: aws.secrets(),
            lambda: aws.lambda(),
            responder: Responder::new(RESOURCE_ID)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use function_kit::env::check_required;

    use super::*;

    #[test]
    fn settings_that_are_missing_are_named() {
        let names = ["MASTER_SECRET_ARN", "MIGRATOR_FUNCTION"];

        let checked = check_required(&names, include_str!("../README.md"), Config::from_env);
        assert_eq!(checked, Ok(()));
    }
}
