//! What must hold after every step, and at the end.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use crate::{
    bucket::{Bucket, Object},
    item::{self, Item, RawContent, TABLES, table_of},
    queue::Queue,
    reader::{Counts, Reader},
};

/// The rules, and what they have seen.
#[derive(Debug, Default)]
pub(crate) struct Invariants {
    pub(crate) reader: Reader,
    raw: BTreeMap<String, RawContent>,
    /// Everything that a reader has ever found.
    seen: BTreeSet<Item>,
    /// Objects that were deleted since the last check.
    deleted: Vec<(String, Object)>,
    /// How many of the rules' checks there were.
    pub(crate) checks: u64,
}

impl Invariants {
    pub(crate) fn note_deleted(&mut self, key: &str, object: Object) {
        self.deleted.push((key.to_owned(), object));
    }

    /// Checks the rules.
    ///
    /// # Errors
    /// The rule that does not hold.
    pub(crate) fn check(
        &mut self,
        bucket: &Bucket,
        archive: &Queue,
        now: OffsetDateTime,
    ) -> Result<(), String> {
        self.checks += 1;
        self.read_raw(bucket);
        let visible = self.reader.see(bucket, now);
        self.nothing_is_lost(&visible)?;
        self.nothing_is_seen_twice(&visible)?;
        self.nothing_disappears(&visible)?;
        self.what_is_acknowledged_is_settled(bucket, archive)
    }

    fn read_raw(&mut self, bucket: &Bucket) {
        for (key, object) in bucket.under("raw/") {
            if item::is_archived(key) && !self.raw.contains_key(key) {
                let content = item::of_raw(key, &object.body);
                self.raw.insert(key.to_owned(), content);
            }
        }
    }

    /// No file is deleted that has the only copy that a reader finds.
    fn nothing_is_lost(&mut self, visible: &Counts) -> Result<(), String> {
        for (key, object) in std::mem::take(&mut self.deleted) {
            if key.starts_with("raw/") {
                return Err(format!("{key} was deleted, and is the source of truth"));
            }
            let Some(table) = TABLES
                .into_iter()
                .find(|table| key.starts_with(&format!("lake/{table}/")))
            else {
                continue;
            };
            let items = self.reader.items(table, &key, &object);
            if let Some((_, item)) = items.iter().find(|(_, item)| !visible.contains_key(item)) {
                return Err(format!("{key} was deleted with the only copy of {item:?}"));
            }
        }
        Ok(())
    }

    /// How often each item was sent, by the raw objects.
    fn sent(&self) -> Counts {
        let mut sent = Counts::new();
        for item in self.raw.values().flat_map(|content| &content.items) {
            *sent.entry(item.clone()).or_default() += 1;
        }
        sent
    }

    /// An item of one raw object is found in one file. Before compaction an item that was sent twice is found twice.
    pub(crate) fn nothing_is_seen_twice(&self, visible: &Counts) -> Result<(), String> {
        let sent = self.sent();
        for (item, times) in visible {
            match sent.get(item) {
                None => return Err(format!("{item:?} is seen, and nobody sent it")),
                Some(sent) if times > sent => {
                    return Err(format!(
                        "{item:?} is seen {times} times, and was sent {sent} times"
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// What a reader has found, every later one finds.
    fn nothing_disappears(&mut self, visible: &Counts) -> Result<(), String> {
        if let Some(item) = self.seen.iter().find(|item| !visible.contains_key(item)) {
            return Err(format!("{item:?} was seen and is not seen any more"));
        }
        self.seen.extend(visible.keys().cloned());
        Ok(())
    }

    /// Everything that a reader has ever found.
    pub(crate) fn seen(&self) -> BTreeSet<Item> {
        self.seen.clone()
    }

    /// Each raw object waits in the queue, or all of it is in the lake or rejected.
    fn what_is_acknowledged_is_settled(
        &mut self,
        bucket: &Bucket,
        archive: &Queue,
    ) -> Result<(), String> {
        let pending: Vec<String> = archive
            .bodies()
            .map(|body| body.replace("%3D", "="))
            .collect();
        let is_pending = |key: &str| pending.iter().any(|body| body.contains(key));
        let kept = self.reader.kept(bucket);
        for (key, content) in self.raw.iter().filter(|(key, _)| !is_pending(key)) {
            if let Some(item) = content.items.iter().find(|item| !kept.contains(item)) {
                return Err(format!(
                    "the message about {key} is deleted, and {item:?} is in no file"
                ));
            }
            let rejected = rejected_of(bucket, key);
            if rejected != content.rejected {
                let expected = content.rejected;
                return Err(format!(
                    "the message about {key} is deleted, and {rejected} of {expected} records are rejected"
                ));
            }
        }
        Ok(())
    }

    /// When everything has come to rest: each item is found exactly once.
    ///
    /// # Errors
    /// The rule that does not hold.
    pub(crate) fn check_end(&mut self, bucket: &Bucket, now: OffsetDateTime) -> Result<(), String> {
        let visible = self.reader.see(bucket, now);
        for item in self.sent().keys() {
            match visible.get(item) {
                Some(1) => {}
                other => {
                    let times = other.copied().unwrap_or(0);
                    return Err(format!("{item:?} is seen {times} times at the end"));
                }
            }
        }
        Ok(())
    }
}

/// How many records of a raw object are rejected.
fn rejected_of(bucket: &Bucket, raw_key: &str) -> usize {
    let prefix = format!("rejected/{}/", table_of(raw_key));
    let lines = bucket
        .under(&prefix)
        .flat_map(|(_, object)| object.body.split(|byte| *byte == b'\n'));
    let source = format!("\"{raw_key}\"");
    lines
        .filter(|line| String::from_utf8_lossy(line).contains(&source))
        .count()
}
