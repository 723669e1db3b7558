//! The lake in S3: files of a table, states of its days, versions of its manifest.

use std::{collections::BTreeMap, time::Duration};

use aws_io::{
    S3Client,
    s3::{
        GetError, NewObject, ObjectRef, PutError, PutOutcome,
        conditional_put::{self, Version, WriteOutcome},
        get_capped,
        listing::{self, DeleteError, ListError},
        put_new,
    },
};
use bytes::Bytes;
use event_model::Pipeline;
use function_kit::BoxError;
use lake_schema::{
    FileId, Table,
    layout::{self, LakeFile},
};
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime, serde::rfc3339};

use crate::{
    Deps,
    manifest::{EncodedManifest, Manifest},
};

/// For one call about a small object.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// For storing a part: tens of megabytes at most, inside one region.
const FILE_LIMIT: Duration = Duration::from_mins(1);
const MAX_STATE_BYTES: usize = 64 << 20;

const JSON: &str = "application/json";
const JSON_LINES: &str = "application/x-ndjson";

/// The files, states and manifest of one table.
#[derive(Clone, Debug)]
pub(crate) struct LakeStore {
    pub(crate) s3: S3Client,
    pub(crate) bucket: String,
    /// The table's name.
    pub(crate) table: String,
    /// The pipeline of its events.
    pub(crate) pipeline: Pipeline,
}

/// The content of a compacted day or month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DayState {
    /// The file that was written last.
    pub(crate) output: FileId,
    #[serde(rename = "closed_at", with = "rfc3339")]
    pub(crate) compacted_at: OffsetDateTime,
    /// Rows of all its files.
    pub(crate) row_count: u64,
    /// The parts that its files contain, each with that file. They may have been deleted; a raw object that is converted again must
    /// not restore them. For a month: the compacted days that are copied into it.
    pub(crate) parts: BTreeMap<FileId, FileId>,
}

/// The versions of a manifest.
#[derive(Debug)]
pub(crate) struct ManifestVersions<M = Manifest> {
    pub(crate) latest: M,
    /// Keys of older versions that no query lists any more.
    pub(crate) replaced: Vec<String>,
}

/// The latest manifest, if it cannot be read.
#[derive(Debug)]
pub(crate) struct BrokenManifest {
    pub(crate) name: ObjectRef,
    pub(crate) version: u64,
    pub(crate) error: BoxError,
}

/// Why the lake cannot be read or changed now.
#[derive(Debug, thiserror::Error)]
pub enum LakeStoreError {
    /// A read failed.
    #[error(transparent)]
    Get(#[from] GetError),
    /// A write failed.
    #[error(transparent)]
    Put(#[from] PutError),
    /// A listing failed.
    #[error(transparent)]
    List(#[from] ListError),
    /// Deleting failed.
    #[error(transparent)]
    Delete(#[from] DeleteError),
    /// The state of a compacted day is not valid JSON.
    #[error("reading the state of {day}")]
    DayState {
        /// The day.
        day: Date,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Two compactors run at once. Neither does harm, but one of them has to stop.
    #[error("another compactor has written {key}")]
    Overtaken {
        /// The object that both wanted to write.
        key: String,
    },
}

impl LakeStore {
    pub(crate) fn new(deps: &Deps, table: &Table) -> Self {
        Self {
            s3: deps.s3.clone(),
            bucket: deps.config.bucket.clone(),
            table: table.name().to_owned(),
            pipeline: table.pipeline(),
        }
    }

    pub(crate) fn object(&self, key: String) -> ObjectRef {
        ObjectRef {
            bucket: self.bucket.clone(),
            key,
        }
    }

    /// All files of the table and their sizes. Other objects under its prefix are ignored.
    pub(crate) async fn list_files(&self) -> Result<BTreeMap<LakeFile, u64>, LakeStoreError> {
        let prefix = layout::table_prefix(&self.table);
        let listed = listing::list(&self.s3, &self.bucket, &prefix, CALL_LIMIT).await?;
        Ok(listed
            .iter()
            .filter_map(|object| {
                let file = LakeFile::from_key(&self.table, &object.key)?;
                Some((file, object.size_bytes))
            })
            .collect())
    }

    /// Stores a file, unless it exists.
    pub(crate) async fn put_file(
        &self,
        file: LakeFile,
        bytes: Bytes,
    ) -> Result<PutOutcome, LakeStoreError> {
        let object = NewObject {
            name: self.object(file.key(&self.table)),
            body: bytes,
            content_type: "application/vnd.apache.parquet",
            metadata: Vec::new(),
        };
        Ok(put_new(&self.s3, &object, FILE_LIMIT).await?)
    }

    pub(crate) async fn delete_files(&self, files: &[LakeFile]) -> Result<(), LakeStoreError> {
        let keys: Vec<String> = files.iter().map(|file| file.key(&self.table)).collect();
        Ok(listing::delete(&self.s3, &self.bucket, &keys, CALL_LIMIT).await?)
    }

    /// The state of a day, if it was compacted, and the version for [`LakeStore::write_day`].
    pub(crate) async fn read_day(
        &self,
        day: Date,
    ) -> Result<(Option<DayState>, Version), LakeStoreError> {
        let name = self.object(layout::day_state_key(&self.table, day));
        let (bytes, version) =
            conditional_put::read(&self.s3, &name, MAX_STATE_BYTES, CALL_LIMIT).await?;
        let state = bytes
            .map(|bytes| serde_json::from_slice(&bytes))
            .transpose()
            .map_err(|source| LakeStoreError::DayState { day, source })?;
        Ok((state, version))
    }

    pub(crate) async fn write_day(
        &self,
        day: Date,
        state: &DayState,
        version: &Version,
    ) -> Result<(), LakeStoreError> {
        let name = self.object(layout::day_state_key(&self.table, day));
        let body = serde_json::to_vec(state).expect("a day's state can always be written as JSON");
        match conditional_put::write(&self.s3, &name, body.into(), JSON, version, CALL_LIMIT)
            .await?
        {
            WriteOutcome::Written => Ok(()),
            WriteOutcome::Changed => Err(LakeStoreError::Overtaken { key: name.key }),
        }
    }

    /// The latest version of the manifest, and the older ones that queries stopped listing before `unlisted`.
    pub(crate) async fn read_manifest(
        &self,
        unlisted: OffsetDateTime,
    ) -> Result<ManifestVersions<Result<Manifest, BrokenManifest>>, LakeStoreError> {
        let mut versions = self.list_manifests().await?;
        let Some((version, _, latest)) = versions.pop() else {
            return Ok(ManifestVersions {
                latest: Ok(Manifest::default()),
                replaced: Vec::new(),
            });
        };
        let name = self.object(latest);
        let read = match get_capped(&self.s3, &name, MAX_STATE_BYTES, CALL_LIMIT).await {
            Ok(bytes) => Manifest::from_bytes(&bytes).map_err(BoxError::from),
            Err(error @ GetError::TooLarge { .. }) => Err(error.into()),
            Err(error) => return Err(error.into()),
        };
        let latest = read.map_err(|error| BrokenManifest {
            name,
            version,
            error,
        });
        let replaced = versions
            .into_iter()
            .filter(|(_, at, _)| layout::state_listed_until(*at) <= unlisted)
            .map(|(_, _, key)| key)
            .collect();
        Ok(ManifestVersions { latest, replaced })
    }

    /// All versions of the manifest, with the days under which they are stored and their keys, in ascending order.
    async fn list_manifests(&self) -> Result<Vec<(u64, Date, String)>, LakeStoreError> {
        let prefix = layout::state_prefix(&self.table);
        let listed = listing::list(&self.s3, &self.bucket, &prefix, CALL_LIMIT).await?;
        let mut versions: Vec<_> = listed
            .into_iter()
            .filter_map(|object| {
                let (version, at) = layout::state_version(&self.table, &object.key)?;
                Some((version, at, object.key))
            })
            .collect();
        versions.sort_unstable();
        Ok(versions)
    }

    /// Whether the part exists.
    pub(crate) async fn has_part(&self, part: LakeFile) -> Result<bool, LakeStoreError> {
        let key = part.key(&self.table);
        // The role may list the prefix, but not read its objects.
        let listed = listing::list(&self.s3, &self.bucket, &key, CALL_LIMIT).await?;
        Ok(listed.iter().any(|object| object.key == key))
    }

    pub(crate) async fn delete_manifests(&self, keys: &[String]) -> Result<(), LakeStoreError> {
        Ok(listing::delete(&self.s3, &self.bucket, keys, CALL_LIMIT).await?)
    }

    /// Writes a new version of the manifest.
    pub(crate) async fn write_manifest(
        &self,
        manifest: EncodedManifest,
    ) -> Result<(), LakeStoreError> {
        let key = layout::state_key(&self.table, manifest.day, manifest.version);
        let object = NewObject {
            name: self.object(key),
            body: manifest.bytes.into(),
            content_type: JSON_LINES,
            metadata: Vec::new(),
        };
        match put_new(&self.s3, &object, CALL_LIMIT).await? {
            PutOutcome::Created => Ok(()),
            PutOutcome::AlreadyThere => Err(LakeStoreError::Overtaken {
                key: object.name.key,
            }),
        }
    }
}
