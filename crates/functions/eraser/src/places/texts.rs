//! Rejected lines, and objects that are not split into items.

use std::time::Duration;

use aws_io::s3::{ObjectRef, replace::remove};
use erasure::{LineOwners, is_anywhere_in, rewrite_rejected};
use event_model::Pipeline;

use super::raw::{read, rewrite_object};
use crate::{
    EraserError,
    job::{Count, Finding},
    run::Search,
};

const LIMIT: Duration = Duration::from_secs(30);

/// Takes the person's items out of rejected lines.
pub(super) async fn rejected(
    search: &Search<'_>,
    name: &ObjectRef,
    pipeline: Pipeline,
) -> Result<Finding, EraserError> {
    if !name.key.ends_with(".ndjson") {
        return Ok(Finding::problem(
            "it is a file of the lake that could not be read and was set aside: delete it when its raw objects are archived again",
        ));
    }
    let owners = match pipeline {
        Pipeline::AppEvents => Box::pin(line_owners(search, name)).await?,
        Pipeline::EmailEvents | Pipeline::ProductEvents => LineOwners::default(),
    };
    let person = &search.person;
    rewrite_object(search.deps, name, person, search.changes, |bytes| {
        rewrite_rejected(pipeline, bytes, person, &owners)
    })
    .await
}

/// Whose the lines of app events are that do not say it, by the raw objects that they name.
async fn line_owners(search: &Search<'_>, name: &ObjectRef) -> Result<LineOwners, EraserError> {
    let Some(lines) = read(search.deps, name).await? else {
        return Ok(LineOwners::default());
    };
    let mut owners = LineOwners::asked_by(&lines.bytes);
    let sources: Vec<String> = owners.sources().map(str::to_owned).collect();
    for key in sources {
        let source = ObjectRef {
            bucket: name.bucket.clone(),
            key,
        };
        let _only_one_in_memory = search.source.lock().await;
        if let Some(body) = read(search.deps, &source).await? {
            owners.read(&source.key, &body.bytes, &search.person);
        }
    }
    Ok(owners)
}

/// Deletes an object that has a name of the person: a delivery that nobody acknowledged, or a query's result, which a query makes again.
pub(super) async fn whole(search: &Search<'_>, name: &ObjectRef) -> Result<Finding, EraserError> {
    let Some(body) = read(search.deps, name).await? else {
        return Ok(Finding::default());
    };
    let mut count = Count {
        searched: 1,
        ..Count::default()
    };
    if is_anywhere_in(&body.bytes, &search.person) {
        count.found = 1;
        if search.changes {
            remove(&search.deps.s3, name, LIMIT).await?;
            count.changed = 1;
        }
        return Ok(Finding {
            count,
            problem: None,
        });
    }
    let problem = body.damage.map(str::to_owned);
    Ok(Finding { count, problem })
}

/// Reports what Firehose could not deliver if it has a name of the person. It may be the only copy of others' events too.
pub(super) async fn undelivered(
    search: &Search<'_>,
    name: &ObjectRef,
) -> Result<Finding, EraserError> {
    let Some(body) = read(search.deps, name).await? else {
        return Ok(Finding::default());
    };
    if is_anywhere_in(&body.bytes, &search.person) {
        return Ok(Finding::problem(
            "Firehose could not deliver its records, and it may be their only copy: send those of others again, and delete it",
        ));
    }
    let count = Count {
        searched: 1,
        ..Count::default()
    };
    let problem = body.damage.map(str::to_owned);
    Ok(Finding { count, problem })
}
