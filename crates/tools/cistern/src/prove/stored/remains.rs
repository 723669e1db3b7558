//! Where the person still is: in the bytes of objects, in files of the lake, and in Postgres.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use aws_io::{
    gzip,
    s3::{GetError, ObjectRef, get_capped, listing},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{LIMIT, MAX_ROWS, Stores};
use crate::{operator::query, prove::person};

/// Prefixes of objects that are text, or text in gzip.
const TEXTS: [&str; 5] = ["raw/", "rejected/", "unverified/", "athena/", "state/"];
const MAX_BYTES: usize = 1 << 30;
const PARALLEL: usize = 16;
/// The columns of a row, whatever they are, as one text.
const TABLES: [&str; 2] = ["email_events", "email_events_rejected"];

impl Stores<'_> {
    /// How many objects and rows were searched, and where one of the person's names is.
    pub(in crate::prove) async fn remains_of_person(&self) -> Result<(u64, Vec<String>)> {
        let forms = person::forms();
        let mut remains = Vec::new();
        let mut searched = 0;
        for prefix in TEXTS {
            let keys = self.keys(prefix).await?;
            searched += keys.len();
            let found = stream::iter(keys).map(|key| self.has_person(key, &forms));
            let found: Vec<Option<String>> = found.buffer_unordered(PARALLEL).try_collect().await?;
            remains.extend(found.into_iter().flatten());
        }
        for table in TABLES {
            let text = match table {
                "email_events_rejected" => "t::text || encode(t.raw, 'escape')",
                _ => "t::text",
            };
            let counted = format!("select '{table}', count(*) from {table} t");
            let rows = self.psql(&counted).await?;
            searched += rows
                .values()
                .map(|rows| usize::try_from(*rows).unwrap_or(0))
                .sum::<usize>();
            let is_there = condition(&format!("lower({text})"), &forms);
            let found = format!("{counted} where {is_there} having count(*) > 0");
            let found = self.psql(&found).await?;
            remains.extend(
                found
                    .iter()
                    .map(|(table, rows)| format!("{rows} rows of {table}")),
            );
        }
        let (files, found) = self.lake_remains(&forms).await?;
        searched += files;
        remains.extend(found);
        Ok((u64::try_from(searched).unwrap_or(u64::MAX), remains))
    }

    /// The events that the loader has left out, as it has counted them.
    pub(in crate::prove) async fn left_out(&self) -> Result<u64> {
        let sum = self
            .psql("select 'erased', coalesce(sum(erased), 0) from batches")
            .await?;
        Ok(sum.values().sum())
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let listed = listing::list(&self.s3, &self.stack.bucket, prefix, LIMIT).await?;
        Ok(listed.into_iter().map(|object| object.key).collect())
    }

    async fn bytes(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let name = ObjectRef {
            bucket: self.stack.bucket.clone(),
            key: key.to_owned(),
        };
        match get_capped(&self.s3, &name, MAX_BYTES, LIMIT).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(GetError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The key, if the object has one of the forms.
    async fn has_person(&self, key: String, forms: &[String]) -> Result<Option<String>> {
        let Some(stored) = self.bytes(&key).await? else {
            return Ok(None);
        };
        let mut bytes = gzip::decode_capped(&stored, MAX_BYTES).unwrap_or(stored);
        bytes.make_ascii_lowercase();
        let text = String::from_utf8_lossy(&bytes);
        Ok(forms.iter().any(|form| text.contains(form)).then_some(key))
    }

    /// Looks through every file, also through those that queries do not see any more; how many there are, and those with the person.
    async fn lake_remains(&self, forms: &[String]) -> Result<(usize, Vec<String>)> {
        let folder = self.data_dir.path().join("remains");
        let keys = self.keys("lake/").await?;
        let keys: Vec<&String> = keys
            .iter()
            .filter(|key| key.ends_with(".parquet"))
            .collect();
        let copies = stream::iter(&keys).map(|key| self.copy(key, &folder));
        let () = copies.buffer_unordered(PARALLEL).try_collect().await?;
        let mut tables: Vec<&str> = keys
            .iter()
            .filter_map(|key| key.split('/').nth(1))
            .collect();
        tables.sort_unstable();
        tables.dedup();
        let is_there = condition("lower(t::varchar)", forms);
        let of_table = |table: &&str| {
            let files = folder.join("lake").join(table).join("**/*.parquet");
            format!(
                "select distinct filename from read_parquet('{}', union_by_name = true, filename = true, hive_partitioning = false) t \
                 where {is_there}",
                files.display()
            )
        };
        let sql: Vec<String> = tables.iter().map(of_table).collect();
        if sql.is_empty() {
            return Ok((0, Vec::new()));
        }
        let sql = sql.join(" union all ");
        let rows = query::local_rows(self.data_dir, self.stack, &sql, MAX_ROWS).await?;
        let found = rows.into_iter().flatten().flatten();
        Ok((keys.len(), found.collect()))
    }

    async fn copy(&self, key: &str, folder: &Path) -> Result<()> {
        let Some(bytes) = self.bytes(key).await? else {
            return Ok(());
        };
        let path = folder.join(key);
        let parent = path.parent().context("a file is in a folder")?;
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, bytes))
            .with_context(|| format!("writing {}", path.display()))
    }
}

/// Whether `text` has one of the forms, in SQL.
fn condition(text: &str, forms: &[String]) -> String {
    let each = forms
        .iter()
        .map(|form| format!("strpos({text}, '{form}') > 0"));
    each.collect::<Vec<_>>().join(" or ")
}
