//! Which events were seen.

use std::collections::HashSet;

use lake_schema::Table;
use sha2::{Digest, Sha256};

use crate::columns::{Column, Columns};

/// The ids seen so far, by 128 bits of their hash: 17 bytes each, however long they are.
#[derive(Debug, Default)]
pub(super) struct EventIds(HashSet<u128>);

impl EventIds {
    /// Whether the event in `row` is new. One without an id always is: nothing tells it from another like it.
    pub(super) fn is_new(&mut self, table: &Table, columns: &Columns, row: usize) -> bool {
        let ids = table
            .event_id()
            .and_then(|place| columns.declared.get(place));
        let Some(Column::Text(ids)) = ids else {
            return true;
        };
        match ids.get(row) {
            Some(id) => self.0.insert(first_half(Sha256::digest(id).as_slice())),
            None => true,
        }
    }
}

fn first_half(hash: &[u8]) -> u128 {
    let half = hash.first_chunk().expect("SHA-256 has 32 bytes");
    u128::from_be_bytes(*half)
}
