//! `cistern import`: events in files become raw objects.

mod items;
mod kind;
mod objects;
mod reading;
mod storing;

use std::{fmt::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Result, ensure};
use serde::Serialize;
use time::OffsetDateTime;

use self::{
    items::{Rejected, split},
    kind::{Kind, sort},
    objects::{Packed, pack},
    reading::{find_files, read_text},
    storing::Storing,
};
use crate::{
    operator::{raw_batch::Follower, recorded::outcome::Outcome, target::TargetArgs},
    output::{line, still_running},
    plural::counted,
    progress,
    table::printable_lines,
};

/// The rejections of a file that a text lists.
const LISTED: usize = 5;

/// Options of `cistern import`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Files, or folders with files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// What the files hold [default: recognised, file by file]
    #[arg(long = "as", value_enum, value_name = "KIND")]
    kind: Option<Kind>,

    /// Show what each file would be taken for, and store nothing
    #[arg(long)]
    dry_run: bool,

    /// Seconds to wait for the loader while nothing changes; 0 only stores
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(..=crate::operator::MAX_WAIT_SECONDS))]
    wait: u64,

    #[command(flatten)]
    target: TargetArgs,

    /// Print one JSON object per file, and one with the outcome
    #[arg(long)]
    json: bool,
}

/// What became of a file.
#[derive(Debug, Serialize)]
struct Report {
    file: PathBuf,
    /// `None` if nothing of it can be used.
    taken_for: Option<Kind>,
    /// Items that are stored: events, batches of app events.
    items: usize,
    /// Items that cannot be used, with the reason. Those that only the loader rejects are stored.
    rejected: Vec<Rejected>,
    /// Raw objects.
    objects: usize,
    /// Those of them that were not there before.
    new_objects: usize,
}

pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let files = find_files(&options.paths)?;
    ensure!(
        !files.is_empty(),
        "there are no files in {}",
        options.paths[0].display()
    );
    let mut has_rejected = false;
    let storing = if options.dry_run {
        None
    } else {
        let target = options.target.find().await?;
        let follower = Follower::of(&target).await;
        let began_at = follower.now().await?;
        Some((Storing::of(&target)?, target, follower, began_at))
    };
    let bar = progress::bar(u64::try_from(files.len()).unwrap_or(u64::MAX), "files");
    let mut batches = Vec::new();
    for file in files {
        let (mut report, packed) = take(file, options.kind);
        if let Some((storing, ..)) = &storing {
            for object in &packed {
                let stored = storing.store(object, OffsetDateTime::now_utc()).await?;
                report.new_objects += usize::from(stored.is_new);
                if object.kind == Kind::Email {
                    batches.push(stored.key);
                }
            }
        }
        has_rejected |= !report.rejected.is_empty();
        bar.inc(1);
        still_running(bar.suspend(|| print(options, &report)))?;
    }
    bar.finish_and_clear();
    let mut code = ExitCode::from(if has_rejected { 3 } else { 0 });
    if let Some((_, target, follower, began_at)) = &storing
        && !batches.is_empty()
    {
        let wait = Duration::from_secs(options.wait);
        let outcome = follower
            .outcome(target, &batches, began_at.as_deref(), wait)
            .await?;
        still_running(print_outcome(options, &outcome))?;
        if !has_rejected {
            code = outcome.exit_code();
        }
    }
    Ok(code)
}

/// Reads a file and makes raw objects of it. What cannot be used is in the report.
fn take(file: PathBuf, wanted: Option<Kind>) -> (Report, Vec<Packed>) {
    let mut report = Report {
        file,
        taken_for: None,
        items: 0,
        rejected: Vec::new(),
        objects: 0,
        new_objects: 0,
    };
    let text = match read_text(&report.file) {
        Ok(text) => text,
        Err(error) => {
            report.rejected.push(Rejected::whole(format!("{error:#}")));
            return (report, Vec::new());
        }
    };
    let (items, rejected) = split(&text);
    report.rejected = rejected;
    let sorted = sort(items, wanted);
    report.rejected.extend(sorted.rejected);
    report.taken_for = sorted.kind;
    report.items = sorted.items.len();
    let Some(kind) = sorted.kind else {
        return (report, Vec::new());
    };
    let now = OffsetDateTime::now_utc();
    let packed = pack(kind, &sorted.items, now);
    report.rejected.extend(objects::rejections(&packed, now));
    report.objects = packed.len();
    (report, packed)
}

fn print(options: &Options, report: &Report) -> Result<()> {
    if options.json {
        return line!("{}", serde_json::to_string(report)?);
    }
    line!("{}", text(report, options.dry_run))
}

fn text(report: &Report, is_dry_run: bool) -> String {
    let Report {
        file,
        items,
        rejected,
        objects,
        new_objects,
        ..
    } = report;
    let file = file.display();
    let mut text = match report.taken_for {
        None => format!("{file}: nothing in it can be used"),
        Some(kind) if is_dry_run => format!(
            "{file}: {}, would be {}",
            counted(*items, kind.item()),
            counted(*objects, "object")
        ),
        Some(kind) => format!(
            "{file}: {}, in {}, {new_objects} of them new",
            counted(*items, kind.item()),
            counted(*objects, "object")
        ),
    };
    if !rejected.is_empty() {
        let _infallible = write!(text, "; {} rejected", rejected.len());
    }
    for item in rejected.iter().take(LISTED) {
        text.push_str("\n    ");
        text.push_str(&printable_lines(&item.to_string()));
    }
    if rejected.len() > LISTED {
        text.push_str("\n    … (--json has all)");
    }
    text
}

fn print_outcome(options: &Options, outcome: &Outcome) -> Result<()> {
    if options.json {
        return line!("{}", serde_json::to_string(outcome)?);
    }
    line!("email batches{}{}", outcome.headline(), outcome.details())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_a_file_was_taken_for_and_what_cannot_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        std::fs::write(&path, "{\"event\":\"login\"}\nnot JSON\n").unwrap();

        let (report, packed) = take(path, None);

        assert_eq!(
            (report.taken_for, report.items, packed.len()),
            (Some(Kind::Product), 1, 1)
        );
        let shown = text(&report, true);
        assert!(
            shown.contains("1 product event, would be 1 object; 1 rejected"),
            "{shown}"
        );
        assert!(shown.contains("line 2: not JSON"), "{shown}");
        let (missing, _) = take(folder.path().join("missing"), None);
        assert!(text(&missing, true).contains("nothing in it can be used; 1 rejected"));
    }
}
