//! The keys of a deployed stack, in Secrets Manager.

use std::time::Duration;

use access_keys::{Scope, read_keys};
use aws_io::SecretsClient;
use function_kit::BoxError;
use futures::future::BoxFuture;

use crate::keys::{KeySource, QueryKeys};

/// For reading both versions.
const READ_LIMIT: Duration = Duration::from_secs(5);

/// Reads the stack's secret and makes the `query` key of it.
#[derive(Debug)]
pub struct StackKeys {
    client: SecretsClient,
    secret_id: String,
}

impl StackKeys {
    /// Of this secret.
    pub fn new(client: SecretsClient, secret_id: String) -> Self {
        Self { client, secret_id }
    }

    async fn read(&self) -> Result<QueryKeys, BoxError> {
        let (current, previous) = read_keys(&self.client, &self.secret_id, READ_LIMIT).await?;
        Ok(QueryKeys {
            current: current.key(Scope::Query),
            previous: previous.map(|document| document.key(Scope::Query)),
        })
    }
}

impl KeySource for StackKeys {
    fn read(&self) -> BoxFuture<'_, Result<QueryKeys, BoxError>> {
        Box::pin(self.read())
    }
}
