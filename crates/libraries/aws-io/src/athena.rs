//! Queries on Athena: asked, waited for, read.

use std::{fmt, time::Duration};

use aws_sdk_athena::{
    error::SdkError,
    operation::{
        get_query_execution::GetQueryExecutionError, get_query_results::GetQueryResultsError,
        start_query_execution::StartQueryExecutionError,
        stop_query_execution::StopQueryExecutionError,
    },
    types::{
        QueryExecution, QueryExecutionContext, QueryExecutionState, QueryExecutionStatistics,
        ResultReuseByAgeConfiguration, ResultReuseConfiguration, ResultReuseInformation, Row,
    },
};
use tokio::time::{Instant, sleep};

use crate::AthenaClient;

/// Between two looks at a query: soon at first, as most take a second or two.
const FIRST_LOOK: Duration = Duration::from_millis(200);
const SLOWEST_LOOK: Duration = Duration::from_secs(2);
/// One page holds at most so many rows.
const PAGE_ROWS: i32 = 1000;

/// What to ask, and where.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Decides on limits, and on where results are kept.
    pub workgroup: &'a str,
    /// Where unqualified names of tables are looked up.
    pub database: &'a str,
    /// One statement.
    pub sql: &'a str,
    /// How old a stored result may be that answers it; `None` has it run. In whole minutes.
    pub max_age: Option<Duration>,
    /// Rows to read, at most.
    pub max_rows: usize,
    /// How long it may take.
    pub limit: Duration,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The columns' names.
    pub columns: Vec<String>,
    /// As text, as Athena gives every value.
    pub rows: Vec<Vec<Option<String>>>,
    /// Whether there are more rows.
    pub is_cut: bool,
    /// What is billed, but for the minimum a query.
    pub scanned_bytes: u64,
    /// Whether a stored result answered.
    pub is_reused: bool,
}

/// The id of a query, by which Athena's console shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionId(String);

/// A query without an answer.
#[derive(Debug, thiserror::Error)]
pub enum AthenaError {
    /// It was not taken.
    #[error("asking Athena")]
    Start(#[source] Box<SdkError<StartQueryExecutionError>>),
    /// Nobody knows how it is.
    #[error("looking at query {id}")]
    Look {
        /// The query.
        id: ExecutionId,
        /// The SDK's error.
        source: Box<SdkError<GetQueryExecutionError>>,
    },
    /// It ended badly. Athena's own words say why.
    #[error("query {id} failed: {reason}")]
    Failed {
        /// The query.
        id: ExecutionId,
        /// Why.
        reason: String,
    },
    /// It took too long and was stopped.
    #[error("query {id} has no answer after {} s and was stopped", limit.as_secs())]
    Timeout {
        /// The query.
        id: ExecutionId,
        /// The limit given.
        limit: Duration,
    },
    /// It took too long, and still runs.
    #[error("stopping query {id}")]
    Stop {
        /// The query.
        id: ExecutionId,
        /// The SDK's error.
        source: Box<SdkError<StopQueryExecutionError>>,
    },
    /// Its rows cannot be read.
    #[error("reading the rows of query {id}")]
    Rows {
        /// The query.
        id: ExecutionId,
        /// The SDK's error.
        source: Box<SdkError<GetQueryResultsError>>,
    },
    /// An answer without the part that is always there.
    #[error("Athena did not say {0}")]
    Incomplete(&'static str),
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Asks, waits and reads.
pub async fn ask(client: &AthenaClient, question: &Question<'_>) -> Result<Answer, AthenaError> {
    let id = start(client, question).await?;
    let execution = wait(client, &id, question.limit).await?;
    let statistics = execution.statistics();
    let scanned_bytes = statistics
        .and_then(QueryExecutionStatistics::data_scanned_in_bytes)
        .and_then(|bytes| u64::try_from(bytes).ok())
        .unwrap_or(0);
    let is_reused = statistics
        .and_then(QueryExecutionStatistics::result_reuse_information)
        .is_some_and(ResultReuseInformation::reused_previous_result);
    let (columns, rows, is_cut) = read(client, &id, question.max_rows).await?;
    Ok(Answer {
        columns,
        rows,
        is_cut,
        scanned_bytes,
        is_reused,
    })
}

async fn start(client: &AthenaClient, question: &Question<'_>) -> Result<ExecutionId, AthenaError> {
    let context = QueryExecutionContext::builder()
        .database(question.database)
        .build();
    // Nothing is said of where the result goes: Athena reuses none that is kept elsewhere than the workgroup says.
    let request = client
        .start_query_execution()
        .work_group(question.workgroup)
        .query_execution_context(context)
        .query_string(question.sql)
        .set_result_reuse_configuration(question.max_age.map(reuse));
    let started = request
        .send()
        .await
        .map_err(|error| AthenaError::Start(Box::new(error)))?;
    started
        .query_execution_id
        .map(ExecutionId)
        .ok_or(AthenaError::Incomplete("which query it took"))
}

fn reuse(max_age: Duration) -> ResultReuseConfiguration {
    let minutes = i32::try_from(max_age.as_secs() / 60).unwrap_or(i32::MAX);
    let by_age = ResultReuseByAgeConfiguration::builder()
        .enabled(true)
        .max_age_in_minutes(minutes)
        .build();
    ResultReuseConfiguration::builder()
        .result_reuse_by_age_configuration(by_age)
        .build()
}

async fn wait(
    client: &AthenaClient,
    id: &ExecutionId,
    limit: Duration,
) -> Result<QueryExecution, AthenaError> {
    let deadline = Instant::now() + limit;
    let mut pause = FIRST_LOOK;
    loop {
        let execution = look(client, id).await?;
        let status = execution.status();
        match status.and_then(|status| status.state()) {
            Some(QueryExecutionState::Succeeded) => return Ok(execution),
            Some(QueryExecutionState::Failed | QueryExecutionState::Cancelled) => {
                let reason = status.and_then(|status| status.state_change_reason());
                return Err(AthenaError::Failed {
                    id: id.clone(),
                    reason: reason.unwrap_or("no reason given").to_owned(),
                });
            }
            // Queued, running, or a state that is newer than this.
            _ => {}
        }
        if Instant::now() + pause > deadline {
            return Err(stop(client, id, limit).await);
        }
        sleep(pause).await;
        pause = (pause * 2).min(SLOWEST_LOOK);
    }
}

async fn look(client: &AthenaClient, id: &ExecutionId) -> Result<QueryExecution, AthenaError> {
    let looked = client
        .get_query_execution()
        .query_execution_id(&id.0)
        .send()
        .await
        .map_err(|source| AthenaError::Look {
            id: id.clone(),
            source: Box::new(source),
        })?;
    looked
        .query_execution
        .ok_or(AthenaError::Incomplete("how a query is"))
}

/// What nobody waits for any more must not go on costing.
async fn stop(client: &AthenaClient, id: &ExecutionId, limit: Duration) -> AthenaError {
    let stopped = client
        .stop_query_execution()
        .query_execution_id(&id.0)
        .send()
        .await;
    let id = id.clone();
    match stopped {
        Ok(_) => AthenaError::Timeout { id, limit },
        Err(source) => AthenaError::Stop {
            id,
            source: Box::new(source),
        },
    }
}

type Rows = Vec<Vec<Option<String>>>;

async fn read(
    client: &AthenaClient,
    id: &ExecutionId,
    max_rows: usize,
) -> Result<(Vec<String>, Rows, bool), AthenaError> {
    let mut columns: Vec<String> = Vec::new();
    let mut rows: Rows = Vec::new();
    let mut token = None;
    let mut is_first = true;
    loop {
        let page = client
            .get_query_results()
            .query_execution_id(&id.0)
            .max_results(PAGE_ROWS)
            .set_next_token(token)
            .send()
            .await
            .map_err(|source| AthenaError::Rows {
                id: id.clone(),
                source: Box::new(source),
            })?;
        let set = page
            .result_set
            .ok_or(AthenaError::Incomplete("what a query found"))?;
        if let Some(metadata) = &set.result_set_metadata {
            columns = metadata
                .column_info()
                .iter()
                .map(|column| column.name().to_owned())
                .collect();
        }
        let mut found: Rows = set.rows().iter().map(values).collect();
        if is_first && found.first().is_some_and(|row| is_header(row, &columns)) {
            found.remove(0);
        }
        is_first = false;
        rows.extend(found);
        token = page.next_token;
        if rows.len() > max_rows || token.is_none() {
            break;
        }
    }
    let is_cut = rows.len() > max_rows || token.is_some();
    rows.truncate(max_rows);
    Ok((columns, rows, is_cut))
}

fn values(row: &Row) -> Vec<Option<String>> {
    row.data()
        .iter()
        .map(|value| value.var_char_value().map(str::to_owned))
        .collect()
}

/// The first row of a select's result repeats the columns' names; that of other statements does not.
fn is_header(row: &[Option<String>], columns: &[String]) -> bool {
    row.len() == columns.len()
        && row
            .iter()
            .zip(columns)
            .all(|(cell, name)| cell.as_deref() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_row_of_the_columns_names_is_a_header() {
        let columns = ["event".to_owned(), "n".to_owned()];
        let row = |cells: [Option<&str>; 2]| cells.map(|cell| cell.map(str::to_owned)).to_vec();

        assert!(is_header(&row([Some("event"), Some("n")]), &columns));
        assert!(!is_header(&row([Some("LOGIN"), Some("7")]), &columns));
        assert!(!is_header(&row([Some("event"), None]), &columns));
        assert!(!is_header(&[], &columns));
    }
}
