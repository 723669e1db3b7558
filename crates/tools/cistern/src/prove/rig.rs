//! A fresh stack with proxies between its functions and everything that they call.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64},
};

use anyhow::{Context as _, Result, ensure};
use aws_io::{
    Aws, S3Client, SqsClient,
    secrets::{VersionStage, read_version, write_after},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{
    caller::Callers,
    disturb::Disturber,
    erasure::WAIT_SECONDS,
    functions::Functions,
    plan::Site,
    proxy::{Calls, Faults, HttpProxy, PostgresProxy},
};
use crate::{http, stack::Stack};

/// Functions whose calls of AWS services pass the proxy.
const FUNCTIONS: [&str; 7] = [
    "ingest",
    "eraser",
    "loader",
    "archiver",
    "compactor",
    "track",
    "forwarder",
];
/// The services, by the variables that redirect a function's calls of them.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
const SERVICES: [&str; 3] = [
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_FIREHOSE",
];
/// Days are compacted as soon as they are over, and each phase follows at once: nobody queries meanwhile.
const COMPACT_AT_ONCE: [(&str, &str); 4] = [
    ("CLOSE_AFTER_HOURS", "0"),
    ("REOPEN_AFTER_HOURS", "0"),
    ("SETTLE_MINUTES", "0"),
    ("CLOSE_MONTHS", "true"),
];
/// Short runs and pauses, so that what a killed run held is delivered again soon.
const FORWARDER: [(&str, &str); 3] = [
    ("REQUESTS_PER_SECOND", "200"),
    ("REQUEST_TIMEOUT_MS", "4000"),
    ("RETRY_SECONDS", "2"),
];
/// See [`WAIT_SECONDS`].
const ERASER: [(&str, &str); 1] = [("WAIT_SECONDS", WAIT_SECONDS)];
const FORWARDER_TIMEOUT_S: u32 = 20;
/// As in the template, but shorter than the invocation is waited for: without kills, long runs drain the queue faster.
const CALM_FORWARDER_TIMEOUT_S: u32 = 180;
/// Longer than the function's timeout, as in the template, but not six times as long.
const VISIBILITY_S: [(&str, u32); 2] = [("load", 40), ("archive", 60)];
const ARCHIVER_TIMEOUT_S: u32 = 40;
/// The share of requests that the destination itself answers with a failure.
const DESTINATION_FAILS: f64 = 0.1;

const SECRET_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// The stack, its proxies and what disturbs it.
#[derive(Debug)]
pub(super) struct Rig {
    pub(super) disturber: Arc<Disturber>,
    pub(super) gateway: HttpProxy,
    aws: HttpProxy,
    destination: HttpProxy,
    postgres: PostgresProxy,
}

impl Rig {
    /// Puts proxies into a running stack.
    pub(super) async fn around(stack: Stack, seed: u64) -> Result<Self> {
        let faults = Arc::new(Faults::default());
        let callers = Arc::new(Callers::of(stack.pids.get("emulator").copied()));
        let proxy = async |url: &str, calls| {
            HttpProxy::start(url, calls, Arc::clone(&faults), Arc::clone(&callers)).await
        };
        let database = host_and_port(stack.database_url.expose())?.to_owned();
        let clients = Aws::local(&stack.aws_endpoint_url).await;
        let rig = Self {
            gateway: proxy(&stack.base_url, Calls::Of(Site::Gateway)).await?,
            aws: proxy(&stack.aws_endpoint_url, Calls::Aws).await?,
            destination: proxy(&stack.iterable_url, Calls::Of(Site::Destination)).await?,
            postgres: PostgresProxy::start(database, Arc::clone(&faults), Arc::clone(&callers))
                .await?,
            disturber: Arc::new(Disturber {
                functions: Functions::of(&stack)?,
                stack,
                faults,
                callers,
                s3: clients.s3(),
                sqs: clients.sqs(),
                notifications: AtomicU64::new(0),
                is_over: AtomicBool::new(false),
                missed_kills: AtomicU64::new(0),
            }),
        };
        rig.redirect().await?;
        rig.shorten_visibility().await?;
        rig.destination_fails(DESTINATION_FAILS, seed).await?;
        Ok(rig)
    }

    pub(super) fn s3(&self) -> &S3Client {
        &self.disturber.s3
    }

    /// A client of S3 whose calls fail as the functions' do.
    pub(super) async fn disturbed_s3(&self) -> S3Client {
        Aws::local(self.aws.url()).await.s3()
    }

    /// Stores the secrets with which the senders of email events other than SparkPost prove their deliveries.
    pub(super) async fn accept_senders(&self, secrets: &Value) -> Result<()> {
        let stack = &self.disturber.stack;
        let arn = stack.outputs.get("KeysSecretArn");
        let arn = arn.context("the stack names its secret")?;
        let client = Aws::local(&stack.aws_endpoint_url).await.secrets();
        let version = read_version(&client, arn, VersionStage::Current, SECRET_LIMIT).await?;
        let version = version.context("the stack's secret is empty")?;
        let mut document: Value = serde_json::from_str(version.text.expose_secret())?;
        document["senders"] = secrets.clone();
        let text = SecretString::from(document.to_string());
        write_after(&client, arn, &version.id, &text, SECRET_LIMIT).await?;
        Ok(())
    }

    pub(super) fn sqs(&self) -> &SqsClient {
        &self.disturber.sqs
    }

    /// Makes the functions call the proxies.
    async fn redirect(&self) -> Result<()> {
        let functions = &self.disturber.functions;
        for function in FUNCTIONS {
            let timeout_s = match function {
                "forwarder" => Some(FORWARDER_TIMEOUT_S),
                "archiver" => Some(ARCHIVER_TIMEOUT_S),
                _ => None,
            };
            functions
                .configure(function, timeout_s, |variables| {
                    self.set(function, variables)
                })
                .await?;
        }
        Ok(())
    }

    fn set(&self, function: &str, variables: &mut Value) -> Result<()> {
        for service in SERVICES {
            variables[service] = json!(self.aws.url());
        }
        let changed: &[(&str, &str)] = match function {
            "compactor" => &COMPACT_AT_ONCE,
            "forwarder" => &FORWARDER,
            "eraser" => &ERASER,
            _ => &[],
        };
        for (name, value) in changed {
            variables[*name] = json!(value);
        }
        if function == "forwarder" {
            variables["DESTINATION_URL"] = json!(self.destination.url());
        }
        if matches!(function, "loader" | "eraser") {
            let url = variables["DATABASE_URL"]
                .as_str()
                .with_context(|| format!("{function} has a DATABASE_URL"))?;
            let server = host_and_port(url)?;
            let proxied = url.replacen(server, &format!("127.0.0.1:{}", self.postgres.port()), 1);
            variables["DATABASE_URL"] = json!(proxied);
        }
        Ok(())
    }

    /// Lets the forwarder run for longer, once nothing disturbs it.
    pub(super) async fn calm_forwarder(&self) -> Result<()> {
        let functions = &self.disturber.functions;
        let unchanged = |_: &mut Value| Ok(());
        functions
            .configure("forwarder", Some(CALM_FORWARDER_TIMEOUT_S), unchanged)
            .await
    }

    async fn shorten_visibility(&self) -> Result<()> {
        for (name, seconds) in VISIBILITY_S {
            let url = self
                .disturber
                .stack
                .queues
                .get(name)
                .with_context(|| format!("the stack has no queue {name}"))?;
            self.sqs()
                .set_queue_attributes()
                .queue_url(url)
                .attributes("VisibilityTimeout".into(), seconds.to_string())
                .send()
                .await
                .with_context(|| format!("changing the queue {name}"))?;
        }
        Ok(())
    }

    /// Makes the destination fail so often, besides the faults of the plan; 0 stops it.
    pub(super) async fn destination_fails(&self, share: f64, seed: u64) -> Result<()> {
        let url = format!("{}/_control", self.disturber.stack.iterable_url);
        let change = json!({"requests_per_second": 0, "random": {"share": share, "seed": seed}});
        let answer = http::client(std::time::Duration::from_secs(10))?
            .post(url)
            .json(&change)
            .send()
            .await
            .context("configuring the destination")?;
        ensure!(
            answer.status().is_success(),
            "configuring the destination: {}",
            answer.status()
        );
        Ok(())
    }
}

/// The host and port in a database's URL.
fn host_and_port(url: &str) -> Result<&str> {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?']).next().unwrap_or_default();
    let server = authority
        .rsplit_once('@')
        .map_or(authority, |(_, server)| server);
    ensure!(server.contains(':'), "the database's URL names no port");
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_is_found_in_a_url() {
        assert_eq!(
            host_and_port("postgres://u:p@127.0.0.1:5432/db?x=y").unwrap(),
            "127.0.0.1:5432"
        );
        assert_eq!(
            host_and_port("postgres://127.0.0.1:5432").unwrap(),
            "127.0.0.1:5432"
        );
        assert!(host_and_port("postgres://u@host/db").is_err());
    }
}
