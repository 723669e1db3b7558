//! Writes down what was done about items.

use std::{collections::BTreeMap, time::Duration};

use aws_io::s3::{NewObject, ObjectRef, PutError, put_new};
use event_model::rejected::{Mark, MarkStatus, RejectedId, marks_prefix};
use sha2::{Digest as _, Sha256};
use time::{
    OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339, macros::format_description,
};

use crate::Deps;

const PUT_LIMIT: Duration = Duration::from_secs(5);

/// An item that something was done about.
#[derive(Debug)]
pub(crate) struct Marked<'a> {
    pub(crate) id: &'a RejectedId,
    pub(crate) status: MarkStatus,
    pub(crate) retried_as: Option<&'a str>,
}

/// Marks items, with one object for each pipeline and day that they are listed under. They are never changed, so a mark stays.
///
/// # Errors
/// When S3 did not confirm all of them. Marking again adds the same marks.
pub(crate) async fn mark(
    deps: &Deps,
    items: &[Marked<'_>],
    note: Option<&str>,
) -> Result<(), PutError> {
    let now = (deps.clock)().to_offset(UtcOffset::UTC);
    let at = now.format(&Rfc3339).unwrap_or_default();
    let mut objects: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for item in items {
        let lines = objects
            .entry(marks_prefix(item.id.pipeline(), item.id.day()))
            .or_default();
        let mark = Mark {
            id: item.id.to_string(),
            status: item.status,
            at: at.clone(),
            note: note.map(str::to_owned),
            retried_as: item.retried_as.map(str::to_owned),
        };
        serde_json::to_writer(&mut *lines, &mark)
            .expect("text fields are always JSON, and a vector accepts them");
        lines.push(b'\n');
    }
    for (prefix, lines) in objects {
        let object = NewObject {
            name: ObjectRef {
                bucket: deps.config.bucket.clone(),
                key: format!("{prefix}{}", name(now, &lines)),
            },
            body: lines.into(),
            content_type: "application/x-ndjson",
            metadata: Vec::new(),
        };
        put_new(&deps.s3, &object, PUT_LIMIT).await?;
    }
    Ok(())
}

/// A name after those of earlier marks.
fn name(now: OffsetDateTime, lines: &[u8]) -> String {
    let time = now
        .format(format_description!(
            "[year][month][day]T[hour][minute][second][subsecond digits:6]"
        ))
        .unwrap_or_default();
    let digest = hex::encode(Sha256::digest(lines));
    format!("{time}-{}.ndjson", digest.get(..16).unwrap_or(&digest))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn names_are_in_the_order_of_time() {
        let first = name(datetime!(2026-11-21 09:59:59.9 UTC), b"z");
        let second = name(datetime!(2026-11-21 10:00 UTC), b"a");

        assert!(first < second, "{first} {second}");
        assert!(first.starts_with("20261121T095959900000-"), "{first}");
    }
}
