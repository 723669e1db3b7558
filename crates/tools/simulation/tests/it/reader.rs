//! What a reader of the lake finds, by the rules of the tables' projections and views: it lists, reads the manifest and opens files.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lake_schema::layout::{self, FileKind, LakeFile};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::{
    bucket::{Bucket, Object},
    item::{self, Item, TABLES},
};

/// How often each item is there.
pub(crate) type Counts = BTreeMap<Item, usize>;

/// The items of files, by `ETag`: nothing is read twice.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    files: BTreeMap<u64, Arc<Vec<(String, Item)>>>,
}

/// The files of the table that a query lists at `now`.
pub(crate) fn list_files(bucket: &Bucket, table: &str, now: OffsetDateTime) -> Vec<String> {
    let prefix = layout::table_prefix(table);
    let is_listed = |key: &str| {
        let file = LakeFile::from_key(table, key);
        file.is_some_and(|file| match file.kind {
            FileKind::Part { at } => {
                let oldest = now.date() - Duration::days(layout::PARTS_DAYS_BEFORE);
                layout::listed_days(now).any(|day| day == at) && file.day >= oldest
            }
            FileKind::CompactedDay | FileKind::MonthlyCopy => true,
        })
    };
    let files = bucket.under(&prefix).map(|(key, _)| key);
    files
        .filter(|key| is_listed(key))
        .map(str::to_owned)
        .collect()
}

/// The versions of the manifest that a query lists at `now`, ascending.
pub(crate) fn list_manifests(bucket: &Bucket, table: &str, now: OffsetDateTime) -> Vec<String> {
    let prefix = layout::state_prefix(table);
    let mut versions: Vec<_> = bucket
        .under(&prefix)
        .filter_map(|(key, _)| {
            let (version, at) = layout::state_version(table, key)?;
            (now < layout::state_listed_until(at)).then(|| (version, key.to_owned()))
        })
        .collect();
    versions.sort_unstable();
    versions.into_iter().map(|(_, key)| key).collect()
}

/// The ids of the files that the latest of these versions hides; all are opened.
///
/// # Errors
/// The key of one that is gone.
pub(crate) fn hidden(bucket: &Bucket, manifests: &[String]) -> Result<BTreeSet<String>, String> {
    let mut latest = None;
    for key in manifests {
        latest = Some(bucket.get(key).ok_or_else(|| key.clone())?);
    }
    let Some(latest) = latest else {
        return Ok(BTreeSet::new());
    };
    let lines = latest
        .body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    Ok(lines
        .map(|line| serde_json::from_slice::<Value>(line).unwrap())
        .filter(|line| line["hidden"] == true)
        .map(|line| line["file"].as_str().unwrap().to_owned())
        .collect())
}

impl Reader {
    /// What is in the files that are not hidden; all are opened.
    ///
    /// # Errors
    /// The key of one that is gone.
    pub(crate) fn open(
        &mut self,
        bucket: &Bucket,
        table: &'static str,
        files: &[String],
        hidden: &BTreeSet<String>,
    ) -> Result<Counts, String> {
        let mut counts = Counts::new();
        for key in files {
            let object = bucket.get(key).ok_or_else(|| key.clone())?;
            for (file, item) in &*self.items(table, key, object) {
                if !hidden.contains(file) {
                    *counts.entry(item.clone()).or_default() += 1;
                }
            }
        }
        Ok(counts)
    }

    /// What a query finds that takes no time.
    pub(crate) fn see(&mut self, bucket: &Bucket, now: OffsetDateTime) -> Counts {
        let mut counts = Counts::new();
        for table in TABLES {
            let files = list_files(bucket, table, now);
            let hidden = hidden(bucket, &list_manifests(bucket, table, now));
            let hidden = hidden.expect("what was listed just now is there");
            let opened = self.open(bucket, table, &files, &hidden);
            counts.extend(opened.expect("what was listed just now is there"));
        }
        counts
    }

    /// All items of all files, listed and hidden or not.
    pub(crate) fn kept(&mut self, bucket: &Bucket) -> BTreeSet<Item> {
        let mut kept = BTreeSet::new();
        for table in TABLES {
            let prefix = layout::table_prefix(table);
            for (key, object) in bucket.under(&prefix) {
                let items = self.items(table, key, object);
                kept.extend(items.iter().map(|(_, item)| item.clone()));
            }
        }
        kept
    }

    /// The items of a file, each with the id of the file as its row has it.
    pub(crate) fn items(
        &mut self,
        table: &'static str,
        key: &str,
        object: &Object,
    ) -> Arc<Vec<(String, Item)>> {
        let read = || {
            let file = LakeFile::from_key(table, key).expect("the lake has its files only");
            Arc::new(item::of_file(table, file.day, &object.body))
        };
        Arc::clone(self.files.entry(object.etag).or_insert_with(read))
    }
}
