//! What was searched, found and changed, signed.

use erasure::{Tombstones, read_key};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::{Deps, EraserError, job::Job};

/// What no function of the stack can reach, and what to do about it.
const NOT_REACHED: [(&str, &str); 6] = [
    (
        "backups and snapshots of the database",
        "automated backups end after 7 days; delete manual and final snapshots, or erase again after restoring one",
    ),
    (
        "messages in queues and dead letters",
        "a message that is received later is left out; redrive dead letters (cistern redrive --run) to have them left out too",
    ),
    (
        "the destination of app events",
        "use its own deletion; `cistern erase --forget-at iterable` calls Iterable's",
    ),
    (
        "the senders of emails and events",
        "ask each of them to delete what it keeps",
    ),
    (
        "exports, other buckets, and copies of the bucket",
        "delete them, or erase there too",
    ),
    (
        "pages of Postgres that hold deleted rows, and its write-ahead log",
        "autovacuum frees them; nothing reads them",
    ),
];

/// The signed receipt of a finished erasure or dry run.
///
/// # Errors
/// When the key cannot be read.
pub(crate) async fn write(deps: &Deps, job: &Job) -> Result<Value, EraserError> {
    let key = read_key(&deps.s3, &deps.config.bucket).await?;
    let receipt = of(deps, job);
    let signature = Tombstones::sign(&key, &receipt.to_string())?;
    Ok(json!({ "receipt": receipt, "signature": signature }))
}

fn of(deps: &Deps, job: &Job) -> Value {
    let not_reached: Vec<Value> = NOT_REACHED
        .iter()
        .map(|(what, todo)| json!({ "what": what, "todo": todo }))
        .collect();
    json!({
        "erasure": job.id,
        "bucket": deps.config.bucket,
        "is_dry_run": job.is_dry_run,
        // Items of others go too that mention the person.
        "deep": job.is_deep,
        // Nothing is left, as far as this function can see.
        "is_complete": job.is_complete(),
        "requested_at": job.requested_at.format(&Rfc3339).ok(),
        "requested_by": job.requested_by,
        "names": job.names,
        "waited_seconds": deps.config.wait.as_secs(),
        "passes": job.passes,
        "changed_objects": job.objects,
        "not_reached": not_reached,
    })
}
