//! The stack of an operator's command: the local one, or one deployed into AWS.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use aws_io::Aws;
use tokio::process::Command;

use crate::{
    shell,
    stack::{Stack, checkout::Checkout, data_dir::DataDir, outputs::parse_outputs},
};

/// The options that select the stack.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TargetArgs {
    /// A stack in AWS, by its name there, with your own credentials and region [default: the local stack]
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,

    /// Where the local stack keeps its data [default: .local in the checkout]
    #[arg(long, value_name = "DIR", conflicts_with = "stack")]
    data_dir: Option<PathBuf>,
}

/// The selected stack.
#[derive(Debug)]
pub(crate) struct StackTarget {
    /// The AWS clients of the stack.
    pub(crate) aws: Aws,
    /// The local stack's own files; `None` in AWS.
    pub(crate) local: Option<(DataDir, Stack)>,
    /// [`TargetArgs::suffix`] of the options that selected it.
    pub(crate) suffix: String,
    outputs: BTreeMap<String, String>,
}

impl TargetArgs {
    /// Finds the stack and the outputs of its template.
    pub(crate) async fn find(&self) -> Result<StackTarget> {
        if let Some(name) = &self.stack {
            return Ok(StackTarget {
                aws: Aws::from_env().await,
                local: None,
                suffix: self.suffix(),
                outputs: outputs(name).await?,
            });
        }
        let data_dir = DataDir::resolve(self.data_dir.as_deref())?;
        let stack = Stack::running(&data_dir)?.context(
            "no stack is up: start one with `cistern up`, or name a deployed one with --stack",
        )?;
        Ok(StackTarget {
            aws: Aws::local(&stack.aws_endpoint_url).await,
            outputs: stack.outputs.clone(),
            local: Some((data_dir, stack)),
            suffix: self.suffix(),
        })
    }
}

/// The name that `cistern up` gives to the local stack.
const LOCAL_NAME: &str = "cistern";

impl TargetArgs {
    /// The local stack's data directory, whether or not it is up; `None` for a stack in AWS.
    pub(crate) fn data_dir(&self) -> Result<Option<DataDir>> {
        if self.stack.is_some() {
            return Ok(None);
        }
        DataDir::resolve(self.data_dir.as_deref()).map(Some)
    }

    /// What is appended to a command that is recommended, so that it means the same stack: empty, or a space and the options, quoted
    /// for a shell.
    pub(crate) fn suffix(&self) -> String {
        match &self.stack {
            Some(name) => format!(" --stack {}", shell::word(name)),
            None => shell::data_dir_option(self.data_dir.as_deref()),
        }
    }

    /// Whether a stack in AWS is meant.
    pub(crate) fn is_deployed(&self) -> bool {
        self.stack.is_some()
    }

    /// The stack's name in `CloudFormation`.
    pub(crate) fn stack_name(&self) -> &str {
        self.stack.as_deref().unwrap_or(LOCAL_NAME)
    }
}

impl StackTarget {
    /// An output of the template, by its name.
    pub(crate) fn output(&self, name: &str) -> Result<&str> {
        self.outputs.get(name).map(String::as_str).with_context(|| {
            format!("the stack has no output {name}: its pipeline is switched off, or the deployed version is older than this command")
        })
    }
}

/// Lists the outputs with AWS SAM: the checkout's own installation, or the one on `PATH`.
async fn outputs(stack_name: &str) -> Result<BTreeMap<String, String>> {
    let pinned = Checkout::around_working_directory()
        .ok()
        .map(|checkout| checkout.tools().join("sam/bin/sam"))
        .filter(|sam| sam.is_file());
    let sam = pinned.unwrap_or_else(|| "sam".into());
    let output = Command::new(&sam)
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
    if !output.status.success() {
        bail!(
            "listing the outputs of stack {stack_name}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    parse_outputs(&String::from_utf8_lossy(&output.stdout))
}
