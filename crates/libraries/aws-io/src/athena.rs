//! Queries in Athena: started, polled until they end, and read.

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

/// Between two polls of a query: short at first, since most queries take a second or two.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The most rows of one page.
const PAGE_ROWS: i32 = 1000;

/// A query to run.
#[derive(Clone, Debug)]
pub struct QueryRequest<'a> {
    /// The workgroup, which sets limits and the place of the results.
    pub workgroup: &'a str,
    /// The database of unqualified table names.
    pub database: &'a str,
    /// One statement.
    pub sql: &'a str,
    /// The greatest age of a stored result that may be returned instead; `None` always runs the query. In whole minutes.
    pub max_age: Option<Duration>,
    /// The most rows to read.
    pub max_rows: usize,
    /// The time limit of the query.
    pub limit: Duration,
}

/// The result of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryResult {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The values as text, which is how Athena returns them.
    pub rows: Vec<Vec<Option<String>>>,
    /// Whether the query found more rows.
    pub is_cut: bool,
    /// The bytes billed, apart from the minimum per query.
    pub scanned_bytes: u64,
    /// Whether this is a stored result.
    pub is_reused: bool,
}

/// The id of a query, by which Athena's console shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionId(String);

/// A query without a result.
#[derive(Debug, thiserror::Error)]
pub enum AthenaError {
    /// It could not be started.
    #[error("starting a query in Athena")]
    Start(#[source] Box<SdkError<StartQueryExecutionError>>),
    /// Its state could not be read.
    #[error("reading the state of query {id}")]
    Poll {
        /// The query.
        id: ExecutionId,
        /// The SDK's error.
        source: Box<SdkError<GetQueryExecutionError>>,
    },
    /// It failed or was cancelled, with Athena's reason.
    #[error("query {id} failed: {reason}")]
    Failed {
        /// The query.
        id: ExecutionId,
        /// Athena's reason.
        reason: String,
    },
    /// It took too long and was stopped.
    #[error("query {id} did not end within {} s and was stopped", limit.as_secs())]
    Timeout {
        /// The query.
        id: ExecutionId,
        /// The limit given.
        limit: Duration,
    },
    /// It took too long, and could not be stopped.
    #[error("stopping query {id}")]
    Stop {
        /// The query.
        id: ExecutionId,
        /// The SDK's error.
        source: Box<SdkError<StopQueryExecutionError>>,
    },
    /// Its rows could not be read.
    #[error("reading the rows of query {id}")]
    Rows {
        /// The query.
        id: ExecutionId,
        /// The SDK's error.
        source: Box<SdkError<GetQueryResultsError>>,
    },
    /// A response without a required member.
    #[error("the response of Athena has no {0}")]
    Incomplete(&'static str),
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Starts a query, waits for its end and reads its rows.
///
/// # Errors
/// The query could not be started or read, failed, or exceeded its time limit.
pub async fn run_query(
    client: &AthenaClient,
    query: &QueryRequest<'_>,
) -> Result<QueryResult, AthenaError> {
    let id = start(client, query).await?;
    let execution = wait(client, &id, query.limit).await?;
    let statistics = execution.statistics();
    let scanned_bytes = statistics
        .and_then(QueryExecutionStatistics::data_scanned_in_bytes)
        .and_then(|bytes| u64::try_from(bytes).ok())
        .unwrap_or(0);
    let is_reused = statistics
        .and_then(QueryExecutionStatistics::result_reuse_information)
        .is_some_and(ResultReuseInformation::reused_previous_result);
    let (columns, rows, is_cut) = read(client, &id, query.max_rows).await?;
    Ok(QueryResult {
        columns,
        rows,
        is_cut,
        scanned_bytes,
        is_reused,
    })
}

async fn start(
    client: &AthenaClient,
    query: &QueryRequest<'_>,
) -> Result<ExecutionId, AthenaError> {
    let context = QueryExecutionContext::builder()
        .database(query.database)
        .build();
    // No output location: Athena reuses a result only from the location that the workgroup sets.
    let request = client
        .start_query_execution()
        .work_group(query.workgroup)
        .query_execution_context(context)
        .query_string(query.sql)
        .set_result_reuse_configuration(query.max_age.map(reuse));
    let started = request
        .send()
        .await
        .map_err(|error| AthenaError::Start(Box::new(error)))?;
    started
        .query_execution_id
        .map(ExecutionId)
        .ok_or(AthenaError::Incomplete("query execution id"))
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
    let mut pause = FIRST_PAUSE;
    loop {
        let execution = poll(client, id).await?;
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
            // Queued, running, or a state that this version does not know.
            _ => {}
        }
        if Instant::now() + pause > deadline {
            return Err(stop(client, id, limit).await);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn poll(client: &AthenaClient, id: &ExecutionId) -> Result<QueryExecution, AthenaError> {
    let response = client
        .get_query_execution()
        .query_execution_id(&id.0)
        .send()
        .await
        .map_err(|source| AthenaError::Poll {
            id: id.clone(),
            source: Box::new(source),
        })?;
    response
        .query_execution
        .ok_or(AthenaError::Incomplete("query execution"))
}

/// Stops a query that took too long, so that it costs nothing more.
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
            .ok_or(AthenaError::Incomplete("result set"))?;
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

/// The first row of a select's result repeats the column names; results of other statements have no such row.
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
