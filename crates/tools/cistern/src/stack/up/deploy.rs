//! Deploys the template into the emulator with AWS SAM, as into AWS.

use std::{collections::BTreeMap, env, fs, path::Path};

use anyhow::{Context as _, Result, bail};
use aws_io::{Aws, LOCAL_KEY};
use tokio::process::Command;

use super::{
    emulator::{CODE_BUCKET, REGION},
    postgres::Postgres,
    template,
};
use crate::{
    progress::Step,
    stack::{Secret, data_dir::DataDir, outputs::parse_outputs, process},
};

const STACK_NAME: &str = "cistern";
/// The concurrency of loaders and archivers, as in the template's defaults.
const CONCURRENCY: u32 = 4;

/// The metadata key of the samples and generated events, so that searches by it can be tried.
const METADATA_KEYS: &str = "user_id";

/// A deployment into the emulator.
#[derive(Debug)]
pub(crate) struct Deployment<'a> {
    pub(crate) sam: &'a Path,
    pub(crate) data_dir: &'a DataDir,
    pub(crate) emulator_url: &'a str,
    pub(crate) database_url: &'a Secret,
    pub(crate) iterable_url: &'a str,
    /// What answers the console's queries of the lake.
    pub(crate) athena_url: &'a str,
    /// What stands in for SNS.
    pub(crate) sns_url: &'a str,
    /// The origin of all routes.
    pub(crate) base_url: &'a str,
}

/// The outputs of the template, by name.
#[derive(Debug)]
pub(crate) struct Outputs(BTreeMap<String, String>);

impl Outputs {
    pub(crate) fn all(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn get(&self, name: &str) -> Result<&str> {
        self.find(name)
            .with_context(|| format!("the template has no output {name}"))
    }
}

impl Deployment<'_> {
    /// Deploys the template with the staged functions. Returns its outputs.
    pub(crate) async fn run(&self, template: &str, step: &Step) -> Result<Outputs> {
        let code = self.data_dir.build();
        let staged = code.join("template.yaml");
        let places = template::Places {
            api_origin: self.base_url,
            athena_url: self.athena_url,
            sns_url: self.sns_url,
        };
        let text = template::with_code(template, &code, CONCURRENCY, places);
        fs::write(&staged, text).with_context(|| format!("writing {}", staged.display()))?;
        self.create_code_bucket().await?;

        let mut deploy = self.sam();
        deploy
            .args([
                "deploy",
                "--stack-name",
                STACK_NAME,
                "--s3-bucket",
                CODE_BUCKET,
            ])
            .arg("--template-file")
            .arg(&staged)
            .args(["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
            .args([
                "--no-confirm-changeset",
                "--no-fail-on-empty-changeset",
                "--no-progressbar",
            ])
            // The next deployment fixes what failed; a rollback would need code that no longer exists.
            .arg("--disable-rollback")
            .arg("--parameter-overrides")
            .arg(format!("DatabaseUrl={}", self.database_url.expose()))
            .arg("EnableSql=true")
            .args(
                Postgres::sql_url(self.database_url)
                    .map(|url| format!("SqlDatabaseUrl={}", url.expose())),
            )
            .arg(format!("DestinationUrl={}", self.iterable_url))
            .arg(format!("Architecture={}", host_architecture()))
            .arg(format!("MetadataKeys={METADATA_KEYS}"))
            .arg("TrackFunctionUrl=true")
            .arg("CloseMonths=true")
            // The emulator does not support this resource.
            .arg("SaveNamedQueries=false");
        let log = self.data_dir.log("deploy");
        if let Err(error) = process::run(&mut deploy, &log, step).await {
            let reasons = failures(&fs::read_to_string(&log).unwrap_or_default());
            if reasons.is_empty() {
                return Err(error);
            }
            bail!(
                "the deployment failed; its log is {}:\n{reasons}",
                log.display()
            );
        }
        self.outputs(step).await
    }

    /// Creates the bucket for code. In this region it is not an error if it exists already
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>).
    async fn create_code_bucket(&self) -> Result<()> {
        Aws::local(self.emulator_url)
            .await
            .s3()
            .create_bucket()
            .bucket(CODE_BUCKET)
            .send()
            .await
            .context("creating the bucket for code")?;
        Ok(())
    }

    async fn outputs(&self, step: &Step) -> Result<Outputs> {
        let mut list = self.sam();
        list.args([
            "list",
            "stack-outputs",
            "--stack-name",
            STACK_NAME,
            "--output",
            "json",
        ]);
        let answer = process::capture(&mut list, &self.data_dir.log("outputs"), step).await?;
        parse_outputs(&answer).map(Outputs)
    }

    /// SAM with an environment in which only the emulator exists: without the user's credentials,
    /// profiles and settings, so nothing can ever reach AWS.
    fn sam(&self) -> Command {
        let mut command = Command::new(self.sam);
        command
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.data_dir.emulator())
            .env("LANG", "C.UTF-8")
            .env("SAM_CLI_TELEMETRY", "0")
            // Wide enough that a reason in its tables is not wrapped into several lines.
            .env("COLUMNS", "400")
            .env("AWS_ENDPOINT_URL", self.emulator_url)
            .env("AWS_REGION", REGION)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", LOCAL_KEY)
            .env("AWS_SECRET_ACCESS_KEY", LOCAL_KEY)
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }
}

/// The value of the template's `Architecture` for functions that cargo built for this machine.
fn host_architecture() -> &'static str {
    match env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}

/// What failed and why, from SAM's table of events, where a long reason continues in the lines below; empty if nothing failed.
fn failures(log: &str) -> String {
    let mut failures: Vec<String> = Vec::new();
    let mut in_failure = false;
    for line in log.lines() {
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if words.starts_with("CREATE_FAILED") || words.starts_with("UPDATE_FAILED") {
            failures.push(words);
            in_failure = true;
        } else if let (true, true, Some(failure)) =
            (in_failure, line.starts_with(' '), failures.last_mut())
        {
            failure.push(' ');
            failure.push_str(&words);
        } else {
            in_failure = false;
        }
    }
    failures.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_found_in_the_log() {
        let log = "CREATE_COMPLETE  AWS::SNS::Topic  AlarmTopic  -\n\
                   CREATE_FAILED    Custom::Migration  Migration   no answer\n\
                   \x20                                           in 330 s \n\
                   CREATE_COMPLETE  AWS::SNS::Topic  Other  -\n";

        assert_eq!(
            failures(log),
            "CREATE_FAILED Custom::Migration Migration no answer in 330 s"
        );
    }

    #[test]
    fn outputs_are_found_by_name() {
        let answer =
            r#"[{"OutputKey": "QueryUrl", "OutputValue": "https://q", "Description": "d"}]"#;

        let outputs = Outputs(parse_outputs(answer).unwrap());

        assert_eq!(outputs.get("QueryUrl").unwrap(), "https://q");
        assert!(outputs.get("Other").is_err());
    }
}
