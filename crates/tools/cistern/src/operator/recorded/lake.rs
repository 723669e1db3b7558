//! Which raw objects the archiver has converted, by the names of the files that it made of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, Result};
use aws_io::{
    S3Client,
    s3::{ObjectRef, get_capped, listing},
};
use event_model::Pipeline;
use lake_schema::{
    FileId, arrival,
    layout::{self, FileKind, LakeFile},
};
use serde::Deserialize;
use time::Date;

/// Time limit of a call.
const CALL_LIMIT: Duration = Duration::from_mins(1);
/// The archiver's own limit.
const MAX_STATE_BYTES: usize = 64 << 20;

/// The files of a table, and those that are contained in compacted days.
#[derive(Debug)]
pub(crate) struct LakeRecords {
    pipeline: Pipeline,
    parts: BTreeSet<(Date, FileId)>,
    days: BTreeSet<Date>,
    /// Keys of rejected lines.
    rejections: BTreeSet<String>,
}

impl LakeRecords {
    /// Reads what the lake has now.
    ///
    /// # Errors
    /// S3 refuses or cannot be reached, or the state of a day cannot be read.
    pub(crate) async fn read(s3: &S3Client, bucket: &str, pipeline: Pipeline) -> Result<Self> {
        let table = pipeline.name();
        let list = async |prefix: &str| listing::list(s3, bucket, prefix, CALL_LIMIT).await;
        let mut parts = BTreeSet::new();
        for object in list(&layout::parts_prefix(table)).await? {
            if let Some(LakeFile {
                day,
                kind: FileKind::Part { .. },
                id,
            }) = LakeFile::from_key(table, &object.key)
            {
                parts.insert((day, id));
            }
        }
        for object in list(&layout::day_states_prefix(table)).await? {
            let Some(day) = layout::day_of_state(table, &object.key) else {
                continue;
            };
            let name = ObjectRef {
                bucket: bucket.to_owned(),
                key: object.key,
            };
            let state = get_capped(s3, &name, MAX_STATE_BYTES, CALL_LIMIT).await?;
            let ids = parts_of_state(&state)
                .with_context(|| format!("{name} is not the state of a day"))?;
            parts.extend(ids.into_iter().map(|id| (day, id)));
        }
        let rejections = list(pipeline.rejected_prefix()).await?;
        Ok(Self {
            pipeline,
            days: parts.iter().map(|(day, _)| *day).collect(),
            parts,
            rejections: rejections.into_iter().map(|object| object.key).collect(),
        })
    }

    /// Whether rows or rejections of the raw object are in the lake: at least one of its files, which are one for each day of its
    /// events. An object without any event leaves none.
    ///
    /// `source_key` is its key, with the bucket in front (`s3://…`) if that is not the stack's own.
    pub(crate) fn has(&self, source_key: &str) -> bool {
        let part_of = |day: Date| FileId::of_part(self.pipeline.name(), day, source_key);
        let has_part = self
            .days
            .iter()
            .any(|day| self.parts.contains(&(*day, part_of(*day))));
        has_part
            || arrival::from_key(source_key).is_some_and(|arrival| {
                let day = arrival.date();
                let key = layout::rejected_key(self.pipeline, day, part_of(day));
                self.rejections.contains(&key)
            })
    }
}

/// The parts that the files of a compacted day contain.
fn parts_of_state(bytes: &[u8]) -> Result<Vec<FileId>> {
    #[derive(Deserialize)]
    struct State {
        parts: BTreeMap<FileId, FileId>,
    }

    let state: State = serde_json::from_slice(bytes)?;
    Ok(state.parts.into_keys().collect())
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    const KEY: &str = "raw/track/dt=2026-01-31/hour=12/a.gz";

    fn records(parts: &[(Date, &str)], rejections: &[String]) -> LakeRecords {
        let parts: BTreeSet<_> = parts
            .iter()
            .map(|(day, key)| (*day, FileId::of_part("product_events", *day, key)))
            .collect();
        LakeRecords {
            pipeline: Pipeline::ProductEvents,
            days: parts.iter().map(|(day, _)| *day).collect(),
            parts,
            rejections: rejections.iter().cloned().collect(),
        }
    }

    #[test]
    fn an_object_is_known_by_its_parts_of_any_day_and_by_its_rejections() {
        let day = date!(2026 - 01 - 31);

        let by_part = records(&[(date!(2025 - 12 - 01), KEY)], &[]);
        assert!(by_part.has(KEY) && !by_part.has("raw/track/dt=2026-01-31/hour=12/b.gz"));
        // The same file under another day belongs to nothing.
        assert!(!records(&[(day, "other")], &[]).has(KEY));
        let id = FileId::of_part("product_events", day, KEY);
        let line = layout::rejected_key(Pipeline::ProductEvents, day, id);
        assert!(records(&[], &[line]).has(KEY));
        assert!(!records(&[], &[]).has(KEY));
    }

    #[test]
    fn the_state_of_a_day_names_its_parts() {
        let id = FileId::of_part("product_events", date!(2026 - 01 - 31), KEY);
        let state = format!(
            r#"{{"output":"{id}","closed_at":"…","row_count":1,"parts":{{"{id}":"{id}"}}}}"#
        );

        assert_eq!(parts_of_state(state.as_bytes()).unwrap(), [id]);
        assert!(parts_of_state(b"{}").is_err());
    }
}
