//! `cistern send`: posts files like their sender, and reports the outcome.

mod fate;

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

use self::fate::{Fate, database, exit_code, follow};
use crate::operator::webhook::{Body, Target, WebhookResponse};
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

    #[command(flatten)]
    target: Target,

    /// Seconds to wait until a file is loaded; 0 only posts it
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,

    /// Print one JSON object per file
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let pipeline = if options.mparticle {
        Pipeline::AppEvents
    } else {
        Pipeline::EmailEvents
    };
    let webhook = options.target.webhook(pipeline)?;
    let url = options.target.database_url()?;
    let store = url.map(|url| database(url.expose())).transpose()?;
    let mut fates = Vec::new();
    for file in &options.files {
        for body in read(file, pipeline)? {
            let response = webhook.post(body).await?;
            let fate = fate_of(options, store.as_ref(), &response).await?;
            report(options, file, &response, &fate);
            fates.push(fate);
        }
    }
    Ok(exit_code(fates.iter()))
}

async fn fate_of(
    options: &Options,
    store: Option<&Store>,
    response: &WebhookResponse,
) -> Result<Fate> {
    if !response.is_accepted() {
        return Ok(Fate::Refused);
    }
    if options.mparticle {
        return Ok(Fate::Accepted("`cistern forward` forwards it"));
    }
    match (store, &response.batch) {
        _ if options.wait == 0 => Ok(Fate::Accepted("not followed")),
        (Some(store), Some(batch)) => follow(store, batch, Duration::from_secs(options.wait)).await,
        (None, _) => Ok(Fate::Accepted("loading is followed for a local stack only")),
        (Some(_), None) => Ok(Fate::Accepted("the response has no batch key")),
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

fn report(options: &Options, file: &Path, response: &WebhookResponse, fate: &Fate) {
    let WebhookResponse {
        status,
        time,
        batch,
    } = response;
    let duration_ms = time.as_millis();
    if options.json {
        let mut line = fate.members();
        line["file"] = json!(file);
        line["status"] = json!(status.as_u16());
        line["duration_ms"] = json!(u64::try_from(duration_ms).unwrap_or(u64::MAX));
        line["batch"] = json!(batch);
        println!("{line}");
    } else {
        // A reason may quote what a sender sent.
        let fate = printable_lines(&fate.text());
        println!(
            "{} {duration_ms:>5} ms  {}",
            status.as_u16(),
            file.display()
        );
        if let Some(batch) = batch {
            println!("    batch {batch}");
        }
        println!("    {fate}");
    }
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
