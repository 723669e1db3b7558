//! The key of each scope, derived from the stack's secret as the authorizer derives it.

use std::{collections::BTreeMap, time::Duration};

use access_keys::{Scope, keys::KeyDocument};
use anyhow::{Context as _, Result};
use aws_io::{
    Aws, SecretsClient,
    secrets::{self, VersionStage},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::Secret;

/// For one call to Secrets Manager.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// The keys of a version, by scope.
pub(crate) type Keys = BTreeMap<String, Secret>;

/// The keys in use in the emulator at `endpoint_url`.
///
/// # Errors
///
/// The secret cannot be read, is empty or is malformed.
pub(crate) async fn read(endpoint_url: &str, secret_arn: &str) -> Result<Keys> {
    let client = Aws::local(endpoint_url).await.secrets();
    of_version(&client, secret_arn, VersionStage::Current)
        .await?
        .context("the stack's secret is empty")
}

/// The keys of one version of the secret; `None` if there is no such version.
///
/// # Errors
///
/// The secret cannot be read or is malformed.
pub(crate) async fn of_version(
    client: &SecretsClient,
    secret_arn: &str,
    stage: VersionStage,
) -> Result<Option<Keys>> {
    let secret = secrets::read(client, secret_arn, stage, LIMIT)
        .await
        .context("reading the stack's keys")?;
    secret.as_ref().map(derive).transpose()
}

/// The keys derived from a secret.
///
/// # Errors
///
/// The secret is not a key document.
pub(crate) fn derive(secret: &SecretString) -> Result<Keys> {
    let document = KeyDocument::parse(secret).context("reading the stack's keys")?;
    Ok(Scope::ALL
        .into_iter()
        .map(|scope| {
            let key = Secret::new(document.key(scope).expose_secret());
            (scope.as_str().to_owned(), key)
        })
        .collect())
}
