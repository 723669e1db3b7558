//! Raw objects that arrived after an erasure with items of an erased person: functions leave the items out, and note the object.

use std::time::Duration;

use aws_io::s3::{
    ObjectRef, get_capped,
    listing::{Listed, list_after},
    replace::remove,
};
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
/// When S3 fails, or an object cannot be rewritten. The notes that are left are for the next invocation.
pub(crate) async fn erase_late(deps: &Deps, budget: TimeBudget) -> Result<(), EraserError> {
    let bucket = &deps.config.bucket;
    let prefix = late_name("");
    let mut sum = Sum::default();
    let mut after: Option<String> = None;
    loop {
        let notes = list_after(&deps.s3, bucket, &prefix, after.as_deref(), LIMIT).await?;
        after = notes.last().map(|note| note.key.clone());
        if notes.is_empty() || !erase_noted(deps, notes, budget, &mut sum).await? {
            break;
        }
    }
    let Sum {
        objects,
        items,
        problems,
    } = sum;
    if objects > 0 {
        info!(
            objects,
            items, "late items of erased people removed from raw objects"
        );
    }
    if problems > 0 {
        return Err(EraserError::Late { count: problems });
    }
    Ok(())
}

#[derive(Default)]
struct Sum {
    objects: u64,
    items: u64,
    problems: u64,
}

/// Takes erased people out of the objects of some notes. False when the time is used up.
async fn erase_noted(
    deps: &Deps,
    notes: Vec<Listed>,
    budget: TimeBudget,
    sum: &mut Sum,
) -> Result<bool, EraserError> {
    let erased = deps.erased.current().await?;
    for note in notes {
        if !budget.allows_start(Instant::now()) {
            return Ok(false);
        }
        let name = |key: String| ObjectRef {
            bucket: deps.config.bucket.clone(),
            key,
        };
        let note = name(note.key);
        let key = get_capped(&deps.s3, &note, MAX_KEY_BYTES, LIMIT).await?;
        let raw = name(String::from_utf8_lossy(&key).into_owned());
        let finding = Box::pin(erase_raw(deps, &raw, &*erased, true)).await?;
        if let Some(why) = finding.problem {
            // The note stays, because nothing else says that the items are there.
            warn!(
                key = raw.key,
                why, "object with items of an erased person cannot be rewritten"
            );
            sum.problems += 1;
            continue;
        }
        sum.objects += 1;
        sum.items += finding.count.found;
        remove(&deps.s3, &note, LIMIT).await?;
    }
    Ok(true)
}
