//! How files of app events would be mapped.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use aws_io::gzip;
use event_mapping::{Arrival, DryRun, DryRunEvent, Mapper, MappingConfig, dry_run as map_file};
use serde::Serialize;
use time::OffsetDateTime;

use super::Options;

use crate::output::{line, write_bytes};
use crate::plural::counted;

/// Larger than any object that a run writes to the archive.
const MAX_FILE_BYTES: usize = 256 << 20;
const HOUR_MS: i64 = 3_600_000;

#[derive(Serialize)]
struct FileReport<'a> {
    file: &'a Path,
    #[serde(flatten)]
    report: &'a DryRun,
}

pub(super) fn show(options: &Options) -> Result<()> {
    let mapper = mapper(options.mapping.as_ref())?;
    let now_ms = i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000)
        .context("the clock is out of range")?;
    let arrival = Arrival {
        sent_at_ms: now_ms,
        now_ms,
        max_age_ms: options
            .max_event_age_hours
            .map(|hours| i64::from(hours) * HOUR_MS),
    };
    for file in &options.files {
        let text = read(file).with_context(|| format!("reading {}", file.display()))?;
        let report = map_file(&mapper, &text, &arrival);
        if options.json {
            let report = &report;
            line!("{}", serde_json::to_string(&FileReport { file, report })?)?;
        } else {
            write_bytes(describe(file, &report).as_bytes())?;
        }
    }
    Ok(())
}

/// The mapping as the forwarder checks it when it starts.
fn mapper(file: Option<&PathBuf>) -> Result<Mapper> {
    let text = match file {
        Some(file) => {
            fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?
        }
        None => String::new(),
    };
    Ok(Mapper::new(MappingConfig::from_json(&text)?)?)
}

/// The text of a file, which may be an object of the archive.
fn read(file: &Path) -> Result<String> {
    let mut bytes = fs::read(file)?;
    if file.extension().is_some_and(|ending| ending == "gz") {
        bytes = gzip::decode_capped(&bytes, MAX_FILE_BYTES)?;
    }
    Ok(String::from_utf8(bytes)?)
}

/// A line for each event, then the totals.
fn describe(file: &Path, report: &DryRun) -> String {
    let mut lines: Vec<String> = report.events.iter().map(line).collect();
    lines.extend(
        report
            .profiles
            .iter()
            .map(|profile| format!("        profile {profile}")),
    );
    lines.push(format!(
        "{}: {} = {} sent + {} skipped{} + {} rejected{}",
        file.display(),
        counted(report.event_count, "event"),
        report.sent,
        report.skipped.values().sum::<u64>(),
        reasons(&report.skipped),
        report.rejected.values().sum::<u64>(),
        reasons(&report.rejected),
    ));
    lines.join("\n") + "\n"
}

fn line(event: &DryRunEvent) -> String {
    let position = format!("{}.{}", event.body, event.ordinal);
    let what = match (&event.request, event.reason, &event.detail) {
        (Some(request), _, _) => format!("{} {request}", event.operation.unwrap_or_default()),
        (None, Some(reason), Some(detail)) => format!("{reason}: {detail}"),
        (None, reason, _) => reason.unwrap_or_default().to_owned(),
    };
    let notes = if event.notes.is_empty() {
        String::new()
    } else {
        format!(" ({})", event.notes.join(", "))
    };
    format!(
        "{position:<7} {:<6}  {:<28}  {what}{notes}",
        event.outcome, event.event_type
    )
}

/// ` (type_off 3, no_identity 1)`, or nothing.
fn reasons(counts: &BTreeMap<&'static str, u64>) -> String {
    let listed: Vec<String> = counts
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    if listed.is_empty() {
        String::new()
    } else {
        format!(" ({})", listed.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_shown_with_what_it_becomes_or_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("batch.json");
        let event = r#"{"event_type":"screen_view","data":{"screen_name":"Home","source_message_id":"s1","timestamp_unixtime_ms":1700000000000}}"#;
        let crash = r#"{"event_type":"crash_report","data":{}}"#;
        let body =
            format!(r#"{{"user_identities":{{"customer_id":"ada"}},"events":[{event},{crash}]}}"#);
        fs::write(&file, body).unwrap();
        let arrival = Arrival {
            sent_at_ms: 0,
            now_ms: 0,
            max_age_ms: None,
        };

        let report = map_file(&mapper(None).unwrap(), &read(&file).unwrap(), &arrival);
        let text = describe(&file, &report);

        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].starts_with("0.0     send    screen_view")
                && lines[0].contains(r#""id":"s1""#),
            "{text}"
        );
        assert!(
            lines[1].starts_with("0.1     skip    crash_report"),
            "{text}"
        );
        assert!(
            lines[2].contains("2 events = 1 sent + 1 skipped (")
                && lines[2].ends_with("0 rejected"),
            "{text}"
        );
    }

    #[test]
    fn a_mapping_that_cannot_be_used_names_the_field() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mapping.json");
        fs::write(&file, r#"{"scope":"all"}"#).unwrap();

        let error = mapper(Some(&file)).unwrap_err();

        assert!(error.to_string().contains("scope"), "{error}");
    }
}
