#![doc = include_str!("../README.md")]

mod app;
mod app_mention;
mod email;
mod list;
mod mention;
mod person;
mod product;
mod rejected;
mod rewrite;
mod row;
mod sender;
mod text;
mod tombstones;
mod verdict;
mod whole;

pub use app::without_erased;
pub use list::{
    KEY_NAME, LIST_NAME, ListError, TombstoneList, late_name, note_late, read_key, read_list,
};
pub use person::{MAX_IDENTIFIERS, Names, Person, PersonError};
pub use rejected::{LineOwners, rewrite_rejected};
pub use rewrite::{Found, RewriteError, Rewritten, rewrite};
pub use row::{is_mentioned_in_column, is_row_theirs, owner_column};
pub use sender::rewrite_sender;
pub use tombstones::{ErasedPerson, Tombstones, TombstonesDocument, TombstonesError};
pub use verdict::{Verdict, verdict_of};
pub use whole::is_anywhere_in;
