//! The queries of this machine's Athena: each runs by itself, and is remembered for a while.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::protocol::{self, Fault, Operation, StartRequest};
use crate::{
    operator::query::{LakeRows, confined_rows},
    stack::{Stack, data_dir::DataDir},
};

/// Runs that are remembered, with their rows.
const MOST_RUNS: usize = 50;
/// Rows of a run: more than the console puts into a file, so that it knows that there are more.
const MOST_ROWS: usize = 10_001;
/// A statement that takes longer is ended: it would keep others waiting.
const LIMIT: Duration = Duration::from_mins(5);

/// What has run.
#[derive(Debug)]
pub(super) struct Runs {
    data_dir: DataDir,
    runs: Mutex<VecDeque<Arc<Run>>>,
}

#[derive(Debug)]
struct Run {
    id: String,
    sql: String,
    workgroup: String,
    started: Instant,
    outcome: Mutex<Outcome>,
}

#[derive(Debug)]
enum Outcome {
    Running,
    Failed { reason: String, milliseconds: u64 },
    Found { rows: LakeRows, milliseconds: u64 },
}

impl Runs {
    pub(super) fn of(data_dir: DataDir) -> Self {
        Self {
            data_dir,
            runs: Mutex::default(),
        }
    }

    /// Answers one request. A query is only started here.
    pub(super) fn answer(self: &Arc<Self>, operation: Operation) -> Result<Value, Fault> {
        match operation {
            Operation::Start(request) => Ok(json!({ "QueryExecutionId": self.start(request) })),
            Operation::Look(request) => Ok(self.find(&request.query_execution_id)?.describe()),
            Operation::Read(request) => {
                let run = self.find(&request.query_execution_id)?;
                match &*lock(&run.outcome) {
                    Outcome::Found { rows, .. } => {
                        protocol::page(&rows.columns, &rows.rows, &request)
                    }
                    Outcome::Running | Outcome::Failed { .. } => {
                        Err(Fault("the query has no result".to_owned()))
                    }
                }
            }
        }
    }

    fn start(self: &Arc<Self>, request: StartRequest) -> String {
        let mut runs = lock(&self.runs);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        let run = Arc::new(Run {
            id: format!("local-{now:x}"),
            sql: request.query_string,
            workgroup: request.work_group,
            started: Instant::now(),
            outcome: Mutex::new(Outcome::Running),
        });
        let id = run.id.clone();
        runs.push_back(Arc::clone(&run));
        if runs.len() > MOST_RUNS {
            runs.pop_front();
        }
        let data_dir = self.data_dir.clone();
        tokio::spawn(async move {
            let found = run_query(&data_dir, &run.sql).await;
            let milliseconds = u64::try_from(run.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            *lock(&run.outcome) = match found {
                Ok(rows) => Outcome::Found { rows, milliseconds },
                Err(error) => Outcome::Failed {
                    reason: format!("{error:#}"),
                    milliseconds,
                },
            };
        });
        id
    }

    fn find(&self, id: &str) -> Result<Arc<Run>, Fault> {
        let runs = lock(&self.runs);
        let found = runs.iter().find(|run| run.id == id);
        found
            .cloned()
            .ok_or_else(|| Fault(format!("QueryExecution {id} was not found")))
    }
}

async fn run_query(data_dir: &DataDir, sql: &str) -> Result<LakeRows> {
    let stack = Stack::read(&data_dir.stack_json())?.context("the stack is not ready yet")?;
    let asked = confined_rows(data_dir, &stack, sql, MOST_ROWS);
    tokio::time::timeout(LIMIT, asked)
        .await
        .context("the query took longer than five minutes and was ended")?
}

impl Run {
    fn describe(&self) -> Value {
        let (state, reason, scanned_bytes, milliseconds) = match &*lock(&self.outcome) {
            Outcome::Running => ("RUNNING", None, 0, None),
            Outcome::Failed {
                reason,
                milliseconds,
            } => ("FAILED", Some(reason.clone()), 0, Some(*milliseconds)),
            Outcome::Found { rows, milliseconds } => {
                ("SUCCEEDED", None, rows.scanned_bytes, Some(*milliseconds))
            }
        };
        json!({ "QueryExecution": {
            "QueryExecutionId": self.id, "Query": self.sql, "WorkGroup": self.workgroup,
            "Status": { "State": state, "StateChangeReason": reason },
            "Statistics": { "DataScannedInBytes": scanned_bytes, "TotalExecutionTimeInMillis": milliseconds },
        }})
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
