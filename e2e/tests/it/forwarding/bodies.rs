//! Every sent body matches Iterable's own schemas.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::forwarding::rig::{EVERYTHING, Forwarding, own_samples, public_samples};
use crate::stack::{repository_root, shared_data};

/// The stand-in, which answers 200 only if a body matches Iterable's Swagger file, keeps as many.
const KEPT_BODIES: usize = 64;

#[tokio::test]
async fn bodies_fit_the_schemas_of_iterables_own_client() -> Result<()> {
    let mut samples = own_samples()?;
    samples.extend(public_samples()?);
    let validators = Validator::all()?;
    for mapping in ["{}", EVERYTHING] {
        let forwarding = Forwarding::with(&[("MAPPING", mapping)]).await?;
        for (_, body) in &samples {
            forwarding.deliver(body.as_str()).await?;
        }
        forwarding.drain().await?;

        let counts = forwarding.received("").await?;
        let responses = &counts["responses"]["/api/events/trackBulk"];
        let bodies: Vec<String> = serde_json::from_value(forwarding.received("/bodies").await?)?;
        ensure!(
            responses["200"] == bodies.len() && bodies.len() < KEPT_BODIES,
            "{} bodies are kept of those with the statuses {responses}",
            bodies.len()
        );
        for body in &bodies {
            for validator in &validators {
                validator.check(body).await?;
            }
        }
        forwarding.restore().await?;
    }
    Ok(())
}

/// A script for Node that reads a body.
struct Validator {
    script: PathBuf,
    arguments: Vec<PathBuf>,
}

impl Validator {
    /// Ours, and the stricter one beside the checkout if it exists.
    fn all() -> Result<Vec<Self>> {
        let client = tools().join("iterable");
        ensure!(
            client.join("node_modules").is_dir() && tools().join("stamp").is_file(),
            "Iterable's client is not installed: run .ci/test-tools, as `make test` does"
        );
        let mut all = vec![Self {
            script: repository_root().join("e2e/clients/iterable/validate.mjs"),
            arguments: vec![client.clone()],
        }];
        if let Some(folder) = shared_data() {
            all.push(Self {
                script: folder.join("iterable/validate-trackbulk.mjs"),
                arguments: vec![PathBuf::from("--base"), client],
            });
        }
        Ok(all)
    }

    async fn check(&self, body: &str) -> Result<()> {
        let mut process = Command::new(tools().join("node/bin/node"))
            .arg(&self.script)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting Node")?;
        let mut stdin = process.stdin.take().context("its input is piped")?;
        stdin.write_all(body.as_bytes()).await?;
        drop(stdin);
        let output = process.wait_with_output().await?;
        ensure!(
            output.status.success(),
            "{} says {}{}",
            self.script.display(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

fn tools() -> &'static Path {
    static TOOLS: std::sync::LazyLock<PathBuf> =
        std::sync::LazyLock::new(|| repository_root().join(".local/tools/clients"));
    &TOOLS
}
