//! The cached keys, and when they are read again.

use std::time::{Duration, SystemTime};

use aws_io::{
    SecretsClient,
    secrets::{self, SecretError, VersionStage},
};
use secrecy::SecretString;
use tracing::warn;

use crate::{
    LastRead, Scope,
    keys::{AcceptedKeys, Admission, KeyDocument, KeyDocumentError},
};

/// The time limit for reading both versions. The gateways wait 10 s in all.
const READ_LIMIT: Duration = Duration::from_secs(2);
/// Wrong keys cannot make a function read the secret more often. So a new key may be refused until the cached keys have
/// this age.
pub const MIN_AGE: Duration = Duration::from_secs(5);

/// The keys cannot be read now. Nobody is allowed, and the response asks the caller to retry.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The current version is not a document of keys.
    #[error("understanding the keys")]
    Document(#[from] KeyDocumentError),
    /// The secret has no current version.
    #[error("the secret has no current version")]
    Empty,
}

/// The keys, read again when they are too old or do not contain a presented key.
#[derive(Debug)]
pub struct KeyCache {
    client: SecretsClient,
    secret_id: String,
    max_age: Duration,
    keys: LastRead<AcceptedKeys>,
}

impl KeyCache {
    /// A cache that has read nothing yet.
    pub fn new(client: SecretsClient, secret_id: String, max_age: Duration) -> Self {
        Self {
            client,
            secret_id,
            max_age,
            keys: LastRead::default(),
        }
    }

    /// Whether `credential` authorizes `scope`.
    ///
    /// # Errors
    /// As [`Self::admit`].
    pub async fn authorizes(
        &self,
        scope: Scope,
        credential: &SecretString,
        now: SystemTime,
    ) -> Result<bool, KeysError> {
        let admission = self.admit(scope, credential, now).await?;
        Ok(admission == Admission::Opens)
    }

    /// What `credential` authorizes. An unknown key may have been created a moment ago, so the keys are read again before it
    /// is refused, unless they were read within [`MIN_AGE`].
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub async fn admit(
        &self,
        scope: Scope,
        credential: &SecretString,
        now: SystemTime,
    ) -> Result<Admission, KeysError> {
        let keys = self.keys.within(self.max_age, now, self.read()).await?;
        let admission = keys.admit(scope, credential, now);
        if admission == Admission::Opens {
            return Ok(admission);
        }
        let keys = self.keys.within(MIN_AGE, now, self.read()).await?;
        Ok(keys.admit(scope, credential, now))
    }

    /// The secrets of a sender, of both versions of the secret. They are read again if they are older than configured; for a proof
    /// that is wrong, if they are older than [`MIN_AGE`], because a secret may have been stored a moment ago.
    ///
    /// # Errors
    /// When the secret cannot be read.
    pub async fn sender_secrets(
        &self,
        sender: &str,
        is_proof_wrong: bool,
        now: SystemTime,
    ) -> Result<Vec<SecretString>, KeysError> {
        let max_age = if is_proof_wrong {
            MIN_AGE
        } else {
            self.max_age
        };
        let keys = self.keys.within(max_age, now, self.read()).await?;
        Ok(keys.sender_secrets(sender))
    }

    async fn read(&self) -> Result<AcceptedKeys, KeysError> {
        let (current, previous) = read_keys(&self.client, &self.secret_id, READ_LIMIT).await?;
        Ok(AcceptedKeys::new(current, previous))
    }
}

/// Reads the keys of the current version of the secret and, if it can be understood, of the previous one, within `limit`.
///
/// # Errors
/// When the secret cannot be read, or has no current version that can be understood.
pub async fn read_keys(
    client: &SecretsClient,
    secret_id: &str,
    limit: Duration,
) -> Result<(KeyDocument, Option<KeyDocument>), KeysError> {
    tokio::try_join!(
        read_current_keys(client, secret_id, limit),
        read_previous_keys(client, secret_id, limit)
    )
}

/// Reads the keys of the current version of the secret, within `limit`: those with which a function calls its own stack.
///
/// # Errors
/// When the secret cannot be read, or has no current version that can be understood.
pub async fn read_current_keys(
    client: &SecretsClient,
    secret_id: &str,
    limit: Duration,
) -> Result<KeyDocument, KeysError> {
    let secret = secrets::read(client, secret_id, VersionStage::Current, limit).await?;
    Ok(KeyDocument::parse(&secret.ok_or(KeysError::Empty)?)?)
}

async fn read_previous_keys(
    client: &SecretsClient,
    secret_id: &str,
    limit: Duration,
) -> Result<Option<KeyDocument>, KeysError> {
    let secret = secrets::read(client, secret_id, VersionStage::Previous, limit).await?;
    let document = secret.as_ref().map(KeyDocument::parse).transpose();
    // After a repair, the previous version may be the broken one, which must not lock all callers out.
    Ok(document.unwrap_or_else(|error| {
        warn!(%error, "previous version of the keys is not understood and opens nothing");
        None
    }))
}
