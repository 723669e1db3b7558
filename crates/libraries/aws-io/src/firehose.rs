//! Firehose: batches of records, of which refused ones are sent again.

use std::{ops::Range, time::Duration};

use aws_sdk_firehose::{
    config::timeout::TimeoutConfig, error::SdkError,
    operation::put_record_batch::PutRecordBatchError, primitives::Blob, types::Record,
};
use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout_at};

use crate::FirehoseClient;

/// The largest record, before base64 (<https://docs.aws.amazon.com/firehose/latest/dev/limits.html>).
pub const MAX_RECORD_BYTES: usize = 1_000 << 10;

/// The most records of one call.
const MAX_CALL_RECORDS: usize = 500;
/// The most bytes of one call.
const MAX_CALL_BYTES: usize = 4 << 20;

/// The pause before the first retry; doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Records that Firehose has not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum PutRecordsError {
    /// Firehose responded and refused records until the deadline.
    #[error("{stream} refused {count} records: {code}")]
    Refused {
        /// The stream.
        stream: String,
        /// The number of refused records.
        count: usize,
        /// The error code of one of them.
        code: String,
    },
    /// Calls failed until the deadline.
    #[error("putting records into {stream}")]
    Call {
        /// The stream.
        stream: String,
        /// The SDK's error.
        source: Box<SdkError<PutRecordBatchError>>,
    },
    /// Firehose did not respond before the deadline.
    #[error("no response from {stream} before the deadline")]
    TimedOut {
        /// The stream.
        stream: String,
    },
}

/// Puts all of `records` into `stream` within `limit`.
///
/// Refused records are sent again without the others, and failed calls are repeated. So a record may be stored twice if a response is
/// lost, and none is missing if this returns `Ok`.
///
/// # Errors
/// Records are left at the end of `limit`. Others may have been stored.
pub async fn put_records(
    client: &FirehoseClient,
    stream: &str,
    records: Vec<Bytes>,
    limit: Duration,
) -> Result<(), PutRecordsError> {
    let deadline = Instant::now() + limit;
    let mut left = records;
    let mut last_error = PutRecordsError::TimedOut {
        stream: stream.to_owned(),
    };
    let mut pause = FIRST_PAUSE;
    loop {
        let mut refused = Vec::new();
        for call in calls(&left) {
            let put = put(client, stream, &left[call.clone()], limit);
            match timeout_at(deadline, put).await {
                Ok(Ok(answer)) => {
                    refused.extend(
                        answer
                            .refused
                            .iter()
                            .map(|index| left[call.start + index].clone()),
                    );
                    if let Some(code) = answer.code {
                        last_error = PutRecordsError::Refused {
                            stream: stream.to_owned(),
                            count: refused.len(),
                            code,
                        };
                    }
                }
                Ok(Err(source)) => {
                    refused.extend_from_slice(&left[call]);
                    last_error = PutRecordsError::Call {
                        stream: stream.to_owned(),
                        source: Box::new(source),
                    };
                }
                Err(_) => return Err(last_error),
            }
        }
        if refused.is_empty() {
            return Ok(());
        }
        left = refused;
        if Instant::now() + pause >= deadline {
            return Err(last_error);
        }
        sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

/// The response about the records of one call.
struct Answer {
    /// The indices of the refused records.
    refused: Vec<usize>,
    /// The error code of one of them.
    code: Option<String>,
}

async fn put(
    client: &FirehoseClient,
    stream: &str,
    records: &[Bytes],
    limit: Duration,
) -> Result<Answer, SdkError<PutRecordBatchError>> {
    let record = |bytes: &Bytes| {
        Record::builder()
            .data(Blob::new(bytes.to_vec()))
            .build()
            .expect("a record has data")
    };
    // An attempt that hangs must leave time for the next.
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(limit)
        .operation_attempt_timeout(limit / 2)
        .build();
    let output = client
        .put_record_batch()
        .delivery_stream_name(stream)
        .set_records(Some(records.iter().map(record).collect()))
        .customize()
        .config_override(aws_sdk_firehose::config::Builder::new().timeout_config(timeouts))
        .send()
        .await?;
    let entries = output.request_responses();
    let mut answer = Answer {
        refused: Vec::new(),
        code: None,
    };
    for index in 0..records.len() {
        // A record without an entry in the response is not confirmed.
        let entry = entries.get(index);
        if entry.is_some_and(|entry| entry.record_id().is_some()) {
            continue;
        }
        answer.refused.push(index);
        let code = entry.and_then(|entry| entry.error_code());
        answer.code = Some(code.unwrap_or("no answer").to_owned());
    }
    Ok(answer)
}

/// Divides records into calls, in order.
fn calls(records: &[Bytes]) -> Vec<Range<usize>> {
    let mut calls = Vec::new();
    let (mut start, mut size_bytes) = (0, 0);
    for (index, record) in records.iter().enumerate() {
        let is_full =
            index - start == MAX_CALL_RECORDS || size_bytes + record.len() > MAX_CALL_BYTES;
        if is_full && index > start {
            calls.push(start..index);
            (start, size_bytes) = (index, 0);
        }
        size_bytes += record.len();
    }
    if start < records.len() {
        calls.push(start..records.len());
    }
    calls
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn calls_hold_all_records_in_order_and_keep_to_the_limits(
            sizes in proptest::collection::vec(0..MAX_RECORD_BYTES, 0..20),
            small in 0_usize..1200,
        ) {
            let all_bytes = Bytes::from(vec![0; MAX_RECORD_BYTES]);
            let records: Vec<Bytes> = sizes
                .iter()
                .map(|size| all_bytes.slice(..*size))
                .chain((0..small).map(|_| all_bytes.slice(..1)))
                .collect();

            let calls = calls(&records);

            let mut next = 0;
            for call in calls {
                prop_assert_eq!(call.start, next);
                prop_assert!(!call.is_empty() && call.len() <= MAX_CALL_RECORDS);
                let size: usize = records[call.clone()].iter().map(Bytes::len).sum();
                prop_assert!(size <= MAX_CALL_BYTES);
                next = call.end;
            }
            prop_assert_eq!(next, records.len());
        }
    }
}
