//! How an erasure begins, and what becomes of a beginning that failed.

use std::time::Duration;

use aws_io::s3::{
    NewObject, ObjectRef,
    conditional_put::{self, WriteOutcome},
    put_new,
};
use erasure::{ErasedPerson, KEY_NAME, LIST_NAME, Tombstones, read_key, read_list};
use serde::Deserialize;
use time::OffsetDateTime;
use tracing::{info, warn};

use crate::{
    Deps, EraserError,
    job::{Job, Names, Pass},
    store::{Folder, StoredPerson},
};

const LIMIT: Duration = Duration::from_secs(10);
/// How often the list is read again that another erasure has changed.
const MAX_ATTEMPTS: usize = 5;

/// Who is to be erased.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    id: String,
    #[serde(default)]
    addresses: Vec<String>,
    #[serde(default)]
    ids: Vec<String>,
    /// Change something; else only search.
    run: bool,
    /// Items of others go too that mention the person.
    #[serde(default)]
    deep: bool,
    requested_by: Option<String>,
}

/// Writes down who is to be erased: first in the list, so that nothing more of the person is stored.
pub(crate) async fn begin(deps: &Deps, start: Start) -> Result<(), EraserError> {
    let folder = Folder::of(deps, &start.id)?;
    if folder.has_receipt().await? || folder.read_job().await?.is_some() {
        // The command asks again when an answer was lost.
        return Ok(());
    }
    let stored = StoredPerson {
        addresses: start.addresses,
        ids: start.ids,
        deep: start.deep,
    };
    let person = stored.person()?;
    let key = ensure_key(deps).await?;
    let names = Tombstones::hashes(&key, &person)?;
    let now = (deps.clock)();
    folder.write_person(&stored).await?;
    if start.run {
        add_tombstones(deps, &start.id, &names, now).await?;
    }
    let wait = if start.run {
        deps.config.wait
    } else {
        Duration::ZERO
    };
    let job = Job {
        is_dry_run: !start.run,
        is_deep: stored.deep,
        requested_by: start.requested_by,
        not_before: now + wait,
        ..new_job(&start.id, names, now)
    };
    folder.create_job(&job).await?;
    info!(id = start.id, run = start.run, person = ?person, "erasure begun");
    Ok(())
}

/// Goes on with an erasure of which only the names were written down, or forgets it: they are in clear, and nothing else would remove
/// them.
///
/// # Errors
/// When S3 fails. The next invocation tries again.
pub(crate) async fn settle(deps: &Deps, id: &str) -> Result<(), EraserError> {
    let folder = Folder::of(deps, id)?;
    let has_no_job = folder.read_job().await?.is_none();
    let stored = folder.read_person().await?;
    let Some(stored) = stored.filter(|_| has_no_job) else {
        // It was begun again, or settled, since it was listed.
        return Ok(());
    };
    let (list, _) = read_list(&deps.s3, &deps.config.bucket).await?;
    let on_list = list.people.into_iter().find(|person| person.erasure == id);
    let Some(erased) = on_list else {
        warn!(
            id,
            "erasure that has not begun is given up, and its names are removed"
        );
        return folder.finish_removal().await;
    };
    // Nobody is put on the list for a search alone.
    let now = (deps.clock)();
    let job = Job {
        is_deep: stored.deep,
        not_before: now + deps.config.wait,
        ..new_job(id, erased.names, now)
    };
    folder.create_job(&job).await?;
    info!(id, "erasure begun that was interrupted");
    Ok(())
}

fn new_job(id: &str, names: Vec<String>, now: OffsetDateTime) -> Job {
    Job {
        id: id.to_owned(),
        is_dry_run: false,
        is_deep: false,
        requested_at: now,
        requested_by: None,
        names,
        not_before: now,
        pass: Pass::new(1),
        passes: Vec::new(),
        objects: Names::default(),
    }
}

/// The key of the list, which is made once.
async fn ensure_key(deps: &Deps) -> Result<String, EraserError> {
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    let key = NewObject {
        name: ObjectRef {
            bucket: deps.config.bucket.clone(),
            key: KEY_NAME.to_owned(),
        },
        body: hex::encode(random).into_bytes().into(),
        content_type: "text/plain",
        metadata: Vec::new(),
    };
    put_new(&deps.s3, &key, LIMIT).await?;
    Ok(read_key(&deps.s3, &deps.config.bucket).await?)
}

async fn add_tombstones(
    deps: &Deps,
    id: &str,
    names: &[String],
    now: OffsetDateTime,
) -> Result<(), EraserError> {
    let name = ObjectRef {
        bucket: deps.config.bucket.clone(),
        key: LIST_NAME.to_owned(),
    };
    for _ in 0..MAX_ATTEMPTS {
        let (mut list, version) = read_list(&deps.s3, &deps.config.bucket).await?;
        if list.people.iter().any(|person| person.erasure == id) {
            return Ok(());
        }
        list.people.push(ErasedPerson {
            erasure: id.to_owned(),
            added_at: now,
            names: names.to_vec(),
        });
        let body = serde_json::to_vec(&list).unwrap_or_default();
        let json = "application/json";
        match conditional_put::write(&deps.s3, &name, body.into(), json, &version, LIMIT).await? {
            WriteOutcome::Written => return Ok(()),
            WriteOutcome::Changed => {}
        }
    }
    Err(EraserError::Overtaken { key: name.key })
}
