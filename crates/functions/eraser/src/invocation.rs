//! Invocations: by the command that starts an erasure or goes on with it, and by the schedule.

use std::time::Duration;

use aws_io::s3::{
    NewObject, ObjectRef,
    conditional_put::{self, WriteOutcome},
    put_new,
};
use erasure::{ErasedPerson, KEY_NAME, LIST_NAME, Tombstones, read_key, read_list};
use function_kit::BoxError;
use lambda_runtime::LambdaEvent;
use object_worker::{Shares, TimeBudget};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::time::Instant;
use tracing::{error, info};

use crate::{
    Deps, EraserError,
    job::{Job, Names, Pass},
    late::erase_late,
    run::advance,
    store::{Folder, StoredPerson},
};

/// An object of the lake may take minutes.
const SHARES: Shares = Shares {
    start: 0.5,
    work: 0.9,
};
const LIMIT: Duration = Duration::from_secs(10);
/// How often the list is read again that another erasure has changed.
const MAX_ATTEMPTS: usize = 5;

/// What the command asks for. The schedule's event asks for nothing of this.
#[derive(Deserialize)]
struct Request {
    start: Option<Start>,
    #[serde(rename = "continue")]
    go_on: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    id: String,
    #[serde(default)]
    addresses: Vec<String>,
    #[serde(default)]
    ids: Vec<String>,
    /// Change something; else only search.
    run: bool,
    requested_by: Option<String>,
}

/// Starts an erasure, or goes on with one, or with all.
///
/// # Errors
/// When something cannot be done now; the next invocation goes on.
pub async fn handle(deps: &Deps, event: LambdaEvent<Value>) -> Result<Value, BoxError> {
    let available = event
        .context
        .deadline()
        .duration_since((deps.clock)().into())
        .unwrap_or_default();
    let budget = TimeBudget::new(Instant::now(), available, SHARES);
    // What the parser says could quote a name.
    let request: Request = serde_json::from_value(event.payload)
        .map_err(|_| EraserError::Request("the request cannot be read".to_owned()))?;
    let done = process(deps, request, budget).await;
    done.map_err(|error| {
        error!(error = %function_kit::chain(&error), "erasure cannot go on now");
        error.into()
    })
}

async fn process(deps: &Deps, request: Request, budget: TimeBudget) -> Result<Value, EraserError> {
    if let Some(start) = request.start {
        begin(deps, start).await?;
        return Ok(json!({ "is_finished": false }));
    }
    if let Some(id) = request.go_on {
        let is_finished = match Box::pin(advance(deps, &id, budget)).await {
            // The command's answer is the receipt.
            Err(EraserError::Incomplete { .. }) => true,
            // It asks again, as long as the schedule's invocation works on the same erasure.
            Err(EraserError::Overtaken { .. }) => false,
            advanced => advanced?,
        };
        return Ok(json!({ "is_finished": is_finished }));
    }
    // What fails does not keep the others waiting.
    let mut outcome = erase_late(deps, budget).await;
    for id in Folder::open(deps).await? {
        match Box::pin(advance(deps, &id, budget)).await {
            // The command's invocation works on it.
            Err(EraserError::Overtaken { .. }) => {}
            advanced => outcome = outcome.and(advanced.map(drop)),
        }
    }
    outcome.map(|()| json!({}))
}

/// Writes down who is to be erased: first in the list, so that nothing more of the person is stored.
async fn begin(deps: &Deps, start: Start) -> Result<(), EraserError> {
    let folder = Folder::of(deps, &start.id)?;
    if folder.has_receipt().await? || folder.read_job().await?.is_some() {
        // The command asks again when an answer was lost.
        return Ok(());
    }
    let stored = StoredPerson {
        addresses: start.addresses,
        ids: start.ids,
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
        id: start.id.clone(),
        is_dry_run: !start.run,
        requested_at: now,
        requested_by: start.requested_by,
        names,
        not_before: now + wait,
        pass: Pass::new(1),
        passes: Vec::new(),
        objects: Names::default(),
    };
    folder.create_job(&job).await?;
    info!(id = start.id, run = start.run, person = ?person, "erasure begun");
    Ok(())
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
