//! Actors: what goes on at once.

use std::pin::Pin;

use futures::{StreamExt as _, stream::FuturesUnordered};

use crate::world::World;

pub(crate) const MINUTE_MS: u64 = 60_000;
pub(crate) const HOUR_MS: u64 = 60 * MINUTE_MS;

/// Something that goes on beside others, on one thread.
pub(crate) type Actor<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Until all have ended.
pub(crate) async fn all(actors: Vec<Actor<'_>>) {
    let actors: FuturesUnordered<Actor<'_>> = actors.into_iter().collect();
    actors.collect::<()>().await;
}

/// Until `work` has ended, beside `forever`.
///
/// # Errors
/// The first rule that does not hold.
pub(crate) async fn until(
    world: &World,
    forever: &mut FuturesUnordered<Actor<'_>>,
    work: impl Future<Output = ()>,
) -> Result<(), String> {
    let forever = async {
        while forever.next().await.is_some() {}
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        violation = world.violation() => Err(violation),
        () = forever => Ok(()),
        () = work => Ok(()),
    }
}
