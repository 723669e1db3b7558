//! The description of a running local stack: the content of `stack.json`.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::stack::data_dir::{self, DataDir};

/// What is said of a stack that has no description yet: `cistern up` removes it first and writes it last.
pub(crate) const STARTING: &str = "the stack is starting; try again in a moment";

/// The content of `stack.json`, which tests and scripts read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// The one origin of all routes, without a slash at its end.
    pub base_url: String,
    /// URL of SparkPost's webhook.
    pub sparkpost_webhook_url: String,
    /// URL of mParticle's webhook.
    pub mparticle_webhook_url: String,
    /// URL of the event search.
    pub query_url: String,
    /// URL to which trackers post product events.
    pub track_url: String,
    /// The key of each scope.
    pub keys: BTreeMap<String, Secret>,
    /// The Postgres into which events are loaded.
    pub database_url: Secret,
    /// The emulator, which enforces IAM for every key but `local` with the secret `local`.
    pub aws_endpoint_url: String,
    /// The region of everything deployed.
    pub region: String,
    /// The bucket of raw batches.
    pub bucket: String,
    /// The URL of each queue: `load`, `load_dlq`, `forward`, `forward_dlq`, `archive`, `archive_dlq`.
    pub queues: BTreeMap<String, String>,
    /// The deployed name of each function, by its crate.
    pub functions: BTreeMap<String, String>,
    /// The outputs of the template, by name.
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
    /// The stand-in for Iterable, which returns what it received.
    pub iterable_url: String,
    /// The service that answers the console's queries of the lake, in Athena's place.
    #[serde(default)]
    pub athena_url: String,
    /// The stand-in for SNS, from which certificates come and by which subscriptions are confirmed.
    #[serde(default)]
    pub sns_url: String,
    /// The identifier of the HTTP API, which is part of the emulator's own URLs.
    pub http_api_id: String,
    /// The identifier and the stage of the REST API, as `id/stage`.
    pub rest_api: String,
    /// The process ids: `cistern`, `emulator`, and `postgres` unless `DATABASE_URL` is used.
    pub pids: BTreeMap<String, i32>,
}

impl Stack {
    /// Reads `stack.json`; `None` when there is none.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("reading {}", path.display()));
            }
        };
        serde_json::from_slice(&text)
            .map(Some)
            .with_context(|| format!("{} is not a stack file", path.display()))
    }

    /// The description of the stack that runs on a data directory; `None` if no process runs one, whatever a crash left behind.
    ///
    /// # Errors
    /// The stack is starting, or its file cannot be read.
    pub(crate) fn running(data_dir: &DataDir) -> Result<Option<Self>> {
        if !data_dir.is_owned()? {
            return Ok(None);
        }
        let stack = Self::read(&data_dir.stack_json())?;
        stack.context(STARTING).map(Some)
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        data_dir::write_private(path, &serde_json::to_vec_pretty(self)?)
    }

    /// The key of a scope such as `sparkpost`.
    pub fn key(&self, scope: &str) -> Result<&Secret> {
        self.keys
            .get(scope)
            .with_context(|| format!("the stack has no key for {scope}"))
    }
}

/// Text that must not appear in logs: it has no `Display`, and its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack() -> Stack {
        Stack {
            base_url: "http://127.0.0.1:8080".into(),
            sparkpost_webhook_url: "http://127.0.0.1:8080/webhooks/sparkpost".into(),
            mparticle_webhook_url: "http://127.0.0.1:8080/webhooks/mparticle".into(),
            query_url: "http://127.0.0.1:8080/api/v1/events/message".into(),
            track_url: "http://127.0.0.1:8080/track".into(),
            keys: [("sparkpost".into(), Secret::new("planted-key"))].into(),
            database_url: Secret::new("postgres://cistern:planted-key@127.0.0.1/cistern"),
            aws_endpoint_url: "http://127.0.0.1:4566".into(),
            region: "us-east-1".into(),
            bucket: "events".into(),
            queues: [("load".into(), "http://127.0.0.1:4566/0/load".into())].into(),
            functions: [("ingest".into(), "cistern-IngestFunction".into())].into(),
            outputs: [("EventsBucketName".into(), "events".into())].into(),
            iterable_url: "http://127.0.0.1:4567".into(),
            athena_url: "http://127.0.0.1:4568".into(),
            sns_url: "http://127.0.0.1:4569".into(),
            http_api_id: "abc".into(),
            rest_api: "def/v1".into(),
            pids: [("cistern".into(), 1)].into(),
        }
    }

    #[test]
    fn reads_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stack.json");

        stack().write(&path).unwrap();

        assert_eq!(Stack::read(&path).unwrap(), Some(stack()));
    }

    #[test]
    fn a_missing_file_is_no_stack() {
        let folder = tempfile::tempdir().unwrap();

        assert_eq!(
            Stack::read(&folder.path().join("stack.json")).unwrap(),
            None
        );
    }

    #[test]
    fn secrets_do_not_show() {
        assert!(!format!("{:?}", stack()).contains("planted"));
    }
}
