//! Lines of a log group of `CloudWatch` Logs.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::{error::SdkError, operation::filter_log_events::FilterLogEventsError};
use tokio::time::Instant;

use crate::LogsClient;

/// The lines to look for.
#[derive(Clone, Copy, Debug)]
pub struct LogSearch<'a> {
    /// The log group, by its name.
    pub group: &'a str,
    /// The pattern that lines match
    /// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>).
    pub pattern: &'a str,
    /// The range, in milliseconds since 1970: the first and the last that are in it.
    pub range_ms: (i64, i64),
    /// No more lines are read.
    pub max_lines: usize,
    /// No page is asked for after this time.
    pub limit: Duration,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written, in milliseconds since 1970.
    pub at_ms: i64,
    /// What was written.
    pub message: String,
}

/// The lines that were found, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundLines {
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Whether there are no more.
    pub is_complete: bool,
}

/// A log group that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("reading the log group {group}")]
pub struct LogsError {
    /// The log group.
    pub group: String,
    #[source]
    source: Box<SdkError<FilterLogEventsError>>,
}

/// Reads the lines that match, page by page. A page may be empty and have a next one.
///
/// # Errors
/// A page could not be read.
pub async fn find(client: &LogsClient, search: &LogSearch<'_>) -> Result<FoundLines, LogsError> {
    let deadline = Instant::now() + search.limit;
    let (from, to) = search.range_ms;
    let mut found = FoundLines::default();
    let mut token = None;
    loop {
        let page = client
            .filter_log_events()
            .log_group_name(search.group)
            .filter_pattern(search.pattern)
            .start_time(from)
            .end_time(to)
            .set_next_token(token)
            .send()
            .await
            .map_err(|source| LogsError {
                group: search.group.to_owned(),
                source: Box::new(source),
            })?;
        found
            .lines
            .extend(page.events().iter().map(|event| LogLine {
                at_ms: event.timestamp().unwrap_or_default(),
                message: event.message().unwrap_or_default().to_owned(),
            }));
        token = page.next_token;
        let is_full = found.lines.len() > search.max_lines;
        if token.is_none() || is_full || Instant::now() >= deadline {
            found.is_complete = token.is_none() && !is_full;
            found.lines.truncate(search.max_lines);
            return Ok(found);
        }
    }
}
