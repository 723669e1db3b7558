//! Compaction: many parts of a day become one file while queries run, and, if configured, days are copied into months.

mod advance;
mod days;
mod error;
mod files;
mod months;
mod plan;
mod rebuild;
mod report;
mod set_aside;

use lake_schema::Table;
use tokio::time::Instant;
use tracing::{Instrument, error, info_span};

use self::{days::compact_days, error::CompactionError, months::compact_months};
use crate::Deps;

pub use self::{plan::Policy, report::Report};

/// Advances every due day of every table by one phase, then every due month, and starts no file after `begin_until`. A failure
/// of one table does not affect the others: the report names the table, and the next run continues there.
pub async fn compact(deps: &Deps, begin_until: Instant) -> Report {
    let mut report = Report::default();
    let mut days = Vec::new();
    for table in &deps.tables {
        let span = info_span!("table", table = table.name());
        let compacted = compact_days(deps, table, begin_until, &mut report)
            .instrument(span)
            .await;
        days.push(record_failure(compacted, table, &mut report));
    }
    if deps.config.copy_months {
        for (table, days) in deps.tables.iter().zip(&days) {
            let Some(days) = days else {
                continue;
            };
            let span = info_span!("table", table = table.name());
            let copied = compact_months(deps, table, days, begin_until, &mut report)
                .instrument(span)
                .await;
            record_failure(copied, &table.monthly_copies(), &mut report);
        }
    }
    report
}

/// Logs and reports a table that failed.
fn record_failure<T>(
    result: Result<T, CompactionError>,
    table: &Table,
    report: &mut Report,
) -> Option<T> {
    match result {
        Ok(done) => Some(done),
        Err(error) => {
            let error = function_kit::chain(&error);
            error!(table = table.name(), error = %error, "table cannot be compacted now");
            report.failed_tables.push(table.name().to_owned());
            None
        }
    }
}
