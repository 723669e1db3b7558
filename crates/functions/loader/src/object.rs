//! Loads one object: from its name to its events in the database.

use std::time::Duration;

use aws_io::{
    S3Client,
    gzip::{self, GunzipError, MAX_BATCH_BYTES},
    s3::{GetError, ObjectRef, get_capped},
};
use email_senders::to_sparkpost;
use erasure::{ListError, Verdict, note_late, verdict_of};
use event_model::{BatchKey, ByteForm, Counts, ObjectKeyError, Pipeline, sparkpost::parse_batch};
use event_store::{ErrorKind, LoadOutcome, StoreError};
use object_worker::Rejection;
use sender_recipes::DeliveryError;
use time::OffsetDateTime;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::Deps;

/// The time limit for reading one object, all attempts together.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// Why an object is not in the database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    /// Its key is not that of a batch.
    #[error(transparent)]
    Key(#[from] ObjectKeyError),
    /// The object could not be read.
    #[error(transparent)]
    Get(#[from] GetError),
    /// It has another compression, or is text in another encoding.
    #[error("{name} is {form}, not gzip")]
    Form { name: ObjectRef, form: ByteForm },
    /// It is not gzip, or expands beyond the limit.
    #[error("expanding {name}")]
    Gunzip {
        name: ObjectRef,
        source: GunzipError,
    },
    /// Who sent it is not known.
    #[error("translating {name}")]
    Sender {
        name: ObjectRef,
        source: DeliveryError,
    },
    /// Whether it has items of erased people is not known.
    #[error("leaving erased people out of {name}")]
    Erased { name: ObjectRef, source: ListError },
    /// The batch was not stored.
    #[error("storing the batch of {name}")]
    Store { name: ObjectRef, source: StoreError },
}

impl ObjectError {
    /// Why the object can never be loaded; `None` if another attempt may load it.
    pub(crate) fn rejection(&self, own_bucket: &str) -> Option<Rejection> {
        let reason = match self {
            // S3's refusal for the function's own bucket can be fixed by a deployment. Another bucket can only have
            // been named by an operator, who replays the object once the function may read it.
            Self::Get(error) if error.is_refused() && error.name().bucket != own_bucket => {
                "other_bucket"
            }
            Self::Key(_) => "not_a_batch_key",
            // The archive is the source of truth: an object that is missing before it was loaded is a loss that must be
            // reported, even if it was removed on purpose.
            Self::Get(GetError::Missing { .. }) => "object_missing",
            Self::Get(GetError::TooLarge { .. })
            | Self::Gunzip {
                source: GunzipError::TooLarge { .. },
                ..
            } => "too_large",
            Self::Form { .. }
            | Self::Gunzip {
                source: GunzipError::Corrupt(_),
                ..
            } => "not_gzip",
            Self::Sender {
                source: DeliveryError::Unknown(_),
                ..
            } => "unknown_sender",
            Self::Get(
                GetError::Service { .. } | GetError::Body { .. } | GetError::Timeout { .. },
            )
            | Self::Sender {
                source: DeliveryError::List(_),
                ..
            }
            | Self::Erased { .. }
            | Self::Store { .. } => {
                return None;
            }
        };
        Some(Rejection {
            reason,
            detail: function_kit::chain(self).to_string(),
        })
    }

    /// Why every other object would fail in the database too; `None` if the others may succeed.
    pub(crate) fn kind_if_all_fail(&self) -> Option<ErrorKind> {
        match self {
            Self::Store { source, .. } => source.is_of_all().then(|| source.kind()),
            Self::Key(_)
            | Self::Get(_)
            | Self::Form { .. }
            | Self::Gunzip { .. }
            | Self::Sender { .. }
            | Self::Erased { .. } => None,
        }
    }
}

/// Loads one object whose notification was processed at `now`, unless it is loaded already.
pub(crate) async fn load_object(
    deps: &Deps,
    name: &ObjectRef,
    now: OffsetDateTime,
) -> Result<LoadOutcome, ObjectError> {
    let started = Instant::now();
    let in_store = |source| ObjectError::Store {
        name: name.clone(),
        source,
    };
    let key = BatchKey::from_object_key(&name.key)?;
    if deps.store.is_loaded(&key).await.map_err(in_store)? {
        info!("batch already loaded");
        return Ok(LoadOutcome::AlreadyLoaded);
    }

    let body = read_body(&deps.s3, name).await?;
    let delivery = deps.senders.delivery(&name.key).await;
    let delivery = delivery.map_err(|source| ObjectError::Sender {
        name: name.clone(),
        source,
    })?;
    let events = to_sparkpost(delivery.as_ref(), &body);
    let mut batch = parse_batch(&events, now);
    let not_known = |source| ObjectError::Erased {
        name: name.clone(),
        source,
    };
    let erased = deps.erased.current().await.map_err(not_known)?;
    if !erased.is_empty() {
        batch.erase(|item| verdict_of(Pipeline::EmailEvents, item, &*erased) == Verdict::Theirs);
        if batch.erased > 0 {
            note_late(&deps.s3, &deps.bucket, &name.key)
                .await
                .map_err(not_known)?;
        }
    }
    let outcome = deps
        .store
        .load_batch(&key, &batch)
        .await
        .map_err(in_store)?;

    log_outcome(&outcome, batch.sanitized, body.len(), started.elapsed());
    Ok(outcome)
}

fn log_outcome(outcome: &LoadOutcome, sanitized: usize, body_bytes: usize, duration: Duration) {
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    match *outcome {
        LoadOutcome::AlreadyLoaded => {
            info!(duration_ms, "batch loaded by another invocation meanwhile");
        }
        LoadOutcome::Loaded(Counts {
            stored,
            duplicate,
            rejected,
            erased,
        }) => {
            info!(
                stored,
                duplicate, rejected, erased, sanitized, body_bytes, duration_ms, "batch loaded"
            );
            if rejected > 0 {
                warn!(rejected, "rejected items are in email_events_rejected");
            }
        }
    }
}

async fn read_body(s3: &S3Client, name: &ObjectRef) -> Result<Vec<u8>, ObjectError> {
    let object = get_capped(s3, name, MAX_BATCH_BYTES, READ_LIMIT).await?;
    match ByteForm::of(&object) {
        Some(ByteForm::Gzip) | None => {}
        Some(form) => {
            return Err(ObjectError::Form {
                name: name.clone(),
                form,
            });
        }
    }
    gzip::decode_capped(&object, MAX_BATCH_BYTES).map_err(|source| ObjectError::Gunzip {
        name: name.clone(),
        source,
    })
}
