//! The keys as they were last read, and when to read them again.

use std::time::{Duration, SystemTime};

use aws_io::{
    SecretsClient,
    secrets::{self, SecretError, VersionStage},
};
use secrecy::SecretString;
use tokio::sync::Mutex;
use tracing::warn;

use crate::{
    Scope,
    keys::{AcceptedKeys, Admission, KeyDocument, KeyDocumentError},
};

/// For reading both versions. The gateways wait 10 s in all.
const READ_LIMIT: Duration = Duration::from_secs(2);
/// Wrong keys cannot make a function read the secret more often. So every function knows a key of this age, and may
/// refuse a newer one.
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
    last_read: Mutex<Option<LastRead>>,
}

#[derive(Debug)]
struct LastRead {
    keys: AcceptedKeys,
    at: SystemTime,
}

impl KeyCache {
    /// A cache that has read nothing yet.
    pub fn new(client: SecretsClient, secret_id: String, max_age: Duration) -> Self {
        Self {
            client,
            secret_id,
            max_age,
            last_read: Mutex::new(None),
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
        let mut last_read = self.last_read.lock().await;

        if let Some(read) = last_read
            .as_ref()
            .filter(|read| read.is_younger_than(self.max_age, now))
        {
            let admission = read.keys.admit(scope, credential, now);
            if admission == Admission::Opens || read.is_younger_than(MIN_AGE, now) {
                return Ok(admission);
            }
        }

        let read = last_read.insert(LastRead {
            keys: self.read().await?,
            at: now,
        });
        Ok(read.keys.admit(scope, credential, now))
    }

    async fn read(&self) -> Result<AcceptedKeys, KeysError> {
        let version = |stage| secrets::read(&self.client, &self.secret_id, stage, READ_LIMIT);
        let (current, previous) = tokio::try_join!(
            version(VersionStage::Current),
            version(VersionStage::Previous)
        )?;

        let current = KeyDocument::parse(&current.ok_or(KeysError::Empty)?)?;
        // The version before a repaired one may be the broken one, which must not lock everybody out.
        let previous = previous
            .as_ref()
            .map(KeyDocument::parse)
            .transpose()
            .unwrap_or_else(|error| {
                warn!(%error, "previous version of the keys is not understood and opens nothing");
                None
            });
        Ok(AcceptedKeys::new(current, previous))
    }
}

impl LastRead {
    /// By the wall clock: a sandbox that is frozen between invocations ages too. If the clock was set back, the keys count
    /// as old.
    fn is_younger_than(&self, age: Duration, now: SystemTime) -> bool {
        now.duration_since(self.at).is_ok_and(|since| since < age)
    }
}
