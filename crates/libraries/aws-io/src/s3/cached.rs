//! A small object that many invocations need: kept in memory, and read again when it is older than a caller allows.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use super::{
    GetError, ObjectRef,
    conditional_put::{self, Version},
};
use crate::S3Client;

/// What an object means, as `T`. Clones share what was read.
#[derive(Debug)]
pub struct CachedObject<T> {
    s3: S3Client,
    name: ObjectRef,
    max_bytes: usize,
    limit: Duration,
    cached: Arc<Mutex<Option<Cached<T>>>>,
}

#[derive(Debug)]
struct Cached<T> {
    read_at: Instant,
    version: Version,
    value: Arc<T>,
}

impl<T> Clone for CachedObject<T> {
    fn clone(&self) -> Self {
        Self {
            s3: self.s3.clone(),
            name: self.name.clone(),
            max_bytes: self.max_bytes,
            limit: self.limit,
            cached: Arc::clone(&self.cached),
        }
    }
}

impl<T> CachedObject<T> {
    /// An object of at most `max_bytes`, which is read within `limit`. Sends no request.
    pub fn new(s3: S3Client, name: ObjectRef, max_bytes: usize, limit: Duration) -> Self {
        Self {
            s3,
            name,
            max_bytes,
            limit,
            cached: Arc::default(),
        }
    }

    /// What `to_value` makes of the object, or of none if it does not exist, as it was at most `max_age` ago. An unchanged object is read
    /// and not looked at again.
    ///
    /// # Errors
    /// When what is in memory is too old, and the object cannot be read or is damaged.
    pub async fn within<E: From<GetError>>(
        &self,
        max_age: Duration,
        to_value: impl AsyncFnOnce(Option<Vec<u8>>) -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let mut cached = self.cached.lock().await;
        if let Some(cached) = &*cached
            && cached.read_at.elapsed() < max_age
        {
            return Ok(Arc::clone(&cached.value));
        }
        let read_at = Instant::now();
        let read = conditional_put::read(&self.s3, &self.name, self.max_bytes, self.limit);
        let (bytes, version) = read.await?;
        if let Some(cached) = &mut *cached
            && cached.version == version
        {
            cached.read_at = read_at;
            return Ok(Arc::clone(&cached.value));
        }
        let value = Arc::new(to_value(bytes).await?);
        *cached = Some(Cached {
            read_at,
            version,
            value: Arc::clone(&value),
        });
        Ok(value)
    }
}
