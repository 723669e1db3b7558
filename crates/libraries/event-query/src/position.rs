//! The range, the pages and the total of a search.

use event_model::{EventKey, Timestamp};

/// The position of a row in the order of a search: newest first, and by descending key within one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When the event happened.
    pub ts: Timestamp,
    /// The key of the event.
    pub event_key: EventKey,
}

/// Where a page begins in the order of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStart {
    /// At the newest row.
    Beginning,
    /// After this row, even if newer events have arrived since.
    After(Position),
    /// After this many rows.
    Skipping(u32),
}

/// Events at or after `from` and before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// The first instant.
    pub from: Timestamp,
    /// The end, which is not included.
    pub to: Timestamp,
}

/// The number of events that match the whole search, not just a page of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// All were counted.
    Exactly(u64),
    /// Counting stopped here.
    AtLeast(u64),
}
