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

/// For reading both versions. What waits behind this has 10 s in all.
const READ_LIMIT: Duration = Duration::from_secs(2);
/// Wrong keys cannot make a function read the secret more often. So a key that is as old as this is known wherever it is
/// presented, and a newer one may be turned away.
pub const MIN_AGE: Duration = Duration::from_secs(5);

/// Keys that cannot be known now: nobody is allowed, and nobody is told to give up.
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

/// Reads the keys when they are needed, too old, or do not know a key.
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

    /// Whether `presented` opens `scope`.
    ///
    /// # Errors
    /// As [`Self::admit`].
    pub async fn open(
        &self,
        scope: Scope,
        presented: &SecretString,
        now: SystemTime,
    ) -> Result<bool, KeysError> {
        let admission = self.admit(scope, presented, now).await?;
        Ok(admission == Admission::Opens)
    }

    /// What `presented` is worth to `scope`. A key that does not open it may be one that was made a moment ago, so before it
    /// is turned away the keys are read again, unless that was just done.
    ///
    /// # Errors
    /// When the keys cannot be known.
    pub async fn admit(
        &self,
        scope: Scope,
        presented: &SecretString,
        now: SystemTime,
    ) -> Result<Admission, KeysError> {
        let mut last_read = self.last_read.lock().await;

        if let Some(read) = last_read
            .as_ref()
            .filter(|read| read.is_younger_than(self.max_age, now))
        {
            let admission = read.keys.admit(scope, presented, now);
            if admission == Admission::Opens || read.is_younger_than(MIN_AGE, now) {
                return Ok(admission);
            }
        }

        let read = last_read.insert(LastRead {
            keys: self.read().await?,
            at: now,
        });
        Ok(read.keys.admit(scope, presented, now))
    }

    async fn read(&self) -> Result<AcceptedKeys, KeysError> {
        let version = |stage| secrets::read(&self.client, &self.secret_id, stage, READ_LIMIT);
        let (current, previous) = tokio::try_join!(
            version(VersionStage::Current),
            version(VersionStage::Previous)
        )?;

        let current = KeyDocument::parse(&current.ok_or(KeysError::Empty)?)?;
        // The version before a repaired one may be the broken one: it must not lock everybody out.
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
    /// By the wall clock: a sandbox that is frozen between invocations ages too. A clock that went back makes it old.
    fn is_younger_than(&self, age: Duration, now: SystemTime) -> bool {
        now.duration_since(self.at).is_ok_and(|since| since < age)
    }
}
