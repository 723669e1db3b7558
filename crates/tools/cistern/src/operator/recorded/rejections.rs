//! Objects that a function rejected as a whole, with the reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::Result;
use aws_io::{
    S3Client,
    s3::{ObjectRef, get_capped, listing},
};
use event_model::{Pipeline, rejected::StoredLine};
use lake_schema::layout::format_day;
use time::Date;

/// Time limit of a call.
const CALL_LIMIT: Duration = Duration::from_mins(1);
/// A line about an object is short; larger objects have the items of readable ones.
const MAX_BYTES: usize = 64 << 10;
/// Objects that are read: each is one rejected object, or the items of one.
const MAX_OBJECTS: usize = 2_000;

/// Why those of the objects were rejected that were, from the lines of the days `first` to `last`.
pub(crate) async fn of_objects(
    s3: &S3Client,
    bucket: &str,
    pipeline: Pipeline,
    (first, last): (Date, Date),
    objects: &BTreeSet<&str>,
) -> Result<BTreeMap<String, String>> {
    let mut reasons = BTreeMap::new();
    let days = std::iter::successors(Some(first), |day| day.next_day());
    for day in days.take_while(|day| *day <= last) {
        let prefix = format!("{}dt={}/", pipeline.rejected_prefix(), format_day(day));
        let listed = listing::list(s3, bucket, &prefix, CALL_LIMIT).await?;
        let small = |object: &listing::Listed| {
            usize::try_from(object.size_bytes).is_ok_and(|size| size <= MAX_BYTES)
        };
        for object in listed.into_iter().filter(small).take(MAX_OBJECTS) {
            let name = ObjectRef {
                bucket: bucket.to_owned(),
                key: object.key,
            };
            let bytes = get_capped(s3, &name, MAX_BYTES, CALL_LIMIT).await?;
            reasons.extend(lines_about(&bytes, objects));
        }
    }
    Ok(reasons)
}

/// The lines about objects as a whole, not about items of them.
fn lines_about(bytes: &[u8], objects: &BTreeSet<&str>) -> Vec<(String, String)> {
    StoredLine::read_all(bytes)
        .filter_map(|line| {
            let source_key = line.source_key?;
            let is_whole = line.ordinal.is_none() && objects.contains(source_key.as_str());
            is_whole.then(|| (source_key, format!("{}: {}", line.reason, line.detail)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_about_whole_objects_count() {
        let lines = br#"{"reason":"not_gzip","detail":"it is zip","source_key":"raw/sparkpost/dt=2026-01-31/a.json.gz"}
{"reason":"no_event","detail":"x","source_key":"raw/sparkpost/dt=2026-01-31/a.json.gz","ordinal":3}
{"reason":"too_large","detail":"x","source_key":"raw/sparkpost/dt=2026-01-31/b.json.gz"}
not JSON
"#;
        let asked = BTreeSet::from(["raw/sparkpost/dt=2026-01-31/a.json.gz"]);

        let found = lines_about(lines, &asked);

        let expected = (
            "raw/sparkpost/dt=2026-01-31/a.json.gz".to_owned(),
            "not_gzip: it is zip".to_owned(),
        );
        assert_eq!(found, [expected]);
    }
}
