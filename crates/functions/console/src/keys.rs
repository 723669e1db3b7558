//! The `query` key: read when it is needed, and again when it is old or does not fit.

use std::{fmt, sync::Arc, time::Duration};

use access_keys::{LastRead, MIN_AGE};
use function_kit::BoxError;
use futures::future::BoxFuture;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The keys that open searches now.
#[derive(Clone, Debug)]
pub struct QueryKeys {
    /// Of the current version of the secret.
    pub current: SecretString,
    /// Of the version before, which stays valid while senders and readers are told the new one.
    pub previous: Option<SecretString>,
}

/// Where the keys are kept: Secrets Manager, or a test.
pub trait KeySource: fmt::Debug + Send + Sync {
    /// Reads both versions.
    fn read(&self) -> BoxFuture<'_, Result<QueryKeys, BoxError>>;
}

/// The keys as they were last read.
#[derive(Debug)]
pub(crate) struct KeyRing {
    source: Arc<dyn KeySource>,
    max_age: Duration,
    last_read: LastRead<QueryKeys>,
}

impl KeyRing {
    /// Nothing is read yet.
    pub(crate) fn new(source: Arc<dyn KeySource>, max_age: Duration) -> Self {
        Self {
            source,
            max_age,
            last_read: LastRead::default(),
        }
    }

    /// The key that the API takes.
    ///
    /// # Errors
    /// When the keys cannot be known.
    pub(crate) async fn current(&self, now: Timestamp) -> Result<SecretString, BoxError> {
        let keys = self.keys(self.max_age, now).await?;
        Ok(keys.current.clone())
    }

    /// The same, read again unless that was just done: the API has refused the one that was known.
    ///
    /// # Errors
    /// When the keys cannot be known.
    pub(crate) async fn reread(&self, now: Timestamp) -> Result<SecretString, BoxError> {
        let keys = self.keys(MIN_AGE, now).await?;
        Ok(keys.current.clone())
    }

    /// Whether a key that somebody presents is one of them. One that is not may be a moment old, so before it is turned away
    /// the keys are read again.
    ///
    /// # Errors
    /// When the keys cannot be known.
    pub(crate) async fn opens(
        &self,
        presented: &SecretString,
        now: Timestamp,
    ) -> Result<bool, BoxError> {
        let known = self.keys(self.max_age, now).await?;
        if known.have(presented) {
            return Ok(true);
        }
        Ok(self.keys(MIN_AGE, now).await?.have(presented))
    }

    async fn keys(&self, max_age: Duration, now: Timestamp) -> Result<Arc<QueryKeys>, BoxError> {
        self.last_read
            .within(max_age, now.into(), self.source.read())
            .await
    }
}

impl QueryKeys {
    /// In a time that depends neither on the keys nor on where they differ.
    fn have(&self, presented: &SecretString) -> bool {
        let presented = digest(presented);
        let is = |key: &SecretString| digest(key).ct_eq(&presented);
        let previous = self.previous.as_ref().map_or(Choice::from(0), is);
        (is(&self.current) | previous).into()
    }
}

fn digest(secret: &SecretString) -> [u8; 32] {
    Sha256::digest(secret.expose_secret().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Every reading gives other keys: the first `key-1`, then `key-2` with `key-1` before it.
    #[derive(Debug, Default)]
    struct Rotating(AtomicUsize);

    impl KeySource for Rotating {
        fn read(&self) -> BoxFuture<'_, Result<QueryKeys, BoxError>> {
            Box::pin(async {
                let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
                let previous =
                    (number > 1).then(|| SecretString::from(format!("key-{}", number - 1)));
                Ok(QueryKeys {
                    current: SecretString::from(format!("key-{number}")),
                    previous,
                })
            })
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    async fn opens(ring: &KeyRing, key: &str, second: i64) -> bool {
        ring.opens(&SecretString::from(key), at(second))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn key_of_a_moment_ago_is_looked_for_again_and_wrong_ones_read_no_more_often() {
        let source = Arc::new(Rotating::default());
        let ring = KeyRing::new(
            Arc::clone(&source) as Arc<dyn KeySource>,
            Duration::from_mins(5),
        );

        assert!(opens(&ring, "key-1", 0).await);
        for second in 0..5 {
            assert!(!opens(&ring, "wrong", second).await);
        }
        assert_eq!(source.0.load(Ordering::Relaxed), 1);
        assert!(opens(&ring, "key-2", 5).await && opens(&ring, "key-1", 5).await);
        assert!(!opens(&ring, "", 6).await);
        assert_eq!(source.0.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn keys_are_read_again_when_old_and_when_the_clock_went_back() {
        let ring = KeyRing::new(Arc::new(Rotating::default()), Duration::from_mins(5));

        for (second, key) in [(0, "key-1"), (299, "key-1"), (300, "key-2"), (299, "key-3")] {
            let current = ring.current(at(second)).await.unwrap();
            assert_eq!(current.expose_secret(), key, "{second}");
        }
        assert_eq!(ring.reread(at(300)).await.unwrap().expose_secret(), "key-3");
        assert_eq!(ring.reread(at(304)).await.unwrap().expose_secret(), "key-4");
    }
}
