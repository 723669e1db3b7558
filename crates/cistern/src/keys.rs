//! The key of each scope, made from the stack's secret as the authorizer makes it.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use authorizer::{Scope, keys::KeyDocument};
use aws_io::{Aws, secrets};
use secrecy::ExposeSecret as _;

use crate::stack::Secret;

const LIMIT: Duration = Duration::from_secs(10);

/// The keys in use in the emulator at `endpoint_url`.
pub(crate) async fn read(endpoint_url: &str, secret_arn: &str) -> Result<BTreeMap<String, Secret>> {
    let client = Aws::local(endpoint_url).await.secrets();
    let secret = secrets::read(&client, secret_arn, secrets::VersionStage::Current, LIMIT)
        .await
        .context("reading the stack's keys")?
        .context("the stack's secret is empty")?;
    let document = KeyDocument::parse(&secret).context("reading the stack's keys")?;
    Ok(Scope::ALL
        .into_iter()
        .map(|scope| {
            let key = Secret::new(document.key(scope).expose_secret());
            (scope.as_str().to_owned(), key)
        })
        .collect())
}
