//! Raw objects: the same key, the bytes without the person's items.

use std::{io::Read as _, time::Duration};

use aws_io::{
    gzip,
    s3::{
        GetError, ObjectRef,
        conditional_put::WriteOutcome,
        replace::{NewContent, Replaced, replace},
        stream::open,
    },
};
use erasure::{Found, Names, RewriteError, Rewritten, is_anywhere_in, rewrite, rewrite_sender};
use event_model::{ByteForm, Pipeline};
use flate2::read::MultiGzDecoder;
use sender_recipes::DeliveryError;
use tokio::task::spawn_blocking;

use crate::{
    Deps, EraserError,
    job::{Count, Finding},
};

/// The largest object that is held in memory, as stored and expanded. Firehose's have at most 128 MiB before compression.
pub(super) const MAX_BYTES: u64 = 256 << 20;
/// For an object's first bytes, and for each further read.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(20);
const WRITE_LIMIT: Duration = Duration::from_mins(1);
/// How often an object is read again that somebody else has changed meanwhile.
const MAX_ATTEMPTS: usize = 3;

/// An object in memory.
pub(super) struct Body {
    /// Expanded, as far as that is possible.
    pub(super) bytes: Vec<u8>,
    is_gzip: bool,
    /// Why not all of it can be read.
    pub(super) damage: Option<&'static str>,
    pub(super) replaced: Replaced,
}

/// Takes the person's items out of a raw object, if `changes` allows it.
///
/// # Errors
/// When S3 fails. An object that cannot be read or rewritten is a problem in the finding.
pub(crate) async fn erase_raw(
    deps: &Deps,
    name: &ObjectRef,
    person: &impl Names,
    changes: bool,
) -> Result<Finding, EraserError> {
    let pipeline = Pipeline::of_raw_key(&name.key);
    let delivery = match deps.senders.delivery(&name.key).await {
        Ok(delivery) => Ok(delivery),
        Err(DeliveryError::Unknown(unknown)) => Err(unknown),
        Err(DeliveryError::List(error)) => return Err(error.into()),
    };
    rewrite_object(deps, name, person, changes, |bytes| match &delivery {
        Ok(Some(delivery)) => rewrite_sender(delivery, bytes, person),
        Ok(None) => rewrite(pipeline, bytes, person),
        Err(unknown) => Err(unknown.clone().into()),
    })
    .await
}

/// Replaces an object by what `rewrite` makes of its expanded bytes.
pub(super) async fn rewrite_object(
    deps: &Deps,
    name: &ObjectRef,
    person: &impl Names,
    changes: bool,
    rewrite: impl Fn(&[u8]) -> Result<Rewritten, RewriteError>,
) -> Result<Finding, EraserError> {
    for _ in 0..MAX_ATTEMPTS {
        let Some(body) = read(deps, name).await? else {
            return Ok(Finding::default());
        };
        let rewritten = match (body.damage, rewrite(&body.bytes)) {
            (None, Ok(rewritten)) => rewritten,
            (damage, result) => {
                return Ok(unreadable(&body, damage, result.err().as_ref(), person));
            }
        };
        let mut finding = finding_of(rewritten.found, person);
        let Some(bytes) = rewritten.bytes.filter(|_| changes) else {
            return Ok(finding);
        };
        let content = if body.is_gzip {
            gzip::encode(&bytes)
        } else {
            bytes.clone()
        };
        // What is written has to be read as what was meant, or nothing is written.
        if body.is_gzip && expand(&content).0 != bytes {
            return Ok(Finding::problem("its new bytes cannot be read back"));
        }
        let content = NewContent::Bytes(content.into());
        match replace(&deps.s3, name, &content, &body.replaced, WRITE_LIMIT).await? {
            WriteOutcome::Written => {
                finding.count.changed = 1;
                return Ok(finding);
            }
            WriteOutcome::Changed => {}
        }
    }
    Ok(Finding::problem("somebody else changes it"))
}

fn finding_of(found: Found, person: &impl Names) -> Finding {
    let Found {
        theirs,
        mentioned,
        mentions_erased,
        undecided,
    } = found;
    let stays = mentioned - mentions_erased;
    let problem = if undecided > 0 {
        Some(format!(
            "{undecided} of its lines do not say whose they are, and the raw objects that they name do not say it any more: look at them (`cistern rejected`), and delete the object"
        ))
    } else if person.erases_mentions() && stays > 0 {
        Some(
            "what is around its items, or damaged in it, mentions the person: look at it"
                .to_owned(),
        )
    } else {
        None
    };
    Finding {
        count: Count {
            searched: 1,
            found: theirs,
            mentioned,
            mentions_erased,
            ..Count::default()
        },
        problem,
    }
}

/// An object that is not text to its end. It is a problem if it is the person's, as far as can be seen, or if that cannot be seen.
fn unreadable(
    body: &Body,
    damage: Option<&'static str>,
    error: Option<&RewriteError>,
    person: &impl Names,
) -> Finding {
    let why = match (error, damage) {
        (_, Some(damage)) => damage.to_owned(),
        (Some(error), None) => error.to_string(),
        (None, None) => String::new(),
    };
    let is_sure = matches!(error, Some(RewriteError::NotVerified));
    let can_be_seen = person.finds_mentions() && !body.bytes.is_empty();
    if is_sure || !can_be_seen || is_anywhere_in(&body.bytes, person) {
        return Finding::problem(why);
    }
    Finding {
        count: Count {
            searched: 1,
            ..Count::default()
        },
        problem: None,
    }
}

/// The object; none if it does not exist any more.
pub(super) async fn read(deps: &Deps, name: &ObjectRef) -> Result<Option<Body>, EraserError> {
    let object = match open(&deps.s3, name, READ_LIMIT).await {
        Ok(object) => object,
        Err(GetError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let replaced = object.replaced.clone();
    if object.size_bytes > MAX_BYTES {
        return Ok(Some(Body {
            bytes: Vec::new(),
            is_gzip: false,
            damage: Some("it is too large to be searched in memory"),
            replaced,
        }));
    }
    let body = object.into_blocking(READ_LIMIT);
    let stored = spawn_blocking(move || {
        let mut bytes = Vec::new();
        body.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    });
    let stored = stored.await??;
    let is_gzip = ByteForm::of(&stored) == Some(ByteForm::Gzip);
    let (bytes, damage) = if is_gzip {
        expand(&stored)
    } else {
        (stored, None)
    };
    Ok(Some(Body {
        bytes,
        is_gzip,
        damage,
        replaced,
    }))
}

/// Expands gzip as far as it goes.
fn expand(stored: &[u8]) -> (Vec<u8>, Option<&'static str>) {
    let mut bytes = Vec::new();
    let mut decoder = MultiGzDecoder::new(stored).take(MAX_BYTES + 1);
    let read = decoder.read_to_end(&mut bytes);
    let damage = match read {
        Err(_) => Some("its gzip is damaged"),
        Ok(_) if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES => {
            Some("it expands to more than can be searched in memory")
        }
        Ok(_) => None,
    };
    (bytes, damage)
}
