//! `cistern send`: posts files like their sender, and reports the outcome.

mod outcome;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result};
use event_model::Pipeline;
use event_store::Store;
use serde_json::json;

use self::outcome::{Outcome, database, exit_code, follow};
use crate::operator::webhook::{Body, Target, WebhookResponse};
use crate::output::{line, still_running};
use crate::table::printable_lines;

/// Options of `cistern send`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Webhook bodies
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Post like mParticle: no batch ids, no gzip; a file of lines (.jsonl, .ndjson) is posted line by line
    #[arg(long)]
    mparticle: bool,

    /// Post like a tracker, to /track: JSON, or one event per line
    #[arg(long, conflicts_with = "mparticle")]
    track: bool,

    #[command(flatten)]
    target: Target,

    /// Seconds to wait until a file is loaded; 0 only posts it
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=crate::operator::MAX_WAIT_SECONDS))]
    wait: u64,

    /// Print one JSON object per file
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let pipeline = if options.mparticle {
        Pipeline::AppEvents
    } else if options.track {
        Pipeline::ProductEvents
    } else {
        Pipeline::EmailEvents
    };
    let webhook = options.target.webhook(pipeline)?;
    let url = options.target.database_url()?;
    let store = url.map(|url| database(url.expose())).transpose()?;
    // Before the first is posted: of files that are named together, either all can be read or none is sent.
    let mut bodies = Vec::new();
    for file in &options.files {
        let read = read(file, pipeline)?;
        bodies.extend(read.into_iter().map(|body| (file, body)));
    }
    let mut outcomes = Vec::new();
    for (file, body) in bodies {
        let response = webhook.post(body).await?;
        let outcome = outcome_of(options, store.as_ref(), &response).await?;
        still_running(report(options, file, &response, &outcome))?;
        outcomes.push(outcome);
    }
    Ok(exit_code(outcomes.iter()))
}

async fn outcome_of(
    options: &Options,
    store: Option<&Store>,
    response: &WebhookResponse,
) -> Result<Outcome> {
    if let Some(why) = &response.refusal {
        return Ok(Outcome::Refused(why.clone()));
    }
    let accepted = |note: &str| Ok(Outcome::Accepted(note.to_owned()));
    let suffix = options.target.suffix();
    if options.mparticle {
        return if options.target.is_elsewhere() {
            accepted("the forwarder sends it on its schedule")
        } else {
            accepted(&format!("`cistern forward{suffix}` forwards it"))
        };
    }
    if options.track {
        return if options.target.is_elsewhere() {
            accepted("Firehose writes it within minutes")
        } else {
            accepted(&format!(
                "Firehose writes it within minutes, then `cistern query SQL{suffix}` finds it"
            ))
        };
    }
    match (store, &response.batch) {
        _ if options.wait == 0 => accepted("not followed"),
        (Some(store), Some(batch)) => follow(store, batch, Duration::from_secs(options.wait)).await,
        (None, _) => accepted("loading is followed for a local stack only"),
        (Some(_), None) => accepted("the response has no batch key"),
    }
}

/// The bodies in a file.
fn read(file: &Path, pipeline: Pipeline) -> Result<Vec<Body>> {
    let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let ending = file.extension().and_then(|ending| ending.to_str());
    let whole = |is_gzip| {
        vec![Body {
            bytes: bytes.clone(),
            is_gzip,
        }]
    };
    Ok(match (pipeline, ending) {
        (Pipeline::EmailEvents, Some("gz")) => whole(true),
        (Pipeline::AppEvents, Some("jsonl" | "ndjson")) => bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.trim_ascii().is_empty())
            .map(|line| Body {
                bytes: line.to_vec(),
                is_gzip: false,
            })
            .collect(),
        _ => whole(false),
    })
}

fn report(
    options: &Options,
    file: &Path,
    response: &WebhookResponse,
    outcome: &Outcome,
) -> Result<()> {
    let WebhookResponse {
        status,
        time,
        batch,
        refusal: _,
    } = response;
    let duration_ms = time.as_millis();
    if options.json {
        let mut line = outcome.members();
        line["file"] = json!(file);
        line["status"] = json!(status.as_u16());
        line["duration_ms"] = json!(u64::try_from(duration_ms).unwrap_or(u64::MAX));
        line["batch"] = json!(batch);
        line!("{line}")?;
    } else {
        // A reason may quote what a sender sent.
        let outcome = printable_lines(&outcome.text(&options.target.suffix()));
        line!(
            "{} {duration_ms:>5} ms  {}",
            status.as_u16(),
            file.display()
        )?;
        if let Some(batch) = batch {
            line!("    batch {batch}")?;
        }
        line!("    {outcome}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bodies_of_their_own_for_mparticle_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("batches.jsonl");
        fs::write(&path, "{\"mpid\":1}\n\n{\"mpid\":2}\n").unwrap();
        let texts = |pipeline| -> Vec<String> {
            let bodies = read(&path, pipeline).unwrap();
            let text = |body: Body| String::from_utf8(body.bytes).unwrap();
            bodies.into_iter().map(text).collect()
        };

        assert_eq!(texts(Pipeline::AppEvents), ["{\"mpid\":1}", "{\"mpid\":2}"]);
        assert_eq!(texts(Pipeline::EmailEvents).len(), 1);
    }
}
