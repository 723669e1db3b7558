//! `cistern send`: posts files as their provider would.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::webhook::{Answer, Body, Provider, Target};

/// What `cistern send` is asked to do.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Webhook bodies
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// They are mParticle's: no batch ids, no gzip; a file of lines (.jsonl, .ndjson) is posted line by line
    #[arg(long)]
    mparticle: bool,

    #[command(flatten)]
    target: Target,

    /// Print one JSON object a file
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let provider = if options.mparticle {
        Provider::Mparticle
    } else {
        Provider::Sparkpost
    };
    let webhook = options.target.webhook(provider)?;
    let mut posted = 0_usize;
    let mut refused = 0_usize;
    for file in &options.files {
        for body in read(file, provider)? {
            let answer = webhook.post(body).await?;
            report(options, file, answer);
            posted += 1;
            refused += usize::from(!answer.is_accepted());
        }
    }
    ensure!(refused == 0, "{refused} of {posted} bodies were refused");
    Ok(())
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

fn report(options: &Options, file: &Path, answer: Answer) {
    let Answer { status, time } = answer;
    let duration_ms = time.as_millis();
    if options.json {
        let line = json!({
            "file": file,
            "status": status.as_u16(),
            "duration_ms": u64::try_from(duration_ms).unwrap_or(u64::MAX),
        });
        println!("{line}");
    } else {
        println!(
            "{} {duration_ms:>5} ms  {}",
            status.as_u16(),
            file.display()
        );
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
