//! Queries in Athena: started, polled until they end, and read. Either all at once, or in steps that separate requests take.

mod error;
mod execution;

use std::time::Duration;

use aws_sdk_athena::types::{
    QueryExecutionContext, ResultReuseByAgeConfiguration, ResultReuseConfiguration, Row,
};
use tokio::time::{Instant, sleep};

pub use self::{
    error::AthenaError,
    execution::{Execution, ExecutionId, ExecutionState},
};
use crate::AthenaClient;

/// The pause between two polls of a query: short at first, since most queries take a second or two.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The most rows of one page.
const PAGE_ROWS: i32 = 1000;

/// A query to run.
#[derive(Clone, Debug)]
pub struct QueryRequest<'a> {
    /// The workgroup, which sets limits and the location of the results.
    pub workgroup: &'a str,
    /// The database of unqualified table names.
    pub database: &'a str,
    /// One statement.
    pub sql: &'a str,
    /// The greatest age of a stored result that may be returned instead; `None` always runs the query. In whole minutes.
    pub max_age: Option<Duration>,
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

/// The rows of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResultRows {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The values as text, which is how Athena returns them.
    pub rows: Vec<Vec<Option<String>>>,
    /// Whether the query found more rows.
    pub is_cut: bool,
}

/// Starts a query, waits for its end and reads up to `max_rows` of its rows.
///
/// # Errors
/// The query could not be started or read, failed, or took longer than `limit`.
pub async fn run_query(
    client: &AthenaClient,
    query: &QueryRequest<'_>,
    max_rows: usize,
    limit: Duration,
) -> Result<QueryResult, AthenaError> {
    let id = start(client, query).await?;
    let Some(execution) = wait(client, &id, limit).await? else {
        return Err(stop(client, &id, limit).await);
    };
    if let ExecutionState::Failed { reason } = execution.state {
        return Err(AthenaError::Failed { id, reason });
    }
    let result = read(client, &id, max_rows).await?;
    Ok(QueryResult {
        columns: result.columns,
        rows: result.rows,
        is_cut: result.is_cut,
        scanned_bytes: execution.scanned_bytes,
        is_reused: execution.is_reused,
    })
}

/// Whether a query failed because an object that it had listed was missing, according to S3's message. Athena also opens hidden
/// files of the lake; the next query does not list a removed one.
pub fn lost_a_file(reason: &str) -> bool {
    ["NoSuchKey", "The specified key does not exist"]
        .iter()
        .any(|words| reason.contains(words))
}

/// Starts a query.
///
/// # Errors
/// It could not be started.
pub async fn start(
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
        .map(ExecutionId::new)
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

/// Waits until a query has ended, for at most `limit`; `None` when it runs on.
///
/// # Errors
/// Its state could not be read.
pub async fn wait(
    client: &AthenaClient,
    id: &ExecutionId,
    limit: Duration,
) -> Result<Option<Execution>, AthenaError> {
    let deadline = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    loop {
        let execution = look(client, id).await?;
        if execution.state != ExecutionState::Running {
            return Ok(Some(execution));
        }
        if Instant::now() + pause > deadline {
            return Ok(None);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// How far a query is.
///
/// # Errors
/// Its state could not be read.
pub async fn look(client: &AthenaClient, id: &ExecutionId) -> Result<Execution, AthenaError> {
    let response = client
        .get_query_execution()
        .query_execution_id(id.as_str())
        .send()
        .await
        .map_err(|source| AthenaError::Poll {
            id: id.clone(),
            source: Box::new(source),
        })?;
    let execution = response
        .query_execution
        .ok_or(AthenaError::Incomplete("query execution"))?;
    Ok(Execution::of(&execution))
}

/// Stops a query that took too long, so that it costs nothing more.
async fn stop(client: &AthenaClient, id: &ExecutionId, limit: Duration) -> AthenaError {
    let stopped = client
        .stop_query_execution()
        .query_execution_id(id.as_str())
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

/// Reads up to `max_rows` rows of a query that has succeeded.
///
/// # Errors
/// They could not be read.
pub async fn read(
    client: &AthenaClient,
    id: &ExecutionId,
    max_rows: usize,
) -> Result<ResultRows, AthenaError> {
    let mut columns: Vec<String> = Vec::new();
    let mut rows: Vec<Vec<Option<String>>> = Vec::new();
    let mut token = None;
    let mut is_first = true;
    loop {
        let page = client
            .get_query_results()
            .query_execution_id(id.as_str())
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
        let mut found: Vec<_> = set.rows().iter().map(values).collect();
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
    Ok(ResultRows {
        columns,
        rows,
        is_cut,
    })
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
mod tests;
