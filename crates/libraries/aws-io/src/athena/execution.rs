//! What Athena says about a query: its id, its state, what it read.

use std::{fmt, time::Duration};

use aws_sdk_athena::types::{
    QueryExecution, QueryExecutionState, QueryExecutionStatistics, QueryExecutionStatus,
    ResultReuseInformation,
};

/// The id of a query, by which Athena's console shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionId(String);

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ExecutionId {
    pub(super) fn new(id: String) -> Self {
        Self(id)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// An id from elsewhere, if it has the form of one: letters, digits, `-` and `_`, at most 128
    /// (<https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryExecution.html>).
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_id = (1..=128).contains(&text.len()) && text.bytes().all(is_plain);
        is_id.then(|| Self(text.to_owned()))
    }
}

/// How far a query is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutionState {
    /// It waits or runs.
    Running,
    /// Its rows can be read.
    Succeeded,
    /// It failed or was cancelled, with Athena's reason.
    Failed {
        /// Athena's reason.
        reason: String,
    },
}

/// What is known of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// How far it is.
    pub state: ExecutionState,
    /// The workgroup that it runs in.
    pub workgroup: String,
    /// The statement.
    pub sql: String,
    /// The bytes billed so far, apart from the minimum per query.
    pub scanned_bytes: u64,
    /// Whether its result is a stored one.
    pub is_reused: bool,
    /// How long it has taken, once it has ended.
    pub duration: Option<Duration>,
}

impl Execution {
    pub(super) fn of(execution: &QueryExecution) -> Self {
        let status = execution.status();
        let state = match status.and_then(QueryExecutionStatus::state) {
            Some(QueryExecutionState::Succeeded) => ExecutionState::Succeeded,
            Some(QueryExecutionState::Failed | QueryExecutionState::Cancelled) => {
                let reason = status.and_then(QueryExecutionStatus::state_change_reason);
                ExecutionState::Failed {
                    reason: reason.unwrap_or("no reason given").to_owned(),
                }
            }
            // Queued, running, or a state that this version does not know.
            _ => ExecutionState::Running,
        };
        let statistics = execution.statistics();
        let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        Self {
            state,
            workgroup: execution.work_group().unwrap_or_default().to_owned(),
            sql: execution.query().unwrap_or_default().to_owned(),
            scanned_bytes: number(
                statistics.and_then(QueryExecutionStatistics::data_scanned_in_bytes),
            )
            .unwrap_or(0),
            is_reused: statistics
                .and_then(QueryExecutionStatistics::result_reuse_information)
                .is_some_and(ResultReuseInformation::reused_previous_result),
            duration: number(
                statistics.and_then(QueryExecutionStatistics::total_execution_time_in_millis),
            )
            .map(Duration::from_millis),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_others_are_of_the_form_that_athena_gives() {
        let id = "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111";

        assert_eq!(ExecutionId::parse(id).unwrap().to_string(), id);
        for other in ["", "a/b", "a b", "é", &"a".repeat(129)] {
            assert_eq!(ExecutionId::parse(other), None, "{other}");
        }
    }

    #[test]
    fn state_is_what_athena_tells_and_an_unknown_one_is_no_end() {
        let execution = |state: &str, reason: Option<&str>| {
            let status = QueryExecutionStatus::builder()
                .state(QueryExecutionState::from(state))
                .set_state_change_reason(reason.map(str::to_owned))
                .build();
            Execution::of(&QueryExecution::builder().status(status).build()).state
        };
        let failed = |reason: &str| ExecutionState::Failed {
            reason: reason.to_owned(),
        };

        assert_eq!(execution("QUEUED", None), ExecutionState::Running);
        assert_eq!(execution("PAUSED", None), ExecutionState::Running);
        assert_eq!(execution("SUCCEEDED", None), ExecutionState::Succeeded);
        assert_eq!(execution("FAILED", Some("why")), failed("why"));
        assert_eq!(execution("CANCELLED", None), failed("no reason given"));
    }
}
