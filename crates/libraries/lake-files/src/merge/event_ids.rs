//! Finds duplicates by event id.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashSet};
use lake_schema::{ColumnType, Table};
use sha2::{Digest, Sha256};

use super::source_files::{SourceFiles, SourceGroup};
use crate::{columns::Column, parquet_file::ReadError};

/// Whether each row of all files has the id of an earlier row. A row that lacks a part of its id never has, because its event cannot
/// be distinguished from others.
///
/// Short hashes find the ids that may be duplicates, and only those are hashed so that no two ids collide. So a day without duplicates
/// costs 9 to 18 bytes per event.
pub(super) fn find_duplicates(
    table: &Table,
    files: &SourceFiles<'_>,
) -> Result<Vec<bool>, ReadError> {
    let row_count = files.row_count();
    let mut is_duplicate = vec![false; row_count];
    if table.event_id().is_empty() {
        return Ok(is_duplicate);
    }
    let hasher = DefaultHashBuilder::default();
    let mut seen = HashSet::with_capacity(row_count);
    let mut candidates = HashSet::new();
    for_each_text_row(files, table.event_id(), |_, id| {
        let hash = hasher.hash_one(id);
        if !seen.insert(hash) {
            candidates.insert(hash);
        }
    })?;
    drop(seen);
    if candidates.is_empty() {
        return Ok(is_duplicate);
    }
    let mut seen = HashSet::new();
    for_each_text_row(files, table.event_id(), |row, id| {
        let is_candidate = candidates.contains(&hasher.hash_one(id));
        is_duplicate[row] = is_candidate && !seen.insert(long_hash(id));
    })?;
    Ok(is_duplicate)
}

/// Calls `visit` with each row, numbered through all files, that has a string in each of the columns `column_indices`.
fn for_each_text_row(
    files: &SourceFiles<'_>,
    column_indices: &[usize],
    mut visit: impl FnMut(usize, &[&[u8]]),
) -> Result<(), ReadError> {
    let mut columns: Vec<Column> = column_indices
        .iter()
        .map(|_| Column::new(ColumnType::String))
        .collect();
    for SourceGroup { file, group, rows } in &files.groups {
        for (column_index, column) in column_indices.iter().zip(&mut columns) {
            column.clear();
            file.read_group(*group, *column_index, column, 0, |_, _| true)?;
        }
        let mut row_texts = Vec::with_capacity(columns.len());
        for (row_in_group, row) in rows.clone().enumerate() {
            row_texts.clear();
            // Files of older versions may have empty strings, which are not values.
            let texts = columns
                .iter()
                .filter_map(|column| column.text(row_in_group));
            row_texts.extend(texts.filter(|text| !text.is_empty()));
            if row_texts.len() == columns.len() {
                visit(row, &row_texts);
            }
        }
    }
    Ok(())
}

/// The first half of a SHA-256, which is short however long the id is.
fn long_hash(id: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in id {
        // With its length, so that different ids of several parts differ.
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let hash = hash.finalize();
    let half = hash.as_slice().first_chunk().expect("SHA-256 has 32 bytes");
    u128::from_be_bytes(*half)
}
