//! Reads and writes files of the lake for a run.

use std::{fs::File, io, path::Path, time::Duration};

use aws_io::s3::{put_new_file, stream::BlockingBody, stream::open};
use lake_schema::layout::LakeFile;
use tokio::task::spawn_blocking;

use super::error::CompactionError;
use crate::lake_store::{LakeStore, LakeStoreError};

/// For an object's first bytes, and for each further read.
const READ_LIMIT: Duration = Duration::from_secs(20);
/// For storing a compacted day or month of a few gigabytes.
const WRITE_LIMIT: Duration = Duration::from_mins(5);

const PARQUET: &str = "application/vnd.apache.parquet";

/// Stores the file at `path` as `output`. Does nothing if an interrupted run has stored it already.
pub(super) async fn put_output(
    store: &LakeStore,
    output: LakeFile,
    path: &Path,
) -> Result<(), CompactionError> {
    let name = store.object(output.key(&store.table));
    let put = put_new_file(&store.s3, &name, path, PARQUET, WRITE_LIMIT).await;
    put.map(drop)
        .map_err(|error| LakeStoreError::from(error).into())
}

/// Opens an object to be read on a thread that may block.
pub(super) async fn open_object(
    store: &LakeStore,
    key: &str,
) -> Result<BlockingBody, CompactionError> {
    let name = store.object(key.to_owned());
    let opened = open(&store.s3, &name, READ_LIMIT).await;
    let body = opened.map_err(|source| CompactionError::Get {
        key: name.key,
        source,
    })?;
    Ok(body.into_blocking(READ_LIMIT))
}

/// Copies an object to the local disk, because Parquet is read from its end.
pub(super) async fn fetch_object(store: &LakeStore, key: &str) -> Result<File, CompactionError> {
    let mut body = open_object(store, key).await?;
    let copied = spawn_blocking(move || {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut body, &mut file)?;
        Ok(file)
    });
    copied.await?.map_err(|source| CompactionError::Copy {
        key: key.to_owned(),
        source,
    })
}
