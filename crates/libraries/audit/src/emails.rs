//! Raw objects of email events, against Postgres.

use std::collections::{BTreeMap, BTreeSet};

use aws_io::gzip::{self, MAX_BATCH_BYTES};
use email_senders::to_sparkpost;
use event_model::{
    BatchKey, EventKey, Pipeline, Timestamp,
    rejected::StoredLine,
    sparkpost::{Batch, parse_batch},
};
use time::Duration;

use crate::{
    Audit, AuditError,
    report::{Finding, Report, Side, Sums, What},
};

/// An event as Postgres knows it.
pub type AskedEvent = (Timestamp, EventKey);

/// A batch that Postgres has loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedBatch {
    /// Its key.
    pub batch_key: String,
    /// Its items that were rejected, as the batch's own row says.
    pub rejected: u64,
    /// The rows of rejected items: the place of the item, and whether the row stands for several.
    pub rejections: Vec<(u32, bool)>,
}

/// The database of email events.
pub trait EmailStore {
    /// Why it could not be asked.
    type Error: std::error::Error + 'static;

    /// Those of some batches that are loaded.
    fn batches(
        &self,
        keys: &[String],
    ) -> impl Future<Output = Result<Vec<LoadedBatch>, Self::Error>>;

    /// The positions of the events that have no row.
    fn missing(
        &self,
        events: &[AskedEvent],
    ) -> impl Future<Output = Result<BTreeSet<usize>, Self::Error>>;

    /// The keys of the batches that were loaded from a time on, before another.
    fn loaded(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Future<Output = Result<Vec<String>, Self::Error>>;
}

/// A notification waits for at most this long.
const QUEUE_TIME: Duration = Duration::days(14);
/// Batches that are asked for at once.
const ASKED_AT_ONCE: usize = 200;

pub(crate) async fn audit<S: EmailStore>(
    audit: &Audit<'_>,
    store: &S,
    report: &mut Report,
) -> Result<(), AuditError<S::Error>> {
    let pipeline = Pipeline::EmailEvents;
    let mut sums = Sums::new(pipeline, Side::Postgres);
    let objects = audit.list_raw(pipeline, audit.day).await?;
    sums.objects = u64::try_from(objects.len()).unwrap_or(u64::MAX);
    let mut rejected_objects_of_day: Option<BTreeSet<String>> = None;

    for chunk in objects.chunks(ASKED_AT_ONCE) {
        let keys: Vec<String> = chunk
            .iter()
            .filter_map(|object| key_of(&object.key))
            .collect();
        let loaded = store.batches(&keys).await.map_err(AuditError::Database)?;
        let loaded: BTreeMap<String, LoadedBatch> = loaded
            .into_iter()
            .map(|batch| (batch.batch_key.clone(), batch))
            .collect();
        for object in chunk {
            let batch = key_of(&object.key).and_then(|key| loaded.get(&key));
            match batch {
                Some(batch) => {
                    audit_batch(audit, store, &object.key, batch, &mut sums, report).await?;
                }
                None if audit.may_wait(object.last_modified) => sums.waiting += 1,
                None => {
                    // An object that nobody can load is one rejected item.
                    let known = match &rejected_objects_of_day {
                        Some(known) => known,
                        None => rejected_objects_of_day.insert(rejected_objects(audit).await?),
                    };
                    sums.items += 1;
                    if known.contains(&object.key) {
                        sums.rejected += 1;
                    } else {
                        let what = What::ObjectNotProcessed;
                        report.findings.push(finding(what, &object.key, None, None));
                    }
                }
            }
        }
    }
    report.add(sums);
    find_missing_objects(audit, store, report).await
}

/// Compares the items of an object with the rows of its batch.
async fn audit_batch<S: EmailStore>(
    audit: &Audit<'_>,
    store: &S,
    key: &str,
    loaded: &LoadedBatch,
    sums: &mut Sums,
    report: &mut Report,
) -> Result<(), AuditError<S::Error>> {
    let object = audit.read(key).await?.unwrap_or_default();
    let Ok(body) = gzip::decode_capped(&object, MAX_BATCH_BYTES) else {
        sums.items += 1;
        report
            .findings
            .push(finding(What::ObjectUnreadable, key, None, None));
        return Ok(());
    };
    let Ok(delivery) = audit.senders.delivery(key) else {
        sums.items += 1;
        report
            .findings
            .push(finding(What::ObjectUnreadable, key, None, None));
        return Ok(());
    };
    let body = to_sparkpost(delivery.as_ref(), &body);
    let batch = parse_batch(&body, audit.now);
    let asked: Vec<AskedEvent> = batch
        .events
        .iter()
        .map(|event| (event.timestamp, event.key))
        .collect();
    let missing = if asked.is_empty() {
        BTreeSet::new()
    } else {
        store.missing(&asked).await.map_err(AuditError::Database)?
    };
    compare(key, &batch, &missing, loaded, sums, &mut report.findings);
    Ok(())
}

/// What of a batch is where. An event without a row may have been rejected when it was loaded: then a row of rejections says so.
fn compare(
    key: &str,
    batch: &Batch<'_>,
    missing: &BTreeSet<usize>,
    loaded: &LoadedBatch,
    sums: &mut Sums,
    findings: &mut Vec<Finding>,
) {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    sums.items += count(batch.received());
    let rejections: BTreeMap<u32, bool> = loaded.rejections.iter().copied().collect();
    let mut rejected = 0;
    for item in &batch.rejected {
        if rejections.contains_key(&item.ordinal) {
            rejected += count(item.count());
        } else {
            findings.push(finding(
                What::RejectionMissing,
                key,
                Some(item.ordinal),
                Some(item.reason.code().to_owned()),
            ));
        }
    }
    // Events that were refused by Postgres, or are past the retention: some have rows of their own, others share one.
    let known: BTreeSet<u32> = batch.rejected.iter().map(|item| item.ordinal).collect();
    let shares_row = rejections
        .iter()
        .any(|(ordinal, is_many)| *is_many && !known.contains(ordinal));
    let mut shared = loaded
        .rejected
        .saturating_sub(count(batch.rejected_count()));
    for (place, event) in batch.events.iter().enumerate() {
        if !missing.contains(&place) {
            sums.stored += 1;
            continue;
        }
        if rejections.contains_key(&event.ordinal) {
            rejected += 1;
            shared = shared.saturating_sub(1);
        } else if shares_row && shared > 0 {
            rejected += 1;
            shared -= 1;
        } else {
            findings.push(finding(
                What::RowMissing,
                key,
                Some(event.ordinal),
                Some(format!("{} {}", event.key, event.timestamp)),
            ));
        }
    }
    sums.rejected += rejected;
}

/// Batches that were loaded on the day or soon after, of which the object is on no day from which it could have waited.
async fn find_missing_objects<S: EmailStore>(
    audit: &Audit<'_>,
    store: &S,
    report: &mut Report,
) -> Result<(), AuditError<S::Error>> {
    let from = audit.day.midnight().assume_utc();
    let loaded = store
        .loaded(
            Timestamp::from_time(from),
            Timestamp::from_time(from + Duration::DAY),
        )
        .await
        .map_err(AuditError::Database)?;
    let mut unexplained: BTreeSet<String> = loaded.into_iter().collect();
    let mut day = audit.day;
    let first = audit.day - QUEUE_TIME;
    // Nearly all batches are loaded on the day of their arrival, so further days are listed for the rest only.
    while !unexplained.is_empty() && day >= first {
        for object in audit.list_raw(Pipeline::EmailEvents, day).await? {
            if let Some(key) = key_of(&object.key) {
                unexplained.remove(&key);
            }
        }
        let Some(before) = day.previous_day() else {
            break;
        };
        day = before;
    }
    let findings = unexplained
        .iter()
        .map(|batch| finding(What::ObjectMissing, batch, None, None));
    report.findings.extend(findings);
    Ok(())
}

/// The objects that were rejected as a whole: a line of such an object has no ordinal. It may be written as long as the object's
/// notification waits.
async fn rejected_objects<E: std::error::Error + 'static>(
    audit: &Audit<'_>,
) -> Result<BTreeSet<String>, AuditError<E>> {
    let mut sources = BTreeSet::new();
    let days = std::iter::successors(Some(audit.day), |day| day.next_day());
    let last = audit.now.date().min(audit.day + QUEUE_TIME);
    for day in days.take_while(|day| *day <= last) {
        let prefix = format!("{}dt={day}/", Pipeline::EmailEvents.rejected_prefix());
        for object in audit.list(&prefix).await? {
            if !object.key.ends_with(".ndjson") {
                continue;
            }
            let lines = audit.read(&object.key).await?.unwrap_or_default();
            sources.extend(
                StoredLine::read_all(&lines)
                    .filter(|line| line.ordinal.is_none())
                    .filter_map(|line| line.source_key),
            );
        }
    }
    Ok(sources)
}

fn key_of(object_key: &str) -> Option<String> {
    let key = BatchKey::from_object_key(object_key).ok()?;
    Some(key.as_str().to_owned())
}

fn finding(what: What, object: &str, item: Option<u32>, detail: Option<String>) -> Finding {
    Finding {
        pipeline: Pipeline::EmailEvents.name(),
        side: Side::Postgres,
        what,
        object: object.to_owned(),
        item,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const KEY: &str = "raw/sparkpost/dt=2026-11-20/b.json.gz";

    fn body() -> String {
        let event = |id: u32, time: &str| {
            format!(
                r#"{{"msys":{{"message_event":{{"type":"bounce","event_id":"{id}","timestamp":"{time}","rcpt_to":"a@b.example"}}}}}}"#
            )
        };
        format!(
            r#"[{{"msys":{{}}}},{},{},{},7]"#,
            event(1, "1795000000"),
            event(2, "1795000000"),
            event(3, "soon")
        )
    }

    /// The sums and what is missing, given the places of the events without a row, and the rows of rejections.
    fn compared(
        missing: &[usize],
        rejected: u64,
        rejections: &[(u32, bool)],
    ) -> (Sums, Vec<(What, Option<u32>)>) {
        let body = body();
        let batch = parse_batch(body.as_bytes(), datetime!(2026-11-20 12:00 UTC));
        let loaded = LoadedBatch {
            batch_key: "b".to_owned(),
            rejected,
            rejections: rejections.to_vec(),
        };
        let mut sums = Sums::new(Pipeline::EmailEvents, Side::Postgres);
        let mut findings = Vec::new();
        let missing = missing.iter().copied().collect();
        compare(KEY, &batch, &missing, &loaded, &mut sums, &mut findings);
        let named = findings.iter().map(|finding| (finding.what, finding.item));
        (sums, named.collect())
    }

    #[test]
    fn items_are_stored_or_rejected_and_pings_are_none() {
        let (sums, findings) = compared(&[], 2, &[(3, false), (4, false)]);

        assert_eq!((sums.items, sums.stored, sums.rejected), (4, 2, 2));
        assert_eq!(findings, []);
    }

    #[test]
    fn a_row_and_a_rejection_that_are_not_there_are_named() {
        let (sums, findings) = compared(&[1], 2, &[(3, false)]);

        assert_eq!((sums.items, sums.stored, sums.rejected), (4, 1, 1));
        assert_eq!(
            findings,
            [
                (What::RejectionMissing, Some(4)),
                (What::RowMissing, Some(2))
            ]
        );
    }

    #[test]
    fn events_that_were_rejected_when_they_were_loaded_are_not_missing() {
        let alone = compared(&[1], 3, &[(2, false), (3, false), (4, false)]);
        let shared = compared(&[0, 1], 4, &[(1, true), (3, false), (4, false)]);
        let one_too_many = compared(&[0, 1], 3, &[(1, true), (3, false), (4, false)]);

        assert_eq!((alone.0.rejected, alone.1), (3, vec![]));
        assert_eq!((shared.0.rejected, shared.1), (4, vec![]));
        assert_eq!(one_too_many.1, [(What::RowMissing, Some(2))]);
    }
}
