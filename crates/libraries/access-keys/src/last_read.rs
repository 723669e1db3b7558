//! What was last read, and when it is read again.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::Mutex;

/// A value as it was last read from elsewhere. Clones of it outlive the next reading.
#[derive(Debug)]
pub struct LastRead<T>(Mutex<Option<(Arc<T>, SystemTime)>>);

impl<T> Default for LastRead<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> LastRead<T> {
    /// The value, read by `read` unless it was read less than `max_age` ago. One caller reads while others wait for the result.
    ///
    /// The age goes by the wall clock, because a sandbox that is frozen between invocations ages too. If the clock was set back, the
    /// value counts as old.
    ///
    /// # Errors
    /// Those of `read`. The next caller reads again.
    pub async fn within<E>(
        &self,
        max_age: Duration,
        now: SystemTime,
        read: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        let mut last = self.0.lock().await;
        if let Some((value, at)) = &*last
            && now.duration_since(*at).is_ok_and(|age| age < max_age)
        {
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(read.await?);
        *last = Some((Arc::clone(&value), now));
        Ok(value)
    }
}
