//! Rejected lines, and objects that go as a whole.

use std::time::Duration;

use aws_io::s3::{ObjectRef, replace::remove};
use erasure::{Names as _, rewrite_rejected};
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
    let person = &search.person;
    rewrite_object(search.deps, name, person, search.changes, |bytes| {
        rewrite_rejected(pipeline, bytes, person)
    })
    .await
}

/// Deletes an object that has a name of the person: a delivery that nobody acknowledged, or a query's result, which a query makes again.
pub(super) async fn whole(search: &Search<'_>, name: &ObjectRef) -> Result<Finding, EraserError> {
    let Some(body) = read(search.deps, name).await? else {
        return Ok(Finding::default());
    };
    let text = String::from_utf8_lossy(&body.bytes);
    let mut count = Count {
        searched: 1,
        ..Count::default()
    };
    if search.person.is_mentioned_in(&text) {
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
