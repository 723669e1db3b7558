//! `cistern send`: posts files like their provider, and prints the outcome.

mod fate;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result};
use event_store::Store;
use serde_json::json;

use self::fate::{Fate, database, exit_code, follow};
use crate::table::printable_lines;
use crate::webhook::{Answer, Body, Provider, Target};

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
    let provider = if options.mparticle {
        Provider::Mparticle
    } else {
        Provider::Sparkpost
    };
    let webhook = options.target.webhook(provider)?;
    let url = options.target.database_url()?;
    let store = url.map(|url| database(url.expose())).transpose()?;
    let mut fates = Vec::new();
    for file in &options.files {
        for body in read(file, provider)? {
            let answer = webhook.post(body).await?;
            let fate = fate_of(options, store.as_ref(), &answer).await?;
            report(options, file, &answer, &fate);
            fates.push(fate);
        }
    }
    Ok(exit_code(fates.iter()))
}

async fn fate_of(options: &Options, store: Option<&Store>, answer: &Answer) -> Result<Fate> {
    if !answer.is_accepted() {
        return Ok(Fate::Refused);
    }
    if options.mparticle {
        return Ok(Fate::Accepted("`cistern forward` forwards it"));
    }
    match (store, &answer.batch) {
        _ if options.wait == 0 => Ok(Fate::Accepted("outcome not checked")),
        (Some(store), Some(batch)) => follow(store, batch, Duration::from_secs(options.wait)).await,
        (None, _) => Ok(Fate::Accepted(
            "the outcome can be checked in a local stack's database only",
        )),
        (Some(_), None) => Ok(Fate::Accepted("the response has no batch id")),
    }
}

/// The bodies in a file.
fn read(file: &Path, provider: Provider) -> Result<Vec<Body>> {
    let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let ending = file.extension().and_then(|ending| ending.to_str());
    let whole = |is_gzip| {
        vec![Body {
            bytes: bytes.clone(),
            is_gzip,
        }]
    };
    Ok(match (provider, ending) {
        (Provider::Sparkpost, Some("gz")) => whole(true),
        (Provider::Mparticle, Some("jsonl" | "ndjson")) => bytes
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

fn report(options: &Options, file: &Path, answer: &Answer, fate: &Fate) {
    let Answer {
        status,
        time,
        batch,
    } = answer;
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
        let texts = |provider| -> Vec<String> {
            let bodies = read(&path, provider).unwrap();
            let text = |body: Body| String::from_utf8(body.bytes).unwrap();
            bodies.into_iter().map(text).collect()
        };

        assert_eq!(texts(Provider::Mparticle), ["{\"mpid\":1}", "{\"mpid\":2}"]);
        assert_eq!(texts(Provider::Sparkpost).len(), 1);
    }
}
