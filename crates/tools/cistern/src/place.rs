//! The stack of an operator's command: the local one, or one that is deployed in AWS.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use aws_io::Aws;
use serde::Deserialize;
use tokio::process::Command;

use crate::{checkout::Checkout, data_dir::DataDir, stack::Stack};

/// Which stack.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Where {
    /// Name of a stack in AWS, used with your own credentials and region [default: the local stack]
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,

    /// Where the local stack keeps its data [default: .local in the checkout]
    #[arg(long, value_name = "DIR", conflicts_with = "stack")]
    data_dir: Option<PathBuf>,
}

/// A stack that was found.
#[derive(Debug)]
pub(crate) struct Place {
    /// Clients for its location.
    pub(crate) aws: Aws,
    /// The local stack's own files; `None` in AWS.
    pub(crate) local: Option<(DataDir, Stack)>,
    outputs: BTreeMap<String, String>,
}

impl Where {
    /// Finds the stack and the outputs of its template.
    pub(crate) async fn find(&self) -> Result<Place> {
        if let Some(name) = &self.stack {
            return Ok(Place {
                aws: Aws::from_env().await,
                local: None,
                outputs: outputs(name).await?,
            });
        }
        let data_dir = DataDir::resolve(self.data_dir.as_deref())?;
        let stack = Stack::read(&data_dir.stack_json())?.context(
            "no stack is up: start one with `cistern up`, or name a deployed one with --stack",
        )?;
        Ok(Place {
            aws: Aws::local(&stack.aws_endpoint_url).await,
            outputs: stack.outputs.clone(),
            local: Some((data_dir, stack)),
        })
    }
}

impl Place {
    /// An output of the template, by name.
    pub(crate) fn output(&self, name: &str) -> Result<&str> {
        self.outputs.get(name).map(String::as_str).with_context(|| {
            format!("the stack has no output {name}: enable the pipeline, or deploy this version's template")
        })
    }
}

/// Runs AWS SAM, with which the stack was deployed: the checkout's own, or the one in `PATH`.
async fn outputs(stack_name: &str) -> Result<BTreeMap<String, String>> {
    let pinned = Checkout::around_working_directory()
        .ok()
        .map(|checkout| checkout.tools().join("sam/bin/sam"))
        .filter(|sam| sam.is_file());
    let sam = pinned.unwrap_or_else(|| "sam".into());
    let answer = Command::new(&sam)
        .args(["list", "stack-outputs", "--output", "json"])
        .args(["--stack-name", stack_name])
        .env("SAM_CLI_TELEMETRY", "0")
        .output()
        .await
        .with_context(|| {
            format!(
                "starting {} (`cistern tools` installs AWS SAM, or use its own installer)",
                sam.display()
            )
        })?;
    if !answer.status.success() {
        bail!(
            "asking for the outputs of stack {stack_name}: {}",
            String::from_utf8_lossy(&answer.stderr).trim()
        );
    }
    parse_outputs(&String::from_utf8_lossy(&answer.stdout))
}

/// The outputs of a stack, by name, as SAM lists them.
pub(crate) fn parse_outputs(answer: &str) -> Result<BTreeMap<String, String>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Output {
        output_key: String,
        output_value: String,
    }
    let outputs: Vec<Output> =
        serde_json::from_str(answer).context("reading the outputs of the template")?;
    Ok(outputs
        .into_iter()
        .map(|output| (output.output_key, output.output_value))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_by_name() {
        let answer =
            r#"[{"OutputKey": "QueryUrl", "OutputValue": "https://q", "Description": "d"}]"#;

        let outputs = parse_outputs(answer).unwrap();

        assert_eq!(outputs["QueryUrl"], "https://q");
        assert!(parse_outputs("no stack").is_err());
    }
}
