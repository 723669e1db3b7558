//! The report for a person.

use std::fmt::Write as _;

use audit::{Finding, Report, Side};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    plural::counted,
    table::{Align, lay_out, printable_lines},
};

/// Findings that are printed; JSON has all.
const MAX_SHOWN: usize = 100;
const NAMES: [&str; 8] = [
    "pipeline",
    "side",
    "objects",
    "waiting",
    "items",
    "stored",
    "rejected",
    "difference",
];

/// One line.
pub(super) fn summary(report: &Report) -> String {
    let sums = report.sums.iter();
    let different: u64 = sums.map(|sums| sums.difference.unsigned_abs()).sum();
    let items: u64 = report.sums.iter().map(|sums| sums.items).sum();
    let are = if different == 1 { "is" } else { "are" };
    format!(
        "{}; {different} of {} {are} missing or unexpected",
        counted(report.findings.len(), "finding"),
        counted(items, "item"),
    )
}

/// The sums and what is missing, for a terminal.
pub(super) fn text(report: &Report) -> String {
    let mut rows = vec![NAMES.map(str::to_owned).to_vec()];
    rows.extend(cells(report));
    let align = |column: usize| {
        if column < 2 {
            Align::Left
        } else {
            Align::Right
        }
    };
    let mut text = lay_out(&rows, align);
    for finding in report.findings.iter().take(MAX_SHOWN) {
        let _infallible = write!(text, "\n✘ {}", told(finding));
    }
    let more = report.findings.len().saturating_sub(MAX_SHOWN);
    if more > 0 {
        let _infallible = write!(text, "\n… and {more} more (--json)");
    }
    if report.is_clean() {
        text.push_str("\n✔ both sides agree, and nothing is missing");
    }
    text
}

/// A page to hand over.
pub(super) fn markdown(report: &Report, now: OffsetDateTime) -> String {
    let at = now.format(&Rfc3339).unwrap_or_default();
    let outcome = if report.is_clean() {
        "Both sides agree, and nothing is missing.".to_owned()
    } else {
        format!("There are differences: {}.", summary(report))
    };
    let mut page = format!(
        "# What arrived on {}, and where it is\n\n{outcome}\n\nCounted at {at}. Objects and their items are read from the archive; what is stored and \
         rejected is counted in Postgres and in the lake, item by item. The difference is `items - stored - rejected`.\n\n",
        report.day
    );
    let _infallible = writeln!(page, "| {} |", NAMES.join(" | "));
    let _infallible = writeln!(page, "|---|---|{}", "--:|".repeat(NAMES.len() - 2));
    for row in cells(report) {
        let _infallible = writeln!(page, "| {} |", row.join(" | "));
    }
    if !report.findings.is_empty() {
        page.push_str("\n## Missing\n\n");
    }
    for finding in &report.findings {
        let _infallible = writeln!(page, "- `{}`", told(finding).replace('`', "'"));
    }
    page.trim_end().to_owned()
}

fn cells(report: &Report) -> impl Iterator<Item = Vec<String>> {
    report.sums.iter().map(|sums| {
        vec![
            sums.pipeline.to_owned(),
            side(sums.side).to_owned(),
            sums.objects.to_string(),
            sums.waiting.to_string(),
            sums.items.to_string(),
            sums.stored.to_string(),
            sums.rejected.to_string(),
            sums.difference.to_string(),
        ]
    })
}

fn told(finding: &Finding) -> String {
    let mut text = format!(
        "{} in {}: {}",
        finding.what.words(),
        side(finding.side),
        finding.object
    );
    if let Some(item) = finding.item {
        let _infallible = write!(text, ", item {item}");
    }
    if let Some(detail) = &finding.detail {
        let _infallible = write!(text, " ({detail})");
    }
    printable_lines(&text)
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Postgres => "Postgres",
        Side::Lake => "the lake",
    }
}
