//! Another stack of the same template in the same account.

use std::collections::BTreeMap;

use access_keys::{Scope, keys::KeyDocument};
use anyhow::{Context, Result};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, PgPool};

use crate::deployments::{ensure_success, python, staged_template};
use crate::keys_secret::KeysSecret;
use crate::stack::{Keys, Queues, Stack, StackFile, fresh_id};

/// A stack with its own database on the same server. Its routes are the emulator's own, without a reverse proxy.
pub(crate) struct Neighbour {
    pub(crate) stack: Stack,
    name: String,
    database: String,
    home: String,
}

impl Neighbour {
    /// Deploys it with some parameters.
    pub(crate) async fn deploy(
        home: &Stack,
        name: &str,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let database = fresh_id(name).replace('-', "_");
        run(
            &home.file.database_url,
            &format!("create database {database}"),
        )
        .await?;
        let (server, _) = home
            .file
            .database_url
            .rsplit_once('/')
            .context("the url names a database")?;
        let database_url = format!("{server}/{database}");

        let output = python("e2e/deployments/neighbour.py")
            .args(["up", name])
            .arg(staged_template()?)
            .arg(format!("DatabaseUrl={database_url}"))
            .args(
                settings
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            )
            .output()
            .await?;
        ensure_success(&output)?;
        let outputs: BTreeMap<String, String> = serde_json::from_slice(&output.stdout)?;
        let file = file(&home.file, &outputs, database_url)?;
        let mut stack = Stack {
            db: PgPool::connect_lazy(&file.database_url)?,
            http: home.http.clone(),
            file,
        };
        stack.file.keys = keys(&stack).await?;
        Ok(Self {
            stack,
            name: name.to_owned(),
            database,
            home: home.file.database_url.clone(),
        })
    }

    /// Deletes it. Only its bucket remains.
    pub(crate) async fn remove(self) -> Result<()> {
        let output = python("e2e/deployments/neighbour.py")
            .args(["down", &self.name])
            .output()
            .await?;
        ensure_success(&output)?;
        let Self { database, home, .. } = &self;
        run(home, &format!("drop database {database} with (force)")).await
    }
}

async fn run(database_url: &str, statement: &str) -> Result<()> {
    let mut admin = PgConnection::connect(database_url).await?;
    admin.execute(AssertSqlSafe(statement.to_owned())).await?;
    Ok(())
}

/// Its `stack.json`. Disabled parts are missing.
fn file(
    home: &StackFile,
    outputs: &BTreeMap<String, String>,
    database_url: String,
) -> Result<StackFile> {
    let output = |name: &str| outputs.get(name).cloned().unwrap_or_default();
    let emulator = &home.aws_endpoint_url;
    let query_url = output("QueryUrl");
    let http_api = format!("{emulator}/_aws/execute-api/{}", api_id(&query_url)?);
    let rest_api = match outputs.get("MParticleWebhookUrl") {
        Some(url) => format!("{emulator}/restapis/{}/v1/_user_request_", api_id(url)?),
        None => String::new(),
    };
    let function = |(name, value): (&String, &String)| {
        let crate_name = name.strip_suffix("FunctionName")?.to_lowercase();
        Some((crate_name, value.clone()))
    };
    Ok(StackFile {
        sparkpost_webhook_url: format!("{http_api}/webhooks/sparkpost"),
        track_url: format!("{http_api}/track"),
        mparticle_webhook_url: format!("{rest_api}/webhooks/mparticle"),
        base_url: http_api,
        database_url,
        bucket: output("EventsBucketName"),
        queues: Queues {
            load: output("LoadQueueUrl"),
            load_dlq: output("LoadDeadLetterQueueUrl"),
            archive: output("ArchiveQueueUrl"),
            archive_dlq: output("ArchiveDeadLetterQueueUrl"),
            forward: output("ForwardQueueUrl"),
            forward_dlq: output("ForwardDeadLetterQueueUrl"),
        },
        functions: outputs.iter().filter_map(function).collect(),
        ..home.clone()
    })
}

/// The identifier of the API: the first label of its host.
fn api_id(url: &str) -> Result<&str> {
    url.split_once("://")
        .and_then(|(_, rest)| rest.split_once('.'))
        .map(|(id, _)| id)
        .with_context(|| format!("{url} names no API"))
}

async fn keys(stack: &Stack) -> Result<Keys> {
    let document = KeysSecret::of(stack).await?.text().await?;
    let document = KeyDocument::parse(&SecretString::from(document))?;
    let key = |scope| document.key(scope).expose_secret().to_owned();
    Ok(Keys {
        sparkpost: key(Scope::Sparkpost),
        mparticle: key(Scope::Mparticle),
        query: key(Scope::Query),
        sql: key(Scope::Sql),
        repair: key(Scope::Repair),
        track: key(Scope::Track),
        page: key(Scope::Page),
    })
}
