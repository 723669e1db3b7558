//! Writes a batch to the archive.

use aws_io::s3::{NewObject, ObjectRef, PutError, PutOutcome, put_new};
use bytes::Bytes;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{Deps, body::ReceivedBatch};

/// Stores the batch under its key, unless it exists, within the deadline.
pub(crate) async fn store(
    deps: &Deps,
    batch: ReceivedBatch,
    now: OffsetDateTime,
) -> Result<PutOutcome, PutError> {
    let key = batch.key.object_key(now.date());
    store_at(deps, key, batch.object, batch.metadata, now).await
}

/// Stores gzipped bytes under a key, unless it exists, within the deadline.
pub(crate) async fn store_at(
    deps: &Deps,
    key: String,
    body: Bytes,
    mut metadata: Vec<(&'static str, String)>,
    now: OffsetDateTime,
) -> Result<PutOutcome, PutError> {
    metadata.push(("received-at", now.format(&Rfc3339).unwrap_or_default()));
    let object = NewObject {
        name: ObjectRef {
            bucket: deps.config.bucket.clone(),
            key,
        },
        body,
        content_type: "application/gzip",
        metadata,
    };
    put_new(&deps.s3, &object, deps.config.store_deadline).await
}
