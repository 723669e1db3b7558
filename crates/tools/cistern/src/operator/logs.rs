//! `cistern logs`: what the functions log.

mod reasons;
mod shown;
mod source;

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;
use time::{OffsetDateTime, macros::format_description};
use tokio::time::sleep;

pub(super) use self::reasons::Reasons;
use self::{
    shown::{Level, is_background, record, text},
    source::{Group, Logged, Source},
};
use crate::{
    operator::{events::span, once::Once, patience::Patience, target::TargetArgs},
    output::line,
};

/// The pause between two searches of `--follow`. The service allows few requests a second, and each function is one.
const PAUSE: Duration = Duration::from_secs(3);
/// How far each search of `--follow` goes back: lines reach the service a few seconds after they were written.
const OVERLAP: Duration = Duration::from_mins(2);

/// Lines that say that something went wrong.
const WARNINGS: &str = r#"{ ($.level = "WARN") || ($.level = "ERROR") }"#;
const ERRORS: &str = r#"{ $.level = "ERROR" }"#;
/// Patterns about members match lines in JSON only, and a panic is none.
const PANICS: &str = "panicked";

/// Options of `cistern logs`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// The function, such as loader [default: all]
    function: Option<String>,

    /// Print lines as they arrive, until you press Ctrl-C
    #[arg(long, short = 'f')]
    follow: bool,

    /// Only lines of this time before now, such as 90s, 15m, 2h or 1d
    #[arg(long, value_name = "SPAN", default_value = "15m", value_parser = span::parse)]
    since: Duration,

    /// Only lines of this level or a more serious one
    #[arg(long, value_enum, default_value = "info")]
    level: Level,

    /// Also metrics, and Lambda's own lines about each invocation
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    target: TargetArgs,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let target = options.target.find().await?;
    let source = Source::of(target.local.as_ref().map(|(_, stack)| stack))?;
    let groups = selected(
        source.groups(options.target.stack_name()).await?,
        options.function.as_deref(),
    )?;
    let patterns = options.patterns(&source);
    let mut patience = Patience::default();
    let mut once = Once::default();
    let mut since_ms = now_ms() - millis(options.since);
    loop {
        let started_ms = now_ms();
        let mut found = 0;
        let lines = match search(&source, &groups, since_ms, &patterns).await {
            Ok(lines) => lines,
            Err(error) if options.follow => {
                patience.wait(error).await?;
                continue;
            }
            Err(error) => return Err(error),
        };
        patience.succeeded();
        for logged in lines {
            if once.is_new(&sortable(logged.at_ms), &logged.identity) {
                found += usize::from(print(options, &logged)?);
            }
        }
        if !options.follow {
            if found == 0 {
                eprintln!("nothing was logged; try a longer time with --since 1d, or --all");
            }
            return Ok(());
        }
        // Never back: what was forgotten must not be found again.
        since_ms = since_ms.max(started_ms - millis(OVERLAP));
        once.forget_before(&sortable(since_ms));
        sleep(PAUSE).await;
    }
}

impl Options {
    /// The searches that together find what is printed. AWS reads long logs slowly, and sends fewer lines if it knows which are wanted.
    fn patterns(&self, source: &Source) -> Vec<Option<&'static str>> {
        match (source, self.all, self.level) {
            (Source::Aws { .. }, false, Level::Warn) => vec![Some(WARNINGS), Some(PANICS)],
            (Source::Aws { .. }, false, Level::Error) => vec![Some(ERRORS), Some(PANICS)],
            (Source::Aws { .. } | Source::Emulator { .. }, _, _) => vec![None],
        }
    }
}

/// The lines of all functions, oldest first.
async fn search(
    source: &Source,
    groups: &[Group],
    since_ms: i64,
    patterns: &[Option<&str>],
) -> Result<Vec<Logged>> {
    let mut all = Vec::new();
    for group in groups {
        for pattern in patterns {
            let found = source.lines(group, since_ms, *pattern).await?;
            if found.lacks_oldest {
                eprintln!(
                    "note: {} logged more than is shown: the oldest lines are missing; --since shortens the time",
                    group.function
                );
            }
            all.extend(found.lines);
        }
    }
    // Stable: lines of one millisecond stay in the order in which they were written.
    all.sort_by_key(|logged| logged.at_ms);
    Ok(all)
}

/// Prints a line unless it is filtered out.
fn print(options: &Options, logged: &Logged) -> Result<bool> {
    let record = record(&logged.message);
    let is_wanted = if is_background(&logged.message, record.as_ref()) {
        options.all
    } else {
        Level::of(record.as_ref()) >= options.level
    };
    if !is_wanted {
        return Ok(false);
    }
    let time = time_of(logged.at_ms);
    if options.json {
        let mut entry = json!({ "time": time, "function": logged.function });
        match record {
            Some(record) => entry["record"] = record.into(),
            None => entry["text"] = logged.message.clone().into(),
        }
        line!("{entry}")?;
    } else {
        line!(
            "{}",
            text(&time, &logged.function, &logged.message, record.as_ref())
        )?;
    }
    Ok(true)
}

fn selected(groups: Vec<Group>, function: Option<&str>) -> Result<Vec<Group>> {
    if groups.is_empty() {
        bail!("the stack has no logs; its name or region may be another");
    }
    let Some(function) = function else {
        return Ok(groups);
    };
    let names: Vec<String> = groups.iter().map(|group| group.function.clone()).collect();
    let found: Vec<Group> = groups
        .into_iter()
        .filter(|group| group.function == function)
        .collect();
    if found.is_empty() {
        bail!(
            "the stack has no function {function}; it has {}",
            names.join(", ")
        );
    }
    Ok(found)
}

fn now_ms() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A form whose order is that of time.
fn sortable(at_ms: i64) -> String {
    format!("{:020}", at_ms.max(0))
}

/// `2026-11-29T21:20:41.697Z`
fn time_of(at_ms: i64) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000)
        .ok()
        .and_then(|time| time.format(format).ok())
        .unwrap_or_else(|| at_ms.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_and_read() {
        assert!(sortable(9) < sortable(10));
        assert_eq!(time_of(1_795_987_241_704), "2026-11-29T21:20:41.704Z");
        assert_eq!(time_of(i64::MAX), i64::MAX.to_string());
    }
}
