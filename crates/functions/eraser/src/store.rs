//! What is kept of erasures in the bucket.

use std::time::Duration;

use aws_io::s3::{
    ObjectRef,
    conditional_put::{self, Version, WriteOutcome},
    listing,
};
use erasure::Person;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Deps, EraserError, job::Job};

const PREFIX: &str = "state/erasures/";
const STATE: &str = "/state.json";
const PERSON: &str = "/person.json";
/// How old names are, without which nothing else was written down, until what wrote them has failed for certain.
const ABANDONED_AFTER: Duration = Duration::from_hours(1);
const LIMIT: Duration = Duration::from_secs(10);
const MAX_BYTES: usize = 64 << 20;
const JSON: &str = "application/json";
const MAX_ID_CHARS: usize = 64;

/// The names of the person, in clear; kept while the erasure is going on.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredPerson {
    pub(crate) addresses: Vec<String>,
    pub(crate) ids: Vec<String>,
    /// Items of others go too that mention the person.
    #[serde(default)]
    pub(crate) deep: bool,
}

impl StoredPerson {
    pub(crate) fn person(&self) -> Result<Person, EraserError> {
        let person = Person::new(&self.addresses, &self.ids)?;
        Ok(if self.deep { person.deep()? } else { person })
    }
}

/// The ids of erasures that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Folders {
    /// Those that are going on.
    pub(crate) open: Vec<String>,
    /// Those of which only the names were written down, long ago.
    pub(crate) abandoned: Vec<String>,
}

/// The folder of an erasure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folder<'a> {
    deps: &'a Deps,
    id: &'a str,
}

impl<'a> Folder<'a> {
    /// # Errors
    /// When the id is not letters, digits and hyphens.
    pub(crate) fn of(deps: &'a Deps, id: &'a str) -> Result<Self, EraserError> {
        let is_safe = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if id.is_empty() || id.len() > MAX_ID_CHARS || !id.chars().all(is_safe) {
            let what = "the id of an erasure has up to 64 letters, digits and hyphens";
            return Err(EraserError::Request(what.to_owned()));
        }
        Ok(Self { deps, id })
    }

    /// The erasures that have not ended.
    pub(crate) async fn list(deps: &Deps) -> Result<Folders, EraserError> {
        let now = (deps.clock)();
        let listed = listing::list(&deps.s3, &deps.config.bucket, PREFIX, LIMIT).await?;
        let mut folders = Folders::default();
        for object in &listed {
            let Some(file) = object.key.strip_prefix(PREFIX) else {
                continue;
            };
            let is_old = object
                .last_modified
                .is_some_and(|written_at| now - written_at > ABANDONED_AFTER);
            if let Some(id) = file.strip_suffix(STATE) {
                folders.open.push(id.to_owned());
            } else if let Some(id) = file.strip_suffix(PERSON).filter(|_| is_old) {
                folders.abandoned.push(id.to_owned());
            }
        }
        let Folders { open, abandoned } = &mut folders;
        abandoned.retain(|id| !open.contains(id));
        Ok(folders)
    }

    pub(crate) async fn read_job(self) -> Result<Option<(Job, Version)>, EraserError> {
        let (job, version) = self.read(STATE).await?;
        Ok(job.map(|job| (job, version)))
    }

    /// Writes the job, unless another invocation has. Returns its new version.
    pub(crate) async fn write_job(
        self,
        job: &Job,
        version: &Version,
    ) -> Result<Version, EraserError> {
        self.write(STATE, job, version).await?;
        // What was written is read again for its version: S3's answer has it, but not for a write that was repeated.
        match self.read_job().await? {
            Some((stored, version)) if stored == *job => Ok(version),
            Some(_) | None => Err(EraserError::Overtaken {
                key: self.name(STATE).key,
            }),
        }
    }

    /// Writes the job, unless there is one.
    pub(crate) async fn create_job(self, job: &Job) -> Result<(), EraserError> {
        let (existing, version) = self.read::<Value>(STATE).await?;
        match existing {
            None => self.write(STATE, job, &version).await,
            Some(_) => Ok(()),
        }
    }

    pub(crate) async fn read_person(self) -> Result<Option<StoredPerson>, EraserError> {
        Ok(self.read(PERSON).await?.0)
    }

    pub(crate) async fn write_person(self, person: &StoredPerson) -> Result<(), EraserError> {
        let (_, version) = self.read::<Value>(PERSON).await?;
        self.write(PERSON, person, &version).await
    }

    pub(crate) async fn has_receipt(self) -> Result<bool, EraserError> {
        Ok(self.read::<Value>("/receipt.json").await?.0.is_some())
    }

    /// Writes the receipt, then removes what is only needed while the erasure goes on.
    pub(crate) async fn finish(self, receipt: &Value) -> Result<(), EraserError> {
        let (_, version) = self.read::<Value>("/receipt.json").await?;
        self.write("/receipt.json", receipt, &version).await?;
        self.finish_removal().await
    }

    /// Removes what is only needed while the erasure goes on.
    pub(crate) async fn finish_removal(self) -> Result<(), EraserError> {
        for file in [PERSON, STATE] {
            aws_io::s3::replace::remove(&self.deps.s3, &self.name(file), LIMIT).await?;
        }
        Ok(())
    }

    async fn read<T: for<'d> Deserialize<'d>>(
        self,
        file: &str,
    ) -> Result<(Option<T>, Version), EraserError> {
        let name = self.name(file);
        let (bytes, version) =
            conditional_put::read(&self.deps.s3, &name, MAX_BYTES, LIMIT).await?;
        let value = bytes
            .map(|bytes| serde_json::from_slice(&bytes))
            .transpose()
            .map_err(|source| EraserError::Damaged {
                key: name.key,
                source,
            })?;
        Ok((value, version))
    }

    async fn write(
        self,
        file: &str,
        value: &impl Serialize,
        version: &Version,
    ) -> Result<(), EraserError> {
        let name = self.name(file);
        let body = serde_json::to_vec(value).map_err(|source| EraserError::Damaged {
            key: name.key.clone(),
            source,
        })?;
        match conditional_put::write(&self.deps.s3, &name, body.into(), JSON, version, LIMIT)
            .await?
        {
            WriteOutcome::Written => Ok(()),
            WriteOutcome::Changed => Err(EraserError::Overtaken { key: name.key }),
        }
    }

    fn name(self, file: &str) -> ObjectRef {
        ObjectRef {
            bucket: self.deps.config.bucket.clone(),
            key: format!("{PREFIX}{}{file}", self.id),
        }
    }
}
