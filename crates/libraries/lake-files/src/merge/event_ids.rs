//! Which events came before.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashSet};
use lake_schema::{ColumnType, Table};
use sha2::{Digest, Sha256};

use super::source_files::{SourceGroup, row_count, source_groups};
use crate::{
    columns::Column,
    parquet_file::{FileReader, ReadError},
};

/// Whether each row of all files has the id of a row before it. One that lacks a part of its id never has: nothing tells its
/// event from another like it.
///
/// Short hashes find the ids that may have come twice, and of those alone a hash is made that no two ids share: so a day without
/// duplicates costs 9 to 18 bytes an event while it is looked at.
pub(super) fn find_duplicates(table: &Table, files: &[FileReader]) -> Result<Vec<bool>, ReadError> {
    let row_count = row_count(files);
    let mut is_duplicate = vec![false; row_count];
    if table.event_id().is_empty() {
        return Ok(is_duplicate);
    }
    let hasher = DefaultHashBuilder::default();
    let mut seen = HashSet::with_capacity(row_count);
    let mut perhaps_twice = HashSet::new();
    for_each_id(table, files, |_, id| {
        let hash = hasher.hash_one(id);
        if !seen.insert(hash) {
            perhaps_twice.insert(hash);
        }
    })?;
    drop(seen);
    if perhaps_twice.is_empty() {
        return Ok(is_duplicate);
    }
    let mut seen = HashSet::new();
    for_each_id(table, files, |row, id| {
        let may_be = perhaps_twice.contains(&hasher.hash_one(id));
        is_duplicate[row] = may_be && !seen.insert(long_hash(id));
    })?;
    Ok(is_duplicate)
}

/// Calls `look` with each row, numbered through all files, that has all parts of its id.
fn for_each_id(
    table: &Table,
    files: &[FileReader],
    mut look: impl FnMut(usize, &[&[u8]]),
) -> Result<(), ReadError> {
    let places = table.event_id();
    let mut parts: Vec<Column> = places
        .iter()
        .map(|_| Column::new(ColumnType::String))
        .collect();
    for SourceGroup { file, group, rows } in source_groups(files) {
        for (place, part) in places.iter().zip(&mut parts) {
            part.clear();
            file.read_group(group, *place, part, 0, |_, _| true)?;
        }
        let mut id = Vec::with_capacity(parts.len());
        for (place, row) in rows.enumerate() {
            id.clear();
            // Files from before an empty string was none may have one.
            let texts = parts.iter().filter_map(|part| part.text(place));
            id.extend(texts.filter(|text| !text.is_empty()));
            if id.len() == parts.len() {
                look(row, &id);
            }
        }
    }
    Ok(())
}

/// The first half of a SHA-256, which takes little room however long the id is.
fn long_hash(id: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in id {
        // With its length, so that no two ids of several parts read the same.
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let hash = hash.finalize();
    let half = hash.as_slice().first_chunk().expect("SHA-256 has 32 bytes");
    u128::from_be_bytes(*half)
}
