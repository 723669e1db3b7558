//! Files of the lake: the same name, the rows without the person's, in the same order.
//!
//! An object of S3 is replaced at once, so who opens the file reads the old rows or the new ones. Athena reads a large file by
//! several requests; a query that does so at this very moment finds pages that do not fit the footer it has read, and fails. No file
//! comes or goes, so the manifest, the states of days and the months stay as they are.

use std::{fs::File, path::PathBuf, time::Duration};

use aws_io::s3::{
    GetError, ObjectRef,
    conditional_put::WriteOutcome,
    replace::{NewContent, Replaced, replace},
    stream::{BlockingBody, open},
};
use erasure::{Names as _, Person, is_mentioned_in_column, is_row_theirs, owner_column};
use lake_files::{Merge, MergeError};
use lake_schema::{FileId, Table, layout::LakeFile};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::raw::READ_LIMIT;
use crate::{
    EraserError,
    job::{Count, Finding},
    run::Search,
};

/// A file has up to 4 GB.
const WRITE_LIMIT: Duration = Duration::from_mins(5);
const MAX_ATTEMPTS: usize = 3;

/// A file without the person's rows.
struct Filtered {
    count: Count,
    /// Where it is, with the folder that keeps it; none if no row is the person's.
    path: Option<(PathBuf, TempDir)>,
}

/// Takes the person's rows out of a file.
pub(super) async fn file(
    search: &Search<'_>,
    name: &ObjectRef,
    table: &Table,
) -> Result<Finding, EraserError> {
    let Some(file) = LakeFile::from_key(table.name(), &name.key) else {
        return Ok(Finding::problem("it is no file of the lake"));
    };
    for _ in 0..MAX_ATTEMPTS {
        let object = match open(&search.deps.s3, name, READ_LIMIT).await {
            Ok(object) => object,
            Err(GetError::Missing { .. }) => return Ok(Finding::default()),
            Err(error) => return Err(error.into()),
        };
        let replaced = object.replaced.clone();
        let body = object.into_blocking(READ_LIMIT);
        let (table, person) = (table.clone(), search.person.clone());
        let column_bytes = search.deps.config.column_bytes;
        let filtered =
            spawn_blocking(move || filter(&table, body, column_bytes, file.id, &person)).await?;
        let filtered = match filtered {
            Ok(filtered) => filtered,
            Err(error) => return unreadable(error),
        };
        let mut count = filtered.count;
        let Some((path, _directory)) = filtered.path.filter(|_| search.changes) else {
            return Ok(Finding {
                count,
                problem: None,
            });
        };
        if write(search, name, path, &replaced).await? {
            count.changed = 1;
            return Ok(Finding {
                count,
                problem: None,
            });
        }
    }
    Ok(Finding::problem("somebody else changes it"))
}

async fn write(
    search: &Search<'_>,
    name: &ObjectRef,
    path: PathBuf,
    replaced: &Replaced,
) -> Result<bool, EraserError> {
    let content = NewContent::File(path);
    let outcome = replace(&search.deps.s3, name, &content, replaced, WRITE_LIMIT).await?;
    Ok(outcome == WriteOutcome::Written)
}

fn unreadable(error: MergeError) -> Result<Finding, EraserError> {
    match error.broken_file() {
        Some(broken) => Ok(Finding::problem(function_kit::chain(broken).to_string())),
        None => Err(std::io::Error::other(error).into()),
    }
}

/// Writes the file without the person's rows to the disk, and reads it again: it has all other rows and none of the person's.
fn filter(
    table: &Table,
    body: BlockingBody,
    column_bytes: usize,
    id: FileId,
    person: &Person,
) -> Result<Filtered, MergeError> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("file.parquet");
    let pipeline = table.pipeline();
    let owner = owner_column(pipeline);
    let is_theirs =
        |owner: Option<&str>, extra: Option<&str>| is_row_theirs(pipeline, owner, extra, person);
    let is_mention = |column: &str, text: &str| is_mentioned_in_column(column, text, person);
    let begin = || Merge::new(table.clone(), directory.path().to_owned(), column_bytes);
    let mut merge = begin();
    merge.add(body)?;
    let create = || File::create(&path);
    let without = if person.erases_mentions() {
        merge.finish_without_mentions(create, id, owner, is_theirs, is_mention)?
    } else {
        merge.finish_without(create, id, owner, is_theirs)?
    };
    let count = Count {
        searched: 1,
        found: without.erased_count - without.mentioned_count,
        mentioned: without.mentioned_count,
        mentions_erased: without.mentioned_count,
        ..Count::default()
    };
    if without.out.is_none() {
        return Ok(Filtered { count, path: None });
    }
    drop((without.out, merge));
    let mut again = begin();
    again.add(File::open(&path)?)?;
    let sink = || Ok(std::io::sink());
    let checked = if person.erases_mentions() {
        again.finish_without_mentions(sink, id, owner, is_theirs, is_mention)?
    } else {
        again.finish_without(sink, id, owner, is_theirs)?
    };
    let kept = without.row_count - without.erased_count;
    if (checked.row_count, checked.erased_count) != (kept, 0) {
        return Err(std::io::Error::other("the new file has not the rows that it should").into());
    }
    Ok(Filtered {
        count,
        path: Some((path, directory)),
    })
}
