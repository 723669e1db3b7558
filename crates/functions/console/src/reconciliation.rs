//! What the reconciler found last: the newest of its records.

use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

use aws_io::{
    Aws, S3Client,
    s3::{GetError, ObjectRef, get_capped, listing},
};
use serde::Deserialize;
use tokio::time::timeout;
use tracing::warn;

const PREFIX: &str = "state/reconciliation/";
/// The page does not wait longer for numbers that it can do without.
const WAIT_LIMIT: Duration = Duration::from_secs(3);
const MAX_BYTES: usize = 16 << 20;
/// Today and yesterday, of which the newest may have just begun.
const MOST: usize = 2;

/// The records in the stack's bucket. Their client is made when they are first looked at.
#[derive(Debug)]
pub(crate) struct Reconciliation {
    aws: Aws,
    bucket: Option<String>,
    client: OnceLock<S3Client>,
}

/// The record of one day.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Day {
    #[serde(rename = "day")]
    pub(crate) date: String,
    pub(crate) reconciled_at: String,
    pub(crate) is_settled: bool,
    pub(crate) sums: Vec<Sums>,
    pub(crate) finding_count: u64,
    pub(crate) unreconciled: BTreeMap<String, u64>,
}

/// Of one pipeline on one side.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Sums {
    pub(crate) pipeline: String,
    pub(crate) side: String,
    pub(crate) objects: u64,
    pub(crate) waiting: u64,
    pub(crate) items: u64,
    pub(crate) stored: u64,
    pub(crate) rejected: u64,
    pub(crate) difference: i64,
}

/// What is known of the reconciler's records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Records {
    /// This console was not told of a bucket with records.
    Nowhere,
    /// They cannot be read, or not in time.
    Unreadable,
    /// The newest first; none before the first run.
    Read(Vec<Day>),
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    List(#[from] listing::ListError),
    #[error(transparent)]
    Get(#[from] GetError),
    #[error("a record cannot be read")]
    Record(#[from] serde_json::Error),
}

impl Reconciliation {
    pub(crate) fn new(aws: Aws, bucket: Option<String>) -> Self {
        Self {
            aws,
            bucket,
            client: OnceLock::new(),
        }
    }

    /// What the records of the last days say.
    pub(crate) async fn last_days(&self) -> Records {
        let Some(bucket) = &self.bucket else {
            return Records::Nowhere;
        };
        let client = self.client.get_or_init(|| self.aws.s3());
        match timeout(WAIT_LIMIT, read(client, bucket)).await {
            Ok(Ok(days)) => Records::Read(days),
            Ok(Err(error)) => {
                warn!(error = %function_kit::chain(&error), "reconciliation not read");
                Records::Unreadable
            }
            Err(_) => {
                warn!("reconciliation not read in time");
                Records::Unreadable
            }
        }
    }
}

async fn read(client: &S3Client, bucket: &str) -> Result<Vec<Day>, Failure> {
    let listed = listing::list(client, bucket, PREFIX, WAIT_LIMIT).await?;
    let mut days = Vec::new();
    for object in listed.into_iter().rev().take(MOST) {
        let name = ObjectRef {
            bucket: bucket.to_owned(),
            key: object.key,
        };
        let bytes = get_capped(client, &name, MAX_BYTES, WAIT_LIMIT).await?;
        days.push(serde_json::from_slice(&bytes)?);
    }
    Ok(days)
}
