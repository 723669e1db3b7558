//! From sources to a deployed stack: build, stage, deploy and describe.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};

use super::{
    Up, build, deploy::Deployment, deploy::Outputs, destination, emulator::REGION, template,
};
use crate::{
    http,
    progress::Step,
    queue::Queue,
    stack::{
        Secret, Stack, keys,
        process::{Records, wait_for},
    },
};

/// The first request starts a function and opens its connections.
const HEALTH_LIMIT: Duration = Duration::from_mins(1);

/// Paths and URLs that a deployment does not change.
#[derive(Clone, Debug)]
pub(super) struct DeployContext {
    pub(super) sam: PathBuf,
    pub(super) python: PathBuf,
    pub(super) base_url: String,
    pub(super) emulator_url: String,
    pub(super) iterable_url: String,
    pub(super) athena_url: String,
    pub(super) sns_url: String,
    pub(super) database_url: Secret,
}

/// Builds and deploys the checkout.
pub(super) async fn run(up: &Up, context: &DeployContext) -> Result<Stack> {
    let template = fs::read_to_string(up.checkout.template()).context("reading template.yaml")?;
    let functions = template::functions(&template)?;

    let step = Step::start("build");
    let binaries = build::build(&up.checkout, &up.data_dir, &functions, &step).await?;
    build::pack(&context.python, &up.data_dir, &binaries, &step).await?;
    step.done(format!("{} functions", functions.len()));

    let step = Step::start("deploy");
    let deployment = Deployment {
        sam: &context.sam,
        data_dir: &up.data_dir,
        emulator_url: &context.emulator_url,
        database_url: &context.database_url,
        iterable_url: &context.iterable_url,
        athena_url: &context.athena_url,
        sns_url: &context.sns_url,
        base_url: &context.base_url,
    };
    let outputs = deployment.run(&template, &step).await?;
    let secret_arn = outputs.get("DestinationSecretArn")?;
    destination::accept_key_of_forwarder(&context.iterable_url, &context.emulator_url, secret_arn)
        .await?;
    let stack = describe(up, context, &outputs, &functions).await?;
    step.done("template.yaml");
    Ok(stack)
}

async fn describe(
    up: &Up,
    context: &DeployContext,
    outputs: &Outputs,
    functions: &BTreeMap<String, String>,
) -> Result<Stack> {
    let webhook_url = outputs.get("SparkPostWebhookUrl")?;
    let rest_api = RestApi::of(outputs.get("MParticleWebhookUrl")?)?;
    let queue = |(name, output)| Ok((name, outputs.get(output)?.to_owned()));
    // A function of a disabled pipeline does not exist.
    let function = |(logical_id, binary): (&String, &String)| {
        let name = outputs.find(&format!("{logical_id}Name"))?;
        Some((binary.clone(), name.to_owned()))
    };
    Ok(Stack {
        base_url: context.base_url.clone(),
        sparkpost_webhook_url: format!("{}{}", context.base_url, path(webhook_url)?),
        mparticle_webhook_url: format!("{}{}", context.base_url, rest_api.path),
        query_url: format!("{}{}", context.base_url, path(outputs.get("QueryUrl")?)?),
        track_url: format!("{}{}", context.base_url, path(outputs.get("TrackUrl")?)?),
        keys: keys::read(&context.emulator_url, outputs.get("KeysSecretArn")?).await?,
        database_url: context.database_url.clone(),
        aws_endpoint_url: context.emulator_url.clone(),
        region: REGION.to_owned(),
        bucket: outputs.get("EventsBucketName")?.to_owned(),
        queues: Queue::outputs().map(queue).collect::<Result<_>>()?,
        functions: functions.iter().filter_map(function).collect(),
        outputs: outputs.all().clone(),
        iterable_url: context.iterable_url.clone(),
        athena_url: context.athena_url.clone(),
        sns_url: context.sns_url.clone(),
        http_api_id: api_id(webhook_url)?.to_owned(),
        rest_api: format!("{}/{}", rest_api.id, rest_api.stage),
        pids: Records::read(&up.data_dir)?.pids(),
    })
}

/// The parts of the URL of a REST API's route. In AWS the path begins with the stage, here it does not.
#[derive(Debug, PartialEq, Eq)]
struct RestApi<'a> {
    id: &'a str,
    stage: &'a str,
    path: String,
}

impl<'a> RestApi<'a> {
    fn of(url: &'a str) -> Result<Self> {
        let (stage, rest) = path(url)?
            .trim_start_matches('/')
            .split_once('/')
            .with_context(|| format!("{url} has no stage"))?;
        Ok(Self {
            id: api_id(url)?,
            stage,
            path: format!("/{rest}"),
        })
    }
}

/// The path of a route's URL in AWS, which is its path here too.
fn path(url: &str) -> Result<&str> {
    let after_scheme = url.split_once("://").map(|(_, rest)| rest);
    after_scheme
        .and_then(|rest| rest.find('/').map(|slash| &rest[slash..]))
        .with_context(|| format!("{url} has no path"))
}

/// The identifier of the API: the first label of its host.
fn api_id(url: &str) -> Result<&str> {
    url.split_once("://")
        .and_then(|(_, rest)| rest.split_once('.'))
        .map(|(id, _)| id)
        .with_context(|| format!("{url} has no API id"))
}

/// Waits until `/healthz` answers 200: routes, functions and Postgres are connected.
pub(super) async fn wait_until_healthy(stack: &Stack) -> Result<()> {
    let step = Step::start("health");
    let client = http::client(Duration::from_secs(35))?;
    let url = format!("{}/healthz", stack.base_url);
    let mut last = String::new();
    let healthy = wait_for("/healthz to answer 200", HEALTH_LIMIT, async || {
        match client.get(&url).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(Some(())),
            Ok(answer) => last = format!("{} {}", answer.status(), answer.text().await?),
            Err(error) => last = error.to_string(),
        }
        step.note(&last);
        Ok(None)
    })
    .await;
    healthy.with_context(|| format!("the stack is not healthy: {last}"))?;
    step.done(&url);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = "https://abc.execute-api.us-east-1.amazonaws.com/webhooks/sparkpost";

        assert_eq!(path(url).unwrap(), "/webhooks/sparkpost");
        assert_eq!(api_id(url).unwrap(), "abc");
        let rest = "https://def.execute-api.us-east-1.amazonaws.com/v1/webhooks/mparticle";
        assert_eq!(
            RestApi::of(rest).unwrap(),
            RestApi {
                id: "def",
                stage: "v1",
                path: "/webhooks/mparticle".to_owned()
            }
        );
        assert!(path("https://abc.com").is_err());
        assert!(api_id("nonsense").is_err());
    }
}
