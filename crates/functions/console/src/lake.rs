//! The lake by SQL: queries of Athena in the stack's own workgroup, each in two requests of a browser. The first starts it, the second
//! looks how far it is, so that a long query never meets the gateway's limit.

use std::{sync::OnceLock, time::Duration};

use aws_io::{
    AthenaClient, Aws,
    athena::{self, AthenaError, Execution, ExecutionId, ExecutionState, QueryRequest, ResultRows},
};
use axum::http::StatusCode;
use tracing::warn;

/// Where queries run, and what one may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LakeSettings {
    /// The workgroup, which cancels a query that reads more than the limit.
    pub workgroup: String,
    /// The Glue database of the lake's tables.
    pub database: String,
    /// That limit.
    pub scan_limit_bytes: u64,
}

/// Asks the lake. Its client is made by the first query: most requests need none.
#[derive(Debug)]
pub(crate) struct Lake {
    aws: Aws,
    settings: LakeSettings,
    client: OnceLock<AthenaClient>,
}

/// A query, and its rows once it has succeeded.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) execution: Execution,
    pub(crate) result: Option<ResultRows>,
}

/// Why the lake has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LakeFailure {
    /// Athena does not understand the statement, and says why.
    #[error("the statement is refused")]
    Refused(String),
    /// There is no query of this id in the stack's workgroup.
    #[error("there is no such run")]
    NoSuchRun,
    /// Athena could not be asked.
    #[error("asking Athena")]
    Unreachable(#[source] AthenaError),
}

impl Lake {
    pub(crate) fn new(aws: Aws, settings: LakeSettings) -> Self {
        Self {
            aws,
            settings,
            client: OnceLock::new(),
        }
    }

    pub(crate) fn scan_limit_bytes(&self) -> u64 {
        self.settings.scan_limit_bytes
    }

    fn client(&self) -> &AthenaClient {
        self.client.get_or_init(|| self.aws.athena())
    }

    /// Starts a statement. No stored result takes its place: anyone who runs it again wants to see newer events.
    pub(crate) async fn start(&self, sql: &str) -> Result<ExecutionId, LakeFailure> {
        let request = QueryRequest {
            workgroup: &self.settings.workgroup,
            database: &self.settings.database,
            sql,
            max_age: None,
        };
        let started = athena::start(self.client(), &request).await;
        started.map_err(|error| match error.complaint() {
            Some(complaint) => LakeFailure::Refused(complaint.to_owned()),
            None => LakeFailure::unreachable(error),
        })
    }

    /// How far a query is, after waiting for its end for a moment, and up to `max_rows` of its rows.
    pub(crate) async fn look(
        &self,
        id: &ExecutionId,
        wait: Duration,
        max_rows: usize,
    ) -> Result<Run, LakeFailure> {
        let client = self.client();
        let unknown = |error: AthenaError| match error.complaint() {
            Some(_) => LakeFailure::NoSuchRun,
            None => LakeFailure::unreachable(error),
        };
        let execution = match athena::wait(client, id, wait).await.map_err(unknown)? {
            Some(execution) => execution,
            None => athena::look(client, id).await.map_err(unknown)?,
        };
        // The role reads other workgroups' queries nowhere; an id of one is unknown here whatever the role may do.
        if execution.workgroup != self.settings.workgroup {
            return Err(LakeFailure::NoSuchRun);
        }
        let result = match execution.state {
            ExecutionState::Succeeded => {
                let rows = athena::read(client, id, max_rows).await;
                Some(rows.map_err(LakeFailure::unreachable)?)
            }
            ExecutionState::Running | ExecutionState::Failed { .. } => None,
        };
        Ok(Run { execution, result })
    }
}

impl LakeFailure {
    /// Writes down why, without the statement.
    fn unreachable(error: AthenaError) -> Self {
        warn!(error = %function_kit::chain(&error), "Athena has no answer");
        Self::Unreachable(error)
    }

    /// The status of the page that tells it.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::NoSuchRun => StatusCode::NOT_FOUND,
            Self::Unreachable(_) => StatusCode::BAD_GATEWAY,
        }
    }

    /// What happened and what to do.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::Refused(_) => "Athena does not understand the statement.",
            Self::NoSuchRun => {
                "There is no run of this id. Athena forgets runs after 45 days; run the query again."
            }
            Self::Unreachable(_) => {
                "Athena could not be asked. Try again in a few seconds; the log of the console's function has the reason."
            }
        }
    }

    /// Athena's own words.
    pub(crate) fn complaint(&self) -> Option<&str> {
        match self {
            Self::Refused(complaint) => Some(complaint),
            Self::NoSuchRun | Self::Unreachable(_) => None,
        }
    }
}
