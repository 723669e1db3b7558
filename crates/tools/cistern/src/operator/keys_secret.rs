//! The secret from which a stack's keys are derived and which holds the secrets of senders: read, and changed so that no change of
//! another command is lost.

mod document;

use anyhow::{Context as _, Result, bail};
use aws_io::{
    SecretsClient,
    secrets::{self, VersionStage, WriteError},
};
use secrecy::SecretString;

pub(super) use self::document::{Document, Versions};
use crate::{operator::target::StackTarget, stack::keys::LIMIT};

/// Each conflict means that another command succeeded.
const ATTEMPTS: usize = 20;

/// The secret of a stack.
#[derive(Debug)]
pub(super) struct KeysSecret {
    client: SecretsClient,
    arn: String,
}

/// What to write, one version after the other, and what the command makes of it.
#[derive(Debug)]
pub(super) struct Change<T> {
    pub(super) documents: Vec<Document>,
    pub(super) outcome: T,
}

impl KeysSecret {
    /// # Errors
    /// The stack has no such output.
    pub(super) fn of(target: &StackTarget) -> Result<Self> {
        Ok(Self {
            client: target.aws.secrets(),
            arn: target.output("KeysSecretArn")?.to_owned(),
        })
    }

    /// The current version and the previous one.
    ///
    /// # Errors
    /// The secret cannot be read, or is not an object of JSON.
    pub(super) async fn read(&self) -> Result<Versions> {
        Ok(self.read_with_base().await?.1)
    }

    /// The id of the current version, and the versions.
    async fn read_with_base(&self) -> Result<(String, Versions)> {
        let version = async |stage| {
            secrets::read_version(&self.client, &self.arn, stage, LIMIT)
                .await
                .context("reading the stack's secret")
        };
        let current = version(VersionStage::Current).await?;
        let current = current.context("the stack's secret is empty")?;
        let previous = version(VersionStage::Previous).await?;
        // One that is no document opens nothing.
        let previous = previous.and_then(|version| Document::parse(&version.text).ok());
        let versions = Versions::of(Document::parse(&current.text)?, previous);
        Ok((current.id, versions))
    }

    /// Writes what `change` makes of the versions as they are. It is asked again whenever another command was faster.
    ///
    /// # Errors
    /// Those of `change`, or the secret cannot be read or written.
    pub(super) async fn change<T>(
        &self,
        mut change: impl FnMut(&Versions) -> Result<Change<T>>,
    ) -> Result<T> {
        for _ in 0..ATTEMPTS {
            let (base, versions) = self.read_with_base().await?;
            let Change { documents, outcome } = change(&versions)?;
            match self.write(base, &documents).await {
                Ok(()) => return Ok(outcome),
                Err(WriteError::Conflict { .. }) => {}
                Err(error) => return Err(error).context("changing the stack's secret"),
            }
        }
        bail!("other commands changed the stack's secret {ATTEMPTS} times: try again")
    }

    async fn write(&self, mut base: String, documents: &[Document]) -> Result<(), WriteError> {
        for document in documents {
            let text = SecretString::from(document.to_text());
            base = secrets::write_after(&self.client, &self.arn, &base, &text, LIMIT).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
