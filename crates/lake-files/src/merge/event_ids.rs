//! Which events were seen.

use std::collections::HashSet;

use lake_schema::Table;
use sha2::{Digest, Sha256};

use crate::columns::{Column, Columns};

/// The ids seen so far, by 128 bits of their hash: 17 bytes each, however long they are.
#[derive(Debug, Default)]
pub(super) struct EventIds(HashSet<u128>);

impl EventIds {
    /// Whether the event in `row` is new. One that lacks a part of its id always is: nothing tells it from another like it.
    pub(super) fn is_new(&mut self, table: &Table, columns: &Columns, row: usize) -> bool {
        let mut hash = Sha256::new();
        for place in table.event_id() {
            let Some(Column::Text(ids)) = columns.declared.get(*place) else {
                return true;
            };
            let Some(id) = ids.get(row) else {
                return true;
            };
            // With its length, so that no two ids of several parts read the same.
            hash.update(id.len().to_be_bytes());
            hash.update(id);
        }
        table.event_id().is_empty() || self.0.insert(first_half(hash.finalize().as_slice()))
    }
}

fn first_half(hash: &[u8]) -> u128 {
    let half = hash.first_chunk().expect("SHA-256 has 32 bytes");
    u128::from_be_bytes(*half)
}
