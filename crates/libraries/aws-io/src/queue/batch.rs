//! Calls of the batch actions of SQS: ten entries to a call, several calls at once, and failed entries again.

use std::{collections::HashSet, time::Duration};

use aws_sdk_sqs::types::BatchResultErrorEntry;
use futures::{StreamExt, stream};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::QueueError;

/// The most entries that one call takes
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>).
const MAX_ENTRIES: usize = 10;
/// How often failed entries are retried: SQS answers 200 and names the entries that failed.
const ENTRY_ATTEMPTS: u32 = 3;
const ENTRY_BACKOFF: Duration = Duration::from_millis(200);

/// The entries of a batch that failed.
#[derive(Debug, Default)]
pub struct BatchFailures {
    /// Their indices, ascending.
    pub indices: Vec<usize>,
    /// The error of a call that failed as a whole. `None` if SQS named single entries, or the deadline passed.
    pub error: Option<QueueError>,
}

/// Calls `call` for all of `entries`, with `parallel` calls at a time. `call` gets some entries, each with the id by
/// which SQS names it if it fails, and returns the failures of the response. An entry whose call did not end by
/// `deadline` has failed; SQS may have processed it.
pub(super) async fn in_batches<'a, T>(
    entries: &'a [T],
    parallel: usize,
    deadline: Instant,
    call: impl AsyncFn(Vec<(String, &'a T)>) -> Result<Vec<BatchResultErrorEntry>, QueueError>,
) -> BatchFailures {
    let indices: Vec<usize> = (0..entries.len()).collect();
    let batches = stream::iter(indices.chunks(MAX_ENTRIES))
        .map(|chunk| one_batch(entries, chunk, deadline, &call))
        .buffer_unordered(parallel);
    let mut failures = batches
        .fold(BatchFailures::default(), async |mut all, batch| {
            all.indices.extend(batch.indices);
            all.error = all.error.or(batch.error);
            all
        })
        .await;
    failures.indices.sort_unstable();
    failures
}

async fn one_batch<'a, T>(
    entries: &'a [T],
    indices: &[usize],
    deadline: Instant,
    call: &impl AsyncFn(Vec<(String, &'a T)>) -> Result<Vec<BatchResultErrorEntry>, QueueError>,
) -> BatchFailures {
    let mut left = indices.to_vec();
    for attempt in 1..=ENTRY_ATTEMPTS {
        let batch = left
            .iter()
            .filter_map(|index| Some((index.to_string(), entries.get(*index)?)));
        let failures = match timeout_at(deadline, call(batch.collect())).await {
            Ok(Ok(failures)) => failures,
            Ok(Err(error)) => {
                return BatchFailures {
                    indices: left,
                    error: Some(error),
                };
            }
            Err(_) => break,
        };
        let named: HashSet<&str> = failures.iter().map(BatchResultErrorEntry::id).collect();
        left.retain(|index| named.contains(index.to_string().as_str()));
        if left.is_empty() {
            break;
        }
        if attempt < ENTRY_ATTEMPTS {
            sleep_until(deadline.min(Instant::now() + ENTRY_BACKOFF * attempt)).await;
        }
    }
    BatchFailures {
        indices: left,
        error: None,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use aws_sdk_sqs::error::SdkError;

    use super::*;

    fn in_a_minute() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    fn failure(id: &str) -> BatchResultErrorEntry {
        BatchResultErrorEntry::builder()
            .id(id)
            .code("InternalError")
            .sender_fault(false)
            .build()
            .unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn failed_entries_are_sent_again_alone_and_named_when_they_never_succeed() {
        let entries: Vec<u32> = (0..25).collect();
        let calls = RefCell::new(Vec::<Vec<String>>::new());

        let failures = in_batches(&entries, 2, in_a_minute(), async |batch| {
            let ids: Vec<String> = batch.iter().map(|(id, _)| id.clone()).collect();
            assert!(batch.iter().all(|(id, entry)| *id == entry.to_string()));
            let is_first_time = !calls.borrow().concat().contains(&"13".to_owned());
            calls.borrow_mut().push(ids.clone());
            let fails = |id: &&String| *id == "24" || *id == "7" || (*id == "13" && is_first_time);
            // An unknown id in the response is ignored.
            let named = ids.iter().filter(fails).map(|id| failure(id));
            Ok(named.chain([failure("99")]).collect())
        })
        .await;

        assert_eq!(failures.indices, [7, 24]);
        assert!(failures.error.is_none());
        let mut sizes: Vec<usize> = calls.borrow().iter().map(Vec::len).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [1, 1, 1, 1, 1, 5, 10, 10]);
    }

    #[tokio::test]
    async fn nothing_to_send_calls_nothing() {
        let failures = in_batches::<u32>(&[], 4, in_a_minute(), async |_| panic!("called")).await;

        assert!(failures.indices.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_fail_or_do_not_end_in_time_leave_the_others_done() {
        let entries: Vec<u32> = (0..30).collect();

        let failures = in_batches(&entries, 3, in_a_minute(), async |batch| {
            match batch.first() {
                Some((_, 0)) => Err(QueueError::Delete {
                    queue_url: "q".to_owned(),
                    source: Box::new(SdkError::timeout_error("late")),
                }),
                Some((_, 10)) => std::future::pending().await,
                _ => Ok(Vec::new()),
            }
        })
        .await;

        assert_eq!(failures.indices, (0..20).collect::<Vec<_>>());
        assert!(matches!(failures.error, Some(QueueError::Delete { .. })));
    }
}
