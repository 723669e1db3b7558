//! The result of one run.

use lake_files::Merged;
use time::Date;

/// What one run did. A month is named by its first day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Days whose file was written.
    pub merged: Vec<(Date, Merged)>,
    /// Months whose file was written.
    pub months: Vec<Date>,
    /// Days and months that could not be compacted; the log has the reasons, and the next run tries them again.
    pub failed: Vec<Date>,
    /// Days and months for which there was no time left.
    pub postponed: Vec<Date>,
    /// Number of deleted files.
    pub removed_count: usize,
    /// Number of days and months that are between two phases.
    pub in_progress_count: usize,
    /// Tables of which nothing more could be done; the log has the reasons.
    pub failed_tables: Vec<String>,
}
