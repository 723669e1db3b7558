//! Errors of queries.

use std::time::Duration;

use aws_sdk_athena::{
    error::SdkError,
    operation::{
        get_query_execution::GetQueryExecutionError, get_query_results::GetQueryResultsError,
        start_query_execution::StartQueryExecutionError,
        stop_query_execution::StopQueryExecutionError,
    },
};

use super::ExecutionId;

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

impl AthenaError {
    /// What is wrong with the request, in Athena's words: a statement that cannot be read, or an id of no query.
    pub fn complaint(&self) -> Option<&str> {
        let message = match self {
            Self::Start(source) => match source.as_service_error()? {
                StartQueryExecutionError::InvalidRequestException(wrong) => wrong.message(),
                _ => None,
            },
            Self::Poll { source, .. } => match source.as_service_error()? {
                GetQueryExecutionError::InvalidRequestException(wrong) => wrong.message(),
                _ => None,
            },
            Self::Rows { source, .. } => match source.as_service_error()? {
                GetQueryResultsError::InvalidRequestException(wrong) => wrong.message(),
                _ => None,
            },
            Self::Failed { .. }
            | Self::Timeout { .. }
            | Self::Stop { .. }
            | Self::Incomplete(_) => None,
        };
        message.or_else(|| self.is_invalid().then_some("the request is not valid"))
    }

    fn is_invalid(&self) -> bool {
        match self {
            Self::Start(source) => source
                .as_service_error()
                .is_some_and(StartQueryExecutionError::is_invalid_request_exception),
            Self::Poll { source, .. } => source
                .as_service_error()
                .is_some_and(GetQueryExecutionError::is_invalid_request_exception),
            Self::Rows { source, .. } => source
                .as_service_error()
                .is_some_and(GetQueryResultsError::is_invalid_request_exception),
            Self::Failed { .. }
            | Self::Timeout { .. }
            | Self::Stop { .. }
            | Self::Incomplete(_) => false,
        }
    }
}
