//! From a batch to the archive.

use aws_io::s3::{NewObject, ObjectRef, PutError, PutOutcome, put_new};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{Deps, body::ReceivedBatch};

/// Stores the batch under its key, unless it is there, within the deadline.
pub(crate) async fn store(
    deps: &Deps,
    batch: ReceivedBatch,
    now: OffsetDateTime,
) -> Result<PutOutcome, PutError> {
    let mut metadata = batch.metadata;
    metadata.push(("received-at", now.format(&Rfc3339).unwrap_or_default()));
    let object = NewObject {
        name: ObjectRef {
            bucket: deps.config.bucket.clone(),
            key: batch.key.object_key(now.date()),
        },
        body: batch.object,
        content_type: "application/gzip",
        metadata,
    };
    put_new(&deps.s3, &object, deps.config.store_deadline).await
}
