//! Raw objects that arrived after an erasure with items of an erased person: functions leave the items out, and note the object.

use std::time::Duration;

use aws_io::s3::{ObjectRef, get_capped, listing::list_after, replace::remove};
use erasure::late_name;
use object_worker::TimeBudget;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::{Deps, EraserError, places::erase_raw};

const LIMIT: Duration = Duration::from_secs(10);
const MAX_KEY_BYTES: usize = 4 << 10;

/// Takes erased people out of the objects that were noted.
///
/// # Errors
/// When S3 fails. The notes that are left are for the next invocation.
pub(crate) async fn erase_late(deps: &Deps, budget: TimeBudget) -> Result<(), EraserError> {
    let bucket = &deps.config.bucket;
    let prefix = late_name("");
    let notes = list_after(&deps.s3, bucket, &prefix, None, LIMIT).await?;
    if notes.is_empty() {
        return Ok(());
    }
    let erased = deps.erased.current().await?;
    let (mut objects, mut items) = (0_u64, 0);
    for note in notes {
        if !budget.allows_start(Instant::now()) {
            break;
        }
        let name = |key: String| ObjectRef {
            bucket: bucket.clone(),
            key,
        };
        let note = name(note.key);
        let key = get_capped(&deps.s3, &note, MAX_KEY_BYTES, LIMIT).await?;
        let raw = name(String::from_utf8_lossy(&key).into_owned());
        let finding = Box::pin(erase_raw(deps, &raw, &*erased, true)).await?;
        if let Some(why) = finding.problem {
            warn!(
                key = raw.key,
                why, "object with items of an erased person cannot be rewritten"
            );
        }
        objects += 1;
        items += finding.count.found;
        remove(&deps.s3, &note, LIMIT).await?;
    }
    info!(
        objects,
        items, "late items of erased people removed from raw objects"
    );
    Ok(())
}
